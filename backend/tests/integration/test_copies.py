"""Copies of a workspace over HTTP on both backends: who makes one, what is in it, and how long that takes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, User, created, problem
from tests.integration.people import CODE, PDF, VIEWPORT, People, open_people, write_content
from tests.integration.rows import Row, canvas_edit, new_source, pasted
from tests.pdf import Line, pdf
from tests.sample_document import document


@pytest.fixture
def people(backend: Backend, owner: User, workspace: Row) -> Iterator[People]:
    with open_people(backend, owner, workspace) as people:
        yield people


@pytest.fixture
def content(people: People, workspace: Row) -> dict[str, Row]:
    return write_content(people, workspace)


def assert_files_are_copied(api: httpx.Client, sources: list[Row], original: Row) -> None:
    """Assert that the sources of a copy, which share a file as their originals do, have it and its text."""
    assert len({row["storage_path"] for row in sources}) == 1
    for row in sources:
        file = api.get(f"/sources/{row['id']}/file")
        assert (file.status_code, file.content) == (200, document())
        assert row["storage_path"].startswith(f"{row['workspace_id']}/")
        for text in ("chapters", "pages"):
            there = api.get(f"/sources/{original['id']}/{text}").json()
            assert there
            assert api.get(f"/sources/{row['id']}/{text}").json() == there
    assert api.get(f"/workspaces/{sources[0]['workspace_id']}/search", params={"q": "vector"}).json()


def test_who_may_read_a_workspace_copies_it_with_its_files(
    people: People, workspace: Row, content: dict[str, Row]
) -> None:
    source, lab = people.owner.get(f"/sources/{content['sources']['id']}").json(), content["labs"]
    people.owner.patch(f"/workspaces/{workspace['id']}", json={"viewport": VIEWPORT})
    people.owner.post(f"/labs/{lab['id']}/run", json={"code": "x = 1"})
    people.owner.patch(f"/labs/{lab['id']}", json={"user_state": {"code": "x"}, "title": "Sums", "width": 300})
    twin = str(uuid4())
    canvas_edit(people.owner, workspace, copy={"ids": {source["id"]: twin}, "offset": {"x": 9, "y": 9}})
    path = f"/workspaces/{workspace['id']}/copy"
    new_id = str(uuid4())
    answer = people.viewer.post(path, json={"id": new_id, "name": "Mine"})
    copy = created(answer)
    assert (copy["id"], copy["name"], copy["role"], copy["owner_id"]) == (
        new_id,
        "Mine",
        "owner",
        people.users["viewer"].id,
    )
    assert (copy["viewport"], answer.headers["location"], answer.headers["etag"]) == (
        VIEWPORT,
        f"/v1/workspaces/{new_id}",
        '"1"',
    )
    original = people.viewer.get(f"/workspaces/{workspace['id']}/canvas").json()
    canvas = people.viewer.get(f"/workspaces/{new_id}/canvas").json()
    assert [(node["type"], node["position"], node.get("width")) for node in canvas["nodes"]] == [
        (node["type"], node["position"], node.get("width")) for node in original["nodes"]
    ]
    sources = [node["data"] for node in canvas["nodes"] if node["type"] == "source"]
    assert [row["status"] for row in sources] == [source["status"], source["status"]]
    assert_files_are_copied(people.viewer, sources, content["sources"])
    (new,) = people.viewer.get("/labs", params={"workspace_id": new_id}).json()
    assert (new["status"], new["user_state"], new["title"], new["source_id"]) == (
        "in_progress",
        {},
        "Sums",
        sources[0]["id"],
    )
    assert new["generated_content"] == CODE
    assert people.viewer.get(f"/labs/{new['id']}/runs").json() == []
    assert people.viewer.get("/chat-messages", params={"workspace_id": new_id}).json() == []
    ((edge_source, edge_target),) = [(edge["source"], edge["target"]) for edge in canvas["edges"]]
    assert (edge_source, edge_target) == (sources[0]["id"], new["id"])
    problem(people.owner.get(f"/workspaces/{new_id}"), 404, "not_found")
    assert problem(people.viewer.post(path, json={"id": new_id}), 409, "id_taken")["existing"] == new_id
    assert "existing" not in problem(people.owner.post(path, json={"id": new_id}), 409, "id_taken")
    for other in (people.former, people.stranger):
        problem(other.post(path, json={}), 404, "not_found")
    problem(people.viewer.post(path, json={"role": "owner"}), 422, "invalid_request")
    # What is done with the copy does not touch the original.
    assert people.viewer.delete(f"/workspaces/{new_id}").status_code == 204
    # Nor is its id given out again.
    for refused in (people.viewer.post(path, json={"id": new_id}), people.owner.post(path, json={"id": new_id})):
        assert "existing" not in problem(refused, 409, "id_taken")
    assert people.editor.get(f"/sources/{source['id']}/file").content == document()


def book(pages: int) -> bytes:
    """A PDF with so many pages, each full of words."""
    chance = Random(3)  # noqa: S311
    lines = [[Line(" ".join(f"word{chance.randrange(9000)}" for _ in range(12))) for _ in range(30)] for _ in range(20)]
    return pdf([[Line(f"Page {number + 1}"), *lines[number % 20]] for number in range(pages)])


def test_a_canvas_of_200_nodes_with_a_book_is_copied_in_one_request(people: People, workspace: Row) -> None:
    ids, create = pasted(200, 150)
    assert canvas_edit(people.owner, workspace, create=create).status_code == 200
    upload = people.owner.put(f"/sources/{ids[0]}/file", content=book(1000), headers=PDF)
    assert upload.json()["page_count"] == 1000, upload.text
    started_at = time.perf_counter()
    copy = created(people.viewer.post(f"/workspaces/{workspace['id']}/copy", json={}))
    seconds = time.perf_counter() - started_at
    assert seconds <= 2
    canvas = people.viewer.get(f"/workspaces/{copy['id']}/canvas").json()
    assert (len(canvas["nodes"]), len(canvas["edges"])) == (200, 150)
    assert copy["name"] == workspace["name"]
    (found,) = people.viewer.get("/sources", params={"workspace_id": copy["id"], "status": "ready"}).json()
    last = people.viewer.get(f"/sources/{found['id']}/pages", params={"first": 1000}).json()
    assert [page["number"] for page in last] == [1000]


NOTE = {"Content-Type": "text/plain"}


def notes(api: httpx.Client, workspace: Row, number: int) -> dict[str, bytes]:
    """So many sources with files; what each file says, by the source's title."""
    contents = {f"Note {n}": f"This is note {n}.".encode() for n in range(number)}
    for title, content in contents.items():
        source = created(api.post("/sources", json=new_source(workspace, title=title)))
        assert api.put(f"/sources/{source['id']}/file", content=content, headers=NOTE).json()["status"] == "ready"
    return contents


def test_two_requests_for_one_copy_make_one_that_has_all_files(
    backend: Backend, people: People, workspace: Row
) -> None:
    contents = notes(people.owner, workspace, 6)
    viewer = people.users["viewer"]
    with backend.gateway(viewer) as again, backend.data_api(viewer) as data_api, ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            new_id = str(uuid4())
            copy = (f"/workspaces/{workspace['id']}/copy", {"id": new_id})
            requests = [pool.submit(client.post, copy[0], json=copy[1]) for client in (people.viewer, again)]
            made, refused = sorted((request.result() for request in requests), key=lambda answer: answer.status_code)
            assert created(made)["id"] == new_id
            rows = people.viewer.get("/sources", params={"workspace_id": new_id}).json()
            files = {row["title"]: people.viewer.get(f"/sources/{row['id']}/file").content for row in rows}
            assert files == contents
            assert problem(refused, 409, "id_taken")["existing"] == new_id
            unused = data_api.post("/rpc/unused_files", json={"workspace_id": new_id})
            assert unused.json() == [], "the other one's files are gone"


def test_a_file_that_is_there_is_not_taken_for_missing(backend: Backend, people: People, workspace: Row) -> None:
    """As Storage says to whoever loses the role for a moment while the files are copied."""
    notes(people.owner, workspace, 1)
    with backend.data_api(people.users["viewer"]) as data_api:
        begun = data_api.post("/rpc/begin_copy", json={"workspace_id": workspace["id"]}).json()
        finish = {"copy_id": begun["id"], "missing": list(begun["paths"])}
        refused = data_api.post("/rpc/finish_copy", json=finish)
        assert refused.status_code == 409, refused.text
        assert refused.json()["message"] == "write_conflict"
        assert data_api.post("/rpc/abandon_copy", json={"copy_id": begun["id"]}).json() is True
    assert people.viewer.get("/workspaces", params={"role": "owner"}).json() == []
