"""Downloads over a file store that sends whole files, and what else a file's answers hold."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from tests.conftest import USER_ID, make_app
from tests.routes.exchange import problem
from tests.routes.test_files import FOLDER, PATH, SAVED, SOURCE, STORE, TEXT, WORKSPACE_ID, refused, saved, store
from tests.tokens import JWT_SECRET, mint

__all__ = ["store"]  # a fixture

CONTENT = b"some text"
TAG = {"ETag": '"abc"'}
LARGE = b"a" * 4_000_000
"""More than the sockets hold for somebody who does not read."""


@pytest.fixture
def narrow(upstream: respx.Router) -> Iterator[TestClient]:
    """A client of a gateway that has one connection to Supabase: an answer that is not closed keeps it."""
    app = make_app(SUPABASE_JWT_SECRET=JWT_SECRET, UPSTREAM_CONNECTIONS=1, REQUEST_TIMEOUT=5, FILE_TIMEOUT=5)
    with TestClient(app, headers={"Authorization": f"Bearer {mint(str(USER_ID))}"}) as client:
        yield client


@pytest.mark.parametrize(
    ("asked", "part", "place"),
    [
        ("bytes=0-0", b"s", "0-0"),
        ("bytes=2-5", b"me t", "2-5"),
        ("bytes=5-", b"text", "5-8"),
        ("bytes=5-99", b"text", "5-8"),
        ("bytes=-4", b"text", "5-8"),
        ("bytes=-99", CONTENT, "0-8"),
        ("bytes=8-8", b"t", "8-8"),
    ],
)
def test_a_range_is_cut_from_a_whole_file(
    client: TestClient, store: respx.Router, asked: str, part: bytes, place: str
) -> None:
    answer = client.get(f"{PATH}/file", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes {place}/9"
    assert answer.headers["content-length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=9-", "bytes=9-12", "bytes=5-4", "bytes=-0", "bytes=-"])
def test_a_range_without_bytes_is_refused(client: TestClient, store: respx.Router, asked: str) -> None:
    answer = client.get(f"{PATH}/file", headers={"Range": asked})
    problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */9"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes"])
def test_what_is_no_single_range_of_bytes_is_ignored(client: TestClient, store: respx.Router, asked: str) -> None:
    answer = client.get(f"{PATH}/file", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "range" not in store["get"].calls.last.request.headers


@pytest.mark.parametrize(("tag", "status", "content"), [('"abc"', 206, b"so"), ('"old"', 200, CONTENT)])
def test_a_range_of_an_older_file_is_the_whole_of_the_new_one(
    client: TestClient, store: respx.Router, tag: str, status: int, content: bytes
) -> None:
    store["get"].respond(200, content=CONTENT, headers=TAG)
    answer = client.get(f"{PATH}/file", headers={"Range": "bytes=0-1", "If-Range": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (status, content, '"abc"')
    assert "range" not in store["get"].calls.last.request.headers, "the file store may not know If-Range"


@pytest.mark.parametrize("path", [f"{WORKSPACE_ID}/../x", f"{WORKSPACE_ID}//x", WORKSPACE_ID, f"{STORE}/x", ".."])
def test_a_path_outside_of_its_workspace_is_not_asked_for(client: TestClient, store: respx.Router, path: str) -> None:
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"storage_path": path})
    for asked in (client.get(f"{PATH}/file"), client.post(f"{PATH}/text")):
        problem(asked, 422, "invalid_request")
    assert not store["get"].calls


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("Übung.txt", "_bung.txt", "%C3%9Cbung.txt"),
        ('a"b\\c%.txt', "a_b_c_.txt", "a%22b%5Cc%25.txt"),
        ("漢.txt", "_.txt", "%E6%BC%A2.txt"),
    ],
)
def test_a_name_is_told_in_ascii_and_whole(
    client: TestClient, store: respx.Router, name: str, plain: str, encoded: str
) -> None:
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"file_name": name})
    told = client.get(f"{PATH}/file").headers["content-disposition"]
    assert told == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def test_a_file_of_unknown_length_is_a_fault_of_the_file_store(client: TestClient, store: respx.Router) -> None:
    store["get"].respond(200, content=CONTENT, headers={"Transfer-Encoding": "chunked"})
    problem(client.get(f"{PATH}/file"), 502, "bad_upstream")


def test_a_part_that_does_not_say_which_is_a_fault_of_the_file_store(client: TestClient, store: respx.Router) -> None:
    store["get"].respond(206, content=CONTENT[:2])
    problem(client.get(f"{PATH}/file", headers={"Range": "bytes=0-1"}), 502, "bad_upstream")


def test_refused_ranges_keep_no_connection(narrow: TestClient, store: respx.Router) -> None:
    store["get"].respond(200, content=LARGE)
    for _ in range(3):
        problem(narrow.get(f"{PATH}/file", headers={"Range": f"bytes={len(LARGE)}-"}), 416, "range_not_satisfiable")
    assert narrow.get(f"{PATH}/file").content == LARGE


def test_a_file_is_looked_at_and_read_over_one_connection(narrow: TestClient, store: respx.Router) -> None:
    store["get"].respond(200, content=LARGE)
    assert narrow.post(f"{PATH}/text").json() == SAVED
    assert saved(store)["file_bytes"] == len(LARGE)


def test_a_name_that_a_source_has_is_kept_when_it_is_read_again(client: TestClient, store: respx.Router) -> None:
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"file_name": "Mine.txt"})
    client.post(f"{PATH}/text")
    assert saved(store)["file_name"] == "Mine.txt"
    long = f"{FOLDER}/{'x' * 300}.txt"
    store.get("/rest/v1/sources").respond(200, json=SOURCE | {"file_name": None, "storage_path": long})
    store["get"].respond(200, content=CONTENT, headers=TEXT)
    client.post(f"{PATH}/text")
    assert saved(store)["file_name"] == "x" * 255


def test_the_length_that_is_announced_is_announced_to_the_file_store(client: TestClient, store: respx.Router) -> None:
    client.put(f"{PATH}/file", content=CONTENT, headers=TEXT)
    assert store["put"].calls.last.request.headers["content-length"] == "9"
    client.put(f"{PATH}/file", content=iter([b"some ", b"text"]), headers=TEXT)
    sent = store["put"].calls.last.request
    assert (sent.content, sent.headers.get("transfer-encoding")) == (CONTENT, "chunked")


def test_the_next_pages_are_linked_to_with_what_was_asked(client: TestClient, upstream: respx.Router) -> None:
    pages: list[dict[str, Any]] = [{"number": n, "text": "a", "following": n + 1} for n in (1, 2)]
    upstream.get("/rest/v1/rpc/read_pages").respond(200, json=pages)
    link = client.get(f"{PATH}/pages?limit=2&last=9").headers["link"]
    assert link == f'<{PATH}/pages?last=9&limit=2&first=3>; rel="next"'
    upstream.get("/rest/v1/rpc/read_pages").respond(200, json=[pages[0] | {"following": None}])
    assert "link" not in client.get(f"{PATH}/pages").headers


@pytest.mark.parametrize("path", [f"{PATH}/chapters", f"/v1/workspaces/{WORKSPACE_ID}/search?q=a"])
def test_what_is_no_list_is_not_passed_on(client: TestClient, upstream: respx.Router, path: str) -> None:
    upstream.get(path__startswith="/rest/v1/rpc/").respond(200, json={"secret": 1})
    problem(client.get(path), 502, "bad_upstream")


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (refused(416), 416, "range_not_satisfiable"),
        (refused(400, '"exp" claim timestamp check failed'), 401, "token_expired"),
        (refused(401), 401, "unauthenticated"),
        (httpx.Response(502), 503, "supabase_unavailable"),
        (httpx.Response(400, content=b"[]"), 502, "bad_upstream"),
    ],
)
def test_a_refused_download_is_told(
    client: TestClient, store: respx.Router, answer: httpx.Response, status: int, code: str
) -> None:
    store["get"].mock(return_value=answer)
    problem(client.get(f"{PATH}/file"), status, code)


def test_a_file_store_that_is_cut_off_may_be_asked_again(client: TestClient, store: respx.Router) -> None:
    store["get"].mock(side_effect=httpx.ReadError("reset"))
    problem(client.get(f"{PATH}/file"), 503, "supabase_unavailable")
