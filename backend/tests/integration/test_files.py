"""Files through the gateway: uploaded, read, found again, downloaded and removed, and another user's attempts."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dev.postgres import psql_command
from tests.integration.conftest import Backend, User, created, problem
from tests.integration.test_recovery import wait_for
from tests.pdf import Line, pdf
from tests.sample_document import document
from tests.tokens import mint

PDF = {"Content-Type": "application/pdf"}
TEXT = {"Content-Type": "text/plain"}
MARKDOWN = {"Content-Type": "text/markdown"}


@pytest.fixture
def source(api: httpx.Client, workspace: dict[str, Any]) -> dict[str, Any]:
    new = {"workspace_id": workspace["id"], "type": "pdf", "title": "Attention / step\tby step"}
    return created(api.post("/sources", json=new))


@pytest.fixture
def store(backend: Backend, owner: User) -> Iterator[httpx.Client]:
    """The file store itself, as the owner sees it."""
    headers = {"apikey": backend.publishable_key, "Authorization": f"Bearer {owner.token}"}
    with httpx.Client(base_url=f"{backend.supabase_url}/storage/v1/object", headers=headers, timeout=30) as client:
        yield client


def stored(store: httpx.Client, source: dict[str, Any]) -> list[str]:
    """The files in a source's folder."""
    folder = f"{source['workspace_id']}/{source['id']}"
    listed = store.post("/list/sources", json={"prefix": folder, "limit": 100, "offset": 0})
    assert listed.status_code == 200, listed.text
    return sorted(f"{folder}/{file['name'].rpartition('/')[2]}" for file in listed.json())


def put(api: httpx.Client, source: dict[str, Any], content: Any, headers: dict[str, str], **query: str) -> Any:
    answer = api.put(f"/sources/{source['id']}/file", content=content, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_is_uploaded_read_found_downloaded_and_removed(
    api: httpx.Client, workspace: dict[str, Any], source: dict[str, Any], store: httpx.Client
) -> None:
    path, sample = f"/sources/{source['id']}", document()
    answer = api.put(f"{path}/file", content=sample, headers=PDF, params={"name": "Größe 漢.pdf"})
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert api.get(path).json() == row
    assert answer.headers["etag"] == '"2"'
    read = {name: row[name] for name in ("status", "failure", "file_name", "file_bytes", "media_type", "version")}
    assert read == {
        "status": "ready",
        "failure": None,
        "file_name": "Größe 漢.pdf",
        "file_bytes": len(sample),
        "media_type": "application/pdf",
        "version": 2,
    }
    assert stored(store, source) == [row["storage_path"]]

    chapters = api.get(f"{path}/chapters").json()
    assert [chapter["position"] for chapter in chapters] == [*range(1, len(chapters) + 1)]
    assert [chapter["title"] for chapter in chapters if chapter["level"] == 1][:2] == ["1 Vectors", "2 Softmax"]
    pages = api.get(f"{path}/pages").json()
    assert [page["number"] for page in pages] == [*range(1, row["page_count"] + 1)]
    (found, *_) = api.get(f"/workspaces/{workspace['id']}/search", params={"q": '"square root of d"'}).json()
    assert "square root of d" in " ".join(pages[found["page"] - 1]["text"].split())
    assert found["source_id"] == source["id"]
    assert "\x02" in found["excerpt"]
    params = {"q": "softmax", "source_id": source["id"], "limit": 1}
    assert len(api.get(f"/workspaces/{workspace['id']}/search", params=params).json()) == 1
    assert [row] == api.get("/sources", params={"workspace_id": workspace["id"], "status": "ready"}).json()
    (node,) = api.get(f"/workspaces/{workspace['id']}/canvas").json()["nodes"]
    assert node["data"] == row

    whole = api.get(f"{path}/file")
    assert (whole.status_code, whole.content) == (200, sample)
    assert whole.headers["content-type"] == "application/pdf"
    assert whole.headers["content-length"] == str(len(sample))
    assert whole.headers["content-disposition"] == (
        "attachment; filename=\"Gr__e _.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E6%BC%A2.pdf"
    )
    head = api.head(f"{path}/file")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(sample)))

    assert api.delete(f"{path}/file").status_code == 204
    empty = api.get(path).json()
    assert (empty["status"], empty["storage_path"], empty["page_count"]) == ("empty", None, None)
    assert stored(store, source) == []
    assert api.get(f"{path}/pages").json() == api.get(f"{path}/chapters").json() == []
    problem(api.get(f"{path}/file"), 404, "not_found")


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, 5000), ("bytes=-7", 4993, 5000), ("bytes=4990-9999", 4990, 5000)],
)
def test_a_range_of_a_file_is_downloaded(
    api: httpx.Client, source: dict[str, Any], asked: str, begin: int, end: int
) -> None:
    content = bytes(ord("a") + n % 26 for n in range(5000))
    put(api, source, content, TEXT)
    answer = api.get(f"/sources/{source['id']}/file", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, content[begin:end])
    assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/5000"
    assert answer.headers["content-length"] == str(end - begin)


def test_a_range_that_is_not_there_is_refused_and_another_unit_is_ignored(
    api: httpx.Client, source: dict[str, Any]
) -> None:
    put(api, source, b"some text", TEXT)
    path = f"/sources/{source['id']}/file"
    for asked in ("bytes=9-", "bytes=-0", "bytes=-"):
        refused = api.get(path, headers={"Range": asked})
        problem(refused, 416, "range_not_satisfiable")
        assert refused.headers["content-range"] == "bytes */9"
    for asked in ("pages=1-2", "bytes=0-1,3-4", "bytes=x"):
        assert api.get(path, headers={"Range": asked}).content == b"some text"
    assert api.get(path, headers={"Range": "bytes=0-3", "If-Range": '"another"'}).content == b"some text"


def test_a_page_of_another_origin_reads_what_it_needs(api: httpx.Client, source: dict[str, Any]) -> None:
    put(api, source, b"some text", TEXT)
    answer = api.get(
        f"/sources/{source['id']}/file", headers={"Origin": "https://app.example.com", "Range": "bytes=0-3"}
    )
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"Content-Disposition", "Content-Range", "Accept-Ranges", "ETag"}


def test_a_new_file_replaces_the_old_one_whole(api: httpx.Client, source: dict[str, Any], store: httpx.Client) -> None:
    first = put(api, source, b"# One\n\nalpha\n\n# Two\n\nbeta", MARKDOWN)
    assert (first["page_count"], first["file_name"]) == (2, "Attention step by step.md")
    second = put(api, source, b"gamma", TEXT)
    assert (second["page_count"], second["version"]) == (1, first["version"] + 1)
    assert stored(store, source) == [second["storage_path"]] != [first["storage_path"]]
    assert api.get(f"/sources/{source['id']}/pages").json() == [{"number": 1, "text": "gamma"}]


def test_a_file_is_replaced_read_and_removed_by_who_knows_its_version(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    path = f"/sources/{source['id']}"
    known = {"If-Match": '"1"'}
    first = api.put(f"{path}/file", content=b"alpha", headers=TEXT | known)
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    for answer in (
        api.put(f"{path}/file", content=b"beta", headers=TEXT | known),
        api.post(f"{path}/text", headers=known),
        api.delete(f"{path}/file", headers=known),
    ):
        problem(answer, 412, "stale_version")
    assert api.get(path).json() == first.json()
    assert stored(store, source) == [first.json()["storage_path"]]
    read = api.post(f"{path}/text", headers={"If-Match": '"1", "2"'})
    assert (read.status_code, read.headers["etag"]) == (200, '"3"')
    assert api.delete(f"{path}/file", headers={"If-Match": read.headers["etag"]}).status_code == 204
    assert api.get(path).json()["status"] == "empty"


def test_whoever_changes_the_source_during_an_upload_is_faster(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    path = f"/sources/{source['id']}"

    def content() -> Iterator[bytes]:
        yield b"a" * 2048  # of which the first is read before anything is stored
        with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=30) as other:
            assert other.patch(path, json={"title": "Faster"}).is_success
        yield b"b"

    problem(api.put(f"{path}/file", content=content(), headers=TEXT | {"If-Match": '"1"'}), 412, "stale_version")
    row = api.get(path).json()
    assert (row["title"], row["status"], row["version"]) == ("Faster", "empty", 2)
    assert stored(store, source) == []


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)  # two transactions at once
def test_whoever_is_faster_while_the_text_is_saved_is_seen(
    backend: Backend, api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    path, stack = f"/sources/{source['id']}", backend.stack
    change = f"begin; update public.sources set title = 'Faster' where id = '{source['id']}' returning title;\n"  # noqa: S608
    with (
        subprocess.Popen(
            [*psql_command(stack.psql, stack.dsn), "-At"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        assert other.stdin
        assert other.stdout
        other.stdin.write(change)
        other.stdin.flush()
        assert other.stdout.readline() == "Faster\n"
        headers = TEXT | {"If-Match": '"1"'}
        slower = pool.submit(api.put, f"{path}/file", content=b"some text", headers=headers)
        wait_for(lambda: stack.sql("select count(*) from pg_locks where not granted") != "0\n")
        other.communicate("commit;\n")
        problem(slower.result(), 412, "stale_version")
    row = api.get(path).json()
    assert (row["title"], row["status"], row["version"]) == ("Faster", "empty", 2)
    assert stored(store, source) == []


def test_a_file_that_cannot_be_read_is_kept(api: httpx.Client, source: dict[str, Any]) -> None:
    broken = document()[:2000]
    row = put(api, source, broken, PDF)
    assert (row["status"], row["failure"], row["page_count"]) == ("failed", "damaged", None)
    assert api.get(f"/sources/{source['id']}/file").content == broken
    problem(api.put(f"/sources/{source['id']}/file", content=b"x", headers=PDF), 415, "unsupported_file")
    assert api.get(f"/sources/{source['id']}").json() == row


def test_a_file_of_unannounced_length_is_taken(api: httpx.Client, source: dict[str, Any]) -> None:
    row = put(api, source, (b"a line of text\n" for _ in range(1000)), TEXT)
    assert (row["status"], row["file_bytes"]) == ("ready", 15000)


def test_pages_are_listed_piece_by_piece(api: httpx.Client, source: dict[str, Any]) -> None:
    put(api, source, b"\n\n".join(b"# %d\n\ntext" % n for n in range(1, 8)), MARKDOWN)
    seen, url = [], f"/sources/{source['id']}/pages?limit=2&first=2&last=6"
    while url:
        answer = api.get(url)
        seen += [page["number"] for page in answer.json()]
        url = answer.links["next"]["url"].removeprefix("/v1") if "next" in answer.links else ""
    assert seen == [2, 3, 4, 5, 6]


def test_a_file_that_came_to_the_store_directly_is_read(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    path = f"/sources/{source['id']}"
    place = f"{source['workspace_id']}/{source['id']}/notes.md"
    assert store.post(f"/sources/{place}", content=b"# Notes\n\nof mine", headers=MARKDOWN).status_code == 200
    problem(api.post(f"{path}/text"), 404, "not_found")
    waiting = api.patch(path, json={"storage_path": place}).json()
    assert waiting["status"] == "empty"
    read = api.post(f"{path}/text")
    assert read.status_code == 200, read.text
    row = read.json()
    assert (row["status"], row["file_name"], row["file_bytes"]) == ("ready", "notes.md", 16)
    assert api.post(f"{path}/text").json()["storage_path"] == place
    assert stored(store, source) == [place]


def test_a_file_that_is_replaced_while_it_is_read_again_stays_replaced(
    api: httpx.Client, source: dict[str, Any]
) -> None:
    path = f"/sources/{source['id']}"
    put(api, source, pdf([[Line("Light bends.")] * 40] * 400), PDF)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(api.post, f"{path}/text")
        row = put(api, source, b"Water waves.", MARKDOWN)
        answer = reading.result()
    assert answer.status_code == 200 or answer.json()["code"] == "write_conflict"
    assert api.get(path).json()["storage_path"] == row["storage_path"]
    assert api.get(f"{path}/file").content == b"Water waves."


def test_only_files_below_the_workspace_are_read(
    backend: Backend, api: httpx.Client, source: dict[str, Any], stranger: User
) -> None:
    with backend.gateway(stranger) as theirs:
        place = created(theirs.post("/workspaces", json={"name": "Theirs"}))["id"]
        foreign = created(theirs.post("/sources", json={"workspace_id": place, "type": "pdf", "title": "Theirs"}))
        taken = put(theirs, foreign, b"secret", TEXT)["storage_path"]
    own = source["workspace_id"]
    for path in (taken, f"{own}/../{taken}", f"{own}/../../../rest/v1/workspaces", f"{own}//a", own, "/", f"{own}/"):
        assert api.patch(f"/sources/{source['id']}", json={"storage_path": path}).status_code == 200
        problem(api.get(f"/sources/{source['id']}/file"), 422, "invalid_request")
        problem(api.post(f"/sources/{source['id']}/text"), 422, "invalid_request")
    for path in (f"{own}/%2e%2e/x", f"{own}/a?b#c", f"{own}/{source['id']}/nowhere.pdf"):
        assert api.patch(f"/sources/{source['id']}", json={"storage_path": path}).status_code == 200
        problem(api.get(f"/sources/{source['id']}/file"), 404, "not_found")
        problem(api.post(f"/sources/{source['id']}/text"), 404, "not_found")


def test_a_stranger_is_refused_on_every_verb(
    backend: Backend, api: httpx.Client, source: dict[str, Any], store: httpx.Client, stranger: User
) -> None:
    row = put(api, source, b"mine alone", TEXT)
    path = f"/sources/{source['id']}"
    with backend.gateway(stranger) as theirs:
        for answer in (
            theirs.put(f"{path}/file", content=b"theirs", headers=TEXT),
            theirs.get(f"{path}/file"),
            theirs.head(f"{path}/file"),
            theirs.delete(f"{path}/file"),
            theirs.post(f"{path}/text"),
            theirs.get(f"{path}/chapters"),
            theirs.get(f"{path}/pages"),
            theirs.get(f"/workspaces/{source['workspace_id']}/search?q=mine"),
        ):
            assert answer.status_code == 404, (answer.request.method, answer.request.url, answer.text)
    with backend.gateway() as nobody:
        problem(nobody.put(f"{path}/file", content=b"theirs", headers=TEXT), 401, "unauthenticated")
        problem(nobody.get(f"{path}/file"), 401, "unauthenticated")
    assert api.get(path).json() == row
    assert stored(store, source) == [row["storage_path"]]


def test_a_source_in_the_trash_keeps_its_file(api: httpx.Client, source: dict[str, Any], store: httpx.Client) -> None:
    row = put(api, source, b"some text", TEXT)
    assert api.delete(f"/sources/{source['id']}").status_code == 204
    problem(api.get(f"/sources/{source['id']}/file"), 404, "not_found")
    problem(api.put(f"/sources/{source['id']}/file", content=b"new", headers=TEXT), 404, "not_found")
    assert stored(store, source) == [row["storage_path"]]


def test_with_its_workspace_a_file_is_gone(
    api: httpx.Client, workspace: dict[str, Any], source: dict[str, Any], store: httpx.Client
) -> None:
    row = put(api, source, b"some text", TEXT)
    assert api.delete(f"/workspaces/{workspace['id']}").status_code == 204
    assert stored(store, source) == []
    assert store.get(f"/sources/{row['storage_path']}").json()["statusCode"] == "404"


@pytest.mark.parametrize("how", ["sources", "labs", "edges", "canvas"])
def test_a_purge_takes_the_file_along_whatever_is_deleted(
    backend: Backend,
    api: httpx.Client,
    workspace: dict[str, Any],
    source: dict[str, Any],
    store: httpx.Client,
    how: str,
) -> None:
    """What has been in the trash for seven days, which an operator's clock makes so."""
    of = {"workspace_id": workspace["id"]}
    old, copy, other = source, str(uuid4()), created(api.post("/sources", json=of | {"type": "pdf", "title": "Other"}))
    lab = created(api.post("/labs", json=of | {"type": "essay_lab"}))
    edge = created(api.post("/edges", json=of | {"source_node_id": other["id"], "target_node_id": lab["id"]}))
    put(api, old, b"some text", TEXT)
    shared = put(api, other, b"of two sources", TEXT)["storage_path"]
    canvas = f"/workspaces/{workspace['id']}/canvas"
    assert api.post(canvas, json={"copy": {"ids": {other["id"]: copy}}}).is_success
    assert api.post(canvas, json={"delete": {"nodes": [old["id"], copy]}}).is_success
    assert len(stored(store, old)) == 1, "what is in the trash keeps its file"
    operator = User(str(uuid4()), mint(str(uuid4()), secret=backend.jwt_secret, role="service_role"))
    with backend.data_api(operator) as data_api:
        aged = {"deleted_at": (datetime.now(UTC) - timedelta(days=8)).isoformat()}
        answer = data_api.patch(f"/sources?id=in.({old['id']},{copy})", json=aged)
        assert answer.is_success, answer.text
    deletes = {"sources": other["id"], "labs": lab["id"], "edges": edge["id"]}
    if how == "canvas":
        answer = api.post(canvas, json={"create": {"labs": [{"type": "essay_lab"}]}})
        assert (answer.status_code, set(answer.json())) == (200, {"created", "copied", "deleted", "restored"})
    else:
        assert api.delete(f"/{how}/{deletes[how]}").status_code == 204
    assert stored(store, old) == []
    assert stored(store, other) == [shared], "the one that a source still refers to stays"
