"""The routes of a source's file: what goes to the file store and the data API, and what comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from app.config import Settings
from app.context import Context
from app.errors import ConnectionLostError, StaleVersionError
from app.memory import Memory
from app.services.db import Session
from app.services.documents import Documents
from app.services.files import Files, Upload
from app.services.pool import AiohttpClient
from app.services.storage import Bucket
from tests.conftest import server
from tests.routes.exchange import NO_ROW, problem, raised
from tests.services.test_db import client_over, make_context
from tests.services.test_uploads import chunks

WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
SOURCE_ID = "20000000-0000-4000-8000-000000000001"
FOLDER = f"{WORKSPACE_ID}/{SOURCE_ID}"
SOURCE = {
    "id": SOURCE_ID,
    "workspace_id": WORKSPACE_ID,
    "version": 3,
    "title": "Notes",
    "storage_path": f"{FOLDER}/a.txt",
    "file_name": "a.txt",
    "media_type": "text/plain",
}
PATH = f"/v1/sources/{SOURCE_ID}"
STORE = "/storage/v1/object/sources"
SAVED = {"id": SOURCE_ID, "status": "ready", "version": 4}
TEXT = {"Content-Type": "text/plain"}


def refused(status: int, message: str = "no") -> httpx.Response:
    """A refusal of the file store, as it puts it."""
    return httpx.Response(400, json={"statusCode": str(status), "error": "no", "message": message})


@pytest.fixture
def store(upstream: respx.Router) -> respx.Router:
    """A data API and a file store where all goes well."""
    upstream.get("/rest/v1/sources").respond(200, json=SOURCE)
    upstream.post("/rest/v1/rpc/save_file", name="save").respond(
        200, json=[{"source": SAVED, "unused": [f"{FOLDER}/old.txt"]}]
    )
    upstream.route(method="POST", path__startswith=f"{STORE}/", name="put").respond(200, json={"Key": "k"})
    upstream.route(method="GET", path__startswith=f"{STORE}/", name="get").respond(200, content=b"some text")
    upstream.delete(STORE, name="remove").respond(200, json=[])
    upstream.get("/rest/v1/my_workspaces", name="roles").respond(200, json=[])
    return upstream


def saved(store: respx.Router) -> Any:
    return json.loads(store["save"].calls.last.request.content)


def removed(store: respx.Router) -> list[str]:
    return [path for call in store["remove"].calls for path in json.loads(call.request.content)["prefixes"]]


def test_what_is_read_again_must_be_the_file_still(client: TestClient, store: respx.Router) -> None:
    assert client.post(f"{PATH}/text").status_code == 200
    assert saved(store)["former_path"] == SOURCE["storage_path"]
    assert client.put(f"{PATH}/file", content=b"some text", headers=TEXT).status_code == 200
    assert "former_path" not in saved(store)


def test_an_upload_is_the_file_then_the_row_then_the_old_file(client: TestClient, store: respx.Router) -> None:
    answer = client.put(f"{PATH}/file?name=b.txt", content=b"some text", headers=TEXT)
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, SAVED, '"4"')
    asked = [(call.request.method, call.request.url.path.rpartition("/")[2]) for call in store.calls]
    put = store["put"].calls.last.request
    assert [method for method, _ in asked] == ["GET", "POST", "GET", "POST", "DELETE"]
    assert asked[3] == ("POST", "save_file")
    assert (put.content, put.headers["content-type"], put.headers["x-upsert"]) == (b"some text", "text/plain", "false")
    assert put.url.path.startswith(f"{STORE}/{FOLDER}/")
    assert {call.request.headers["authorization"] for call in store.calls} == {client.headers["authorization"]}
    assert {call.request.headers["apikey"] for call in store.calls} == {"sb_publishable_test"}
    values = saved(store)
    assert values["storage_path"] == put.url.path.removeprefix(f"{STORE}/")
    assert (values["file_name"], values["file_bytes"], values["media_type"]) == ("b.txt", 9, "text/plain")
    assert values["document"]["pages"] == ["some text"]
    assert removed(store) == [f"{FOLDER}/old.txt"]


@asynccontextmanager
async def open_files(memory: Memory) -> AsyncIterator[tuple[Files, Context]]:
    """The files of sources, over the upstream of these tests."""
    context = make_context(memory)
    async with AiohttpClient(Settings()) as http:
        session = Session(client_over(http, server.url), {}, context)
        bucket = Bucket(http, f"{server.url}/storage/v1/object", {}, context)
        yield Files(session, bucket, Documents(), context, language="simple"), context


def test_the_text_of_a_file_is_counted_as_memory(store: respx.Router) -> None:
    async def upload() -> int:
        async with open_files(Memory(1 << 20, patience=1)) as (files, context):
            await files.upload(UUID(SOURCE_ID), Upload("text/plain", None, chunks(b"some text")), None)
        return context.memory.size

    counted = asyncio.run(upload())
    document = store["save"].calls.last.request.content.partition(b'"document":')[2]
    assert counted == len(document.removesuffix(b"}"))


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"\x89PNG\r\n\x1a\n", "application/pdf", 415, "unsupported_file"),
        (b"%PDF-1.7", "text/plain", 415, "unsupported_file"),
        (b"PK", "application/zip", 415, "unsupported_file"),
        (b"text", "", 415, "unsupported_file"),
        (b"", "text/plain", 422, "invalid_request"),
    ],
)
def test_what_cannot_be_such_a_file_is_refused_and_not_stored(
    client: TestClient, store: respx.Router, content: bytes, kind: str, status: int, code: str
) -> None:
    problem(client.put(f"{PATH}/file", content=content, headers={"Content-Type": kind}), status, code)
    assert not store["put"].calls


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", "a\nb", "x" * 256])
def test_a_name_that_no_file_has_is_refused(client: TestClient, store: respx.Router, name: str) -> None:
    answer = client.put(f"{PATH}/file", params={"name": name}, content=b"x", headers=TEXT)
    problem(answer, 422, "invalid_request")
    assert not store.calls


def test_a_file_over_the_limit_is_refused(client: TestClient, store: respx.Router) -> None:
    answer = client.put(f"{PATH}/file", content=b"x", headers={**TEXT, "Content-Length": str(52_428_801)})
    problem(answer, 413, "body_too_large")
    assert not store.calls


@pytest.mark.parametrize(("method", "path"), [("PUT", "/file"), ("GET", "/file"), ("POST", "/text")])
def test_a_hidden_source_has_no_file(client: TestClient, store: respx.Router, method: str, path: str) -> None:
    store.get("/rest/v1/sources").mock(return_value=NO_ROW)
    problem(client.request(method, PATH + path, content=b"x", headers=TEXT), 404, "not_found")
    assert [call.request.url.path for call in store.calls] == ["/rest/v1/sources"]


def test_a_hidden_source_loses_no_file(client: TestClient, store: respx.Router) -> None:
    store["save"].mock(return_value=raised(404, "source_not_found"))
    problem(client.delete(f"{PATH}/file"), 404, "not_found")
    assert not store["remove"].calls


@pytest.mark.parametrize(("method", "path"), [("PUT", "/file"), ("POST", "/text")])
def test_a_stale_version_is_refused_before_anything_is_taken(
    client: TestClient, store: respx.Router, method: str, path: str
) -> None:
    def send() -> Any:
        return client.request(method, PATH + path, content=b"x", headers={**TEXT, "If-Match": '"2", "1"'})

    problem(send(), 412, "stale_version")
    store["roles"].respond(200, json=[{"role": "viewer"}])
    problem(send(), 403, "read_only")
    assert not any(store[name].calls for name in ("put", "get", "save"))


def test_a_file_that_is_refused_for_its_version_is_not_read(store: respx.Router) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"some text"

    async def upload() -> None:
        async with open_files(Memory(1 << 20, patience=1)) as (files, _):
            await files.upload(UUID(SOURCE_ID), Upload("text/plain", None, body()), None, frozenset({4}))

    with pytest.raises(StaleVersionError):
        asyncio.run(upload())
    assert not read


def test_whoever_was_faster_meanwhile_keeps_their_file(client: TestClient, store: respx.Router) -> None:
    """The version was right when the upload began."""
    store["save"].mock(return_value=raised(412, "stale_version"))
    headers = {"If-Match": '"3", "4"'}
    problem(client.put(f"{PATH}/file", content=b"some text", headers=TEXT | headers), 412, "stale_version")
    assert saved(store)["versions"] == [3, 4]
    assert removed(store) == [store["put"].calls.last.request.url.path.removeprefix(f"{STORE}/")], "the new one alone"
    problem(client.post(f"{PATH}/text", headers=headers), 412, "stale_version")
    assert saved(store)["versions"] == [3, 4]
    problem(client.delete(f"{PATH}/file", headers=headers), 412, "stale_version")
    assert saved(store)["versions"] == [3, 4]
    assert len(removed(store)) == 1


@pytest.mark.parametrize("if_match", [{}, {"If-Match": "*"}])
def test_without_a_version_any_is_allowed(client: TestClient, store: respx.Router, if_match: dict[str, str]) -> None:
    for method, path in (("PUT", "/file"), ("POST", "/text"), ("DELETE", "/file")):
        assert client.request(method, PATH + path, content=b"some text", headers=TEXT | if_match).is_success
        assert saved(store)["versions"] is None


@pytest.mark.parametrize(("method", "path"), [("PUT", "/file"), ("POST", "/text"), ("DELETE", "/file")])
def test_a_version_that_is_none_is_malformed(client: TestClient, store: respx.Router, method: str, path: str) -> None:
    answer = client.request(method, PATH + path, content=b"x", headers={**TEXT, "If-Match": "3"})
    problem(answer, 400, "malformed_request")
    assert not store.calls


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x.y.z"}])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/file"), ("GET", "/file"), ("HEAD", "/file"), ("DELETE", "/file"), ("POST", "/text")]
)
def test_without_a_valid_token_nothing_is_answered(
    anonymous: TestClient, store: respx.Router, method: str, path: str, header: dict[str, str]
) -> None:
    assert anonymous.request(method, PATH + path, content=b"x", headers={**TEXT, **header}).status_code == 401
    assert not store.calls


def test_a_file_that_its_row_refuses_is_removed_again(client: TestClient, store: respx.Router) -> None:
    store["save"].mock(return_value=raised(404, "source_not_found"))
    problem(client.put(f"{PATH}/file", content=b"some text", headers=TEXT), 404, "not_found")
    assert removed(store) == [store["put"].calls.last.request.url.path.removeprefix(f"{STORE}/")]


def test_what_a_viewer_sends_is_refused_as_such(client: TestClient, store: respx.Router) -> None:
    store["roles"].respond(200, json=[{"role": "viewer"}])
    store["save"].mock(return_value=raised(404, "source_not_found"))
    problem(client.delete(f"{PATH}/file"), 403, "read_only")
    problem(client.post(f"{PATH}/text"), 403, "read_only")
    store["put"].mock(return_value=refused(403, "new row violates row-level security policy"))
    problem(client.put(f"{PATH}/file", content=b"some text", headers=TEXT), 403, "read_only")


def test_a_file_that_perhaps_has_its_row_is_kept(client: TestClient, store: respx.Router) -> None:
    store["save"].mock(side_effect=httpx.ReadError("reset"))
    problem(client.put(f"{PATH}/file", content=b"some text", headers=TEXT), 502, "connection_lost")
    assert not store["remove"].calls


def test_a_file_whose_row_there_is_no_memory_for_is_kept(store: respx.Router) -> None:
    large = SAVED | {"metadata": {"text": "x" * 300_000}}  # however it is cut, enough of it is counted
    store["save"].respond(200, json=[{"source": large, "unused": []}])

    async def upload() -> None:
        memory = Memory(100_000, patience=0.01)
        others = memory.share()
        await others.grow(1000)
        async with open_files(memory) as (files, _):
            await files.upload(UUID(SOURCE_ID), Upload("text/plain", None, chunks(b"some text")), None)

    with pytest.raises(ConnectionLostError):
        asyncio.run(upload())
    assert not store["remove"].calls


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (refused(404), 404, "not_found"),
        (refused(403, "new row violates row-level security policy"), 404, "not_found"),
        (refused(413), 413, "body_too_large"),
        (refused(415), 415, "unsupported_file"),
        (refused(400, "jwt expired"), 401, "token_expired"),
        (refused(404, "Bucket not found"), 503, "supabase_unavailable"),
        (httpx.Response(503), 503, "supabase_unavailable"),
        (httpx.Response(500, json={"statusCode": "500"}), 502, "bad_upstream"),
        (httpx.Response(200, content=b"x"), 200, ""),
    ],
)
def test_a_refusal_of_the_file_store_is_told(
    client: TestClient, store: respx.Router, answer: httpx.Response, status: int, code: str
) -> None:
    store["put"].mock(return_value=answer)
    response = client.put(f"{PATH}/file", content=b"some text", headers=TEXT)
    assert response.status_code == status
    assert response.json().get("code", "") == code


def test_an_old_file_that_stays_is_nobodys_loss(
    client: TestClient, store: respx.Router, caplog: pytest.LogCaptureFixture
) -> None:
    store["remove"].respond(500, json={})
    assert client.put(f"{PATH}/file", content=b"some text", headers=TEXT).status_code == 200
    assert "1 files are left" in caplog.text


def test_a_download_is_the_file_with_its_name(client: TestClient, store: respx.Router) -> None:
    answer = client.get(f"{PATH}/file")
    assert (answer.status_code, answer.content) == (200, b"some text")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"] == "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"
    assert client.head(f"{PATH}/file").headers["content-length"] == "9"


def test_a_range_that_the_file_store_heeds_is_passed_on(client: TestClient, store: respx.Router) -> None:
    store["get"].respond(206, content=b"me t", headers={"Content-Range": "bytes 2-5/9"})
    answer = client.get(f"{PATH}/file", headers={"Range": "bytes=2-5"})
    assert store["get"].calls.last.request.headers["range"] == "bytes=2-5"
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, b"me t", "bytes 2-5/9")


def test_reading_again_takes_the_kind_from_the_file_store_or_the_name(client: TestClient, store: respx.Router) -> None:
    assert client.post(f"{PATH}/text").json() == SAVED
    assert (saved(store)["storage_path"], saved(store)["media_type"]) == (SOURCE["storage_path"], "text/plain")
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"storage_path": f"{FOLDER}/a.zip"})
    problem(client.post(f"{PATH}/text"), 415, "unsupported_file")


@pytest.mark.parametrize(
    ("storage_path", "status", "code", "says", "loc"),
    [
        (None, 404, "not_found", "There is no file", None),
        (f"{FOLDER}/gone.txt", 404, "not_found", "There is no file", None),
        ("elsewhere/a.txt", 422, "invalid_request", "<workspace_id>/<source_id>/<name>", ["storage_path"]),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "file"), ("POST", "text")])
def test_a_source_without_its_file_is_told_how_it_gets_one(
    client: TestClient,
    store: respx.Router,
    method: str,
    path: str,
    storage_path: str | None,
    status: int,
    code: str,
    says: str,
    loc: list[str] | None,
) -> None:
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"storage_path": storage_path})
    store["get"].mock(return_value=refused(404))
    document = problem(client.request(method, f"{PATH}/{path}"), status, code)
    assert says in document["detail"]
    assert "`PUT .../file`" in document["detail"]
    assert [error["loc"] for error in document.get("errors", [])] == ([loc] if loc else [])


@pytest.mark.parametrize("what", ["workspaces", "sources", "labs", "edges"])
def test_what_a_deletion_leaves_over_is_removed_before_the_answer(
    client: TestClient, store: respx.Router, what: str
) -> None:
    function = "delete_workspace" if what == "workspaces" else "move_to_trash"
    store.post(f"/rest/v1/rpc/{function}").respond(200, json=[f"{FOLDER}/old.txt"])
    assert client.delete(f"/v1/{what}/{SOURCE_ID}").status_code == 204
    assert removed(store) == [f"{FOLDER}/old.txt"]


def test_what_an_edited_canvas_leaves_over_is_removed_and_not_told(client: TestClient, store: respx.Router) -> None:
    edited: dict[str, Any] = {part: {"nodes": [], "edges": []} for part in ("created", "copied", "deleted", "restored")}
    answer = edited | {"unused": [f"{FOLDER}/old.txt"]}
    store.post("/rest/v1/rpc/edit_canvas").respond(200, json=answer)
    assert client.post(f"/v1/workspaces/{WORKSPACE_ID}/canvas", json={}).json() == edited
    assert removed(store) == [f"{FOLDER}/old.txt"]
