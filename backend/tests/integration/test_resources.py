"""The five resources over HTTP, the same on both backends: ids, versions, lists, and every field there and back."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest

from app.models.lab import LabUpdate
from app.models.source import SourceUpdate
from app.models.types import MAX_JSON_BYTES
from tests.integration.conftest import Backend, created, problem
from tests.integration.resources import IN_WORKSPACE, RESOURCES, TRASHED, VERSIONED, Scene, content, open_scene
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source, walk

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@pytest.fixture(scope="module")
def scene(backend: Backend) -> Iterator[Scene]:
    with open_scene(backend) as scene:
        yield scene


@pytest.mark.parametrize("table", RESOURCES)
def test_both_backends_rows_become_the_same_answers(scene: Scene, table: str) -> None:
    row = scene.rows[table]
    view = "my_workspaces" if table == "workspaces" else table
    stored = scene.clients["data API", "owner"].get(f"/{view}", params={"id": f"eq.{row['id']}"}).json()
    assert [each.pop("deleted_at") for each in stored if table in TRASHED] == [None] * (table in TRASHED)
    assert [each.pop("file_id") for each in stored if table == "sources"] == [None] * (table == "sources")
    leased = table in {"labs", "chat_messages"}
    assert [each.pop("lease_until") for each in stored if leased] == [None] * leased
    answers = [RESOURCES[table].model.model_validate(each).model_dump(mode="json") for each in stored]
    assert list(map(content, answers)) == [content(row)]
    for column in ("created_at", "updated_at"):
        assert column not in row or RFC3339.fullmatch(row[column])


FULL_SOURCE = {
    "type": "github",
    "title": "numpy/numpy 🦉",
    "storage_path": "repositories/numpy",
    "metadata": {
        "stars": 27000,
        "ratio": 0.1,
        "tags": ["a", None, True],
        "nested": {"ünï": {"🦉": []}},
        " n ": -1e-7,
        "n": 1,
    },
    "cache_id": "cachedContents/1",
    "cache_expires_at": "2026-11-24T12:00:00.125+02:00",
    "canvas_position": {"x": -10_000_000, "y": 0.125},
    "width": 320.5,
    "height": 10_000_000,
}
FULL_LAB = {
    "type": "quiz_lab",
    "title": "The rank of a matrix",
    "status": "given_up",
    "config": {"questions": 5},
    "generated_content": {
        "questions": [{"question": "Why?", "choices": ["a", "b"], "answer": 1, "explanation": "So.", "page": 2}]
    },
    "user_state": {"answered": [1, 2]},
    "canvas_position": {"x": 1, "y": 2},
    "width": None,
    "height": 1e-3,
}


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_a_repeated_create_makes_one_row(scene: Scene, table: str) -> None:
    path = RESOURCES[table].path
    body = RESOURCES[table].new(scene) | {"id": str(uuid4())}
    first, again = scene.api.post(path, json=body), scene.api.post(path, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"] == f"/v1{path}/{body['id']}"
    found = [row for row in walk(scene.api, path, workspace_id=body["workspace_id"]) if row["id"] == body["id"]]
    assert found == [first.json()]


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_an_id_of_another_workspace_is_taken(scene: Scene, table: str) -> None:
    path, taken = RESOURCES[table].path, scene.rows[table]["id"]
    for client in (scene.api, scene.clients["gateway", "stranger"]):
        elsewhere = created(client.post("/workspaces", json={"name": "Elsewhere"}))
        new = RESOURCES[table].new(scene)
        if table == "edges":
            ends = [created(client.post("/labs", json=new_lab(elsewhere))) for _ in range(2)]
            new = new_edge(*ends)
        refused = problem(client.post(path, json=new | {"workspace_id": elsewhere["id"], "id": taken}), 409, "id_taken")
        assert refused.get("existing") == (taken if client is scene.api else None), "a stranger's row is not named"
    assert scene.find(table, taken) == scene.rows[table]


def test_sources_and_labs_share_one_space_of_ids(api: httpx.Client, workspace: Row) -> None:
    source = created(api.post("/sources", json=new_source(workspace)))
    lab = created(api.post("/labs", json=new_lab(workspace)))
    problem(api.post("/labs", json=new_lab(workspace, id=source["id"])), 409, "id_taken")
    problem(api.post("/sources", json=new_source(workspace, id=lab["id"])), 409, "id_taken")
    assert walk(api, "/sources", workspace_id=workspace["id"]) == [source]
    assert walk(api, "/labs", workspace_id=workspace["id"]) == [lab]


@pytest.mark.parametrize("table", VERSIONED)
def test_a_version_speaks_of_content_alone(scene: Scene, table: str) -> None:
    row = scene.make(table)
    path = f"{RESOURCES[table].path}/{row['id']}"
    assert row["version"] == 1
    layout = {"canvas_position": {"x": 12.5, "y": -7}, "width": 240.5}
    moved = scene.api.patch(path, json=layout, headers={"If-Match": '"1"'})
    assert moved.json() == row | layout
    assert moved.headers["etag"] == '"1"'
    assert scene.api.patch(path, json={"type": row["type"]}).json() == moved.json(), "a change to the same is no change"

    changed = scene.api.patch(path, json={"type": "video"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    assert changed.json()["updated_at"] > row["updated_at"]
    problem(scene.api.patch(path, json={"type": "late"}, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(scene.api.patch(path, json={}, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(scene.api.patch(path, json={"type": "late"}, headers={"If-Match": '"no-version"'}), 412, "stale_version")
    problem(scene.api.delete(path, headers={"If-Match": '"no-version"'}), 412, "stale_version")
    problem(scene.api.delete(path, headers={"If-Match": '"1", "3"'}), 412, "stale_version")
    assert scene.api.get(path).json() == changed.json()
    assert scene.api.delete(path, headers={"If-Match": '"1", "2"'}).status_code == 204
    problem(scene.api.delete(path, headers={"If-Match": '"2"'}), 404, "not_found")


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_a_walk_follows_its_order_and_meets_each_row_once(scene: Scene, table: str) -> None:
    path, orders = RESOURCES[table].path, RESOURCES[table].orders
    before = {row["id"] for row in walk(scene.api, path, workspace_id=scene.workspace["id"])}
    made = [scene.make(table)["id"] for _ in range(4)]
    if "updated_at" in orders:
        assert scene.api.patch(f"{path}/{made[1]}", json={"type": "changed"}).status_code == 200
    for order in orders:
        rows = walk(scene.api, path, workspace_id=scene.workspace["id"], limit=2, order=order)
        column = order.removeprefix("-")
        ordered = sorted(rows, key=lambda row: (row[column], UUID(row["id"]).int), reverse=order.startswith("-"))
        assert rows == ordered
        assert len(rows) == len(before) + 4
        assert {row["id"] for row in rows} == before | set(made)
    latest = walk(scene.api, path, workspace_id=scene.workspace["id"], order=orders[0])[-4:]
    assert [row["id"] for row in latest] == made
    if "-updated_at" in orders:
        assert (
            scene.api.get(
                path, params={"workspace_id": scene.workspace["id"], "order": "-updated_at", "limit": 1}
            ).json()[0]["id"]
            == made[1]
        )


def test_messages_come_newest_first_and_their_numbers_rise(api: httpx.Client, workspace: Row) -> None:
    said = [created(api.post("/chat-messages", json=new_message(workspace, content=f"{n}"))) for n in range(3)]
    assert said[0]["seq"] < said[1]["seq"] < said[2]["seq"]
    assert api.get("/chat-messages", params={"workspace_id": workspace["id"]}).json() == said[::-1]


def test_what_is_new_since_a_message_is_listed_in_its_order(api: httpx.Client, workspace: Row) -> None:
    said = [created(api.post("/chat-messages", json=new_message(workspace, content=f"{n}"))) for n in range(6)]
    of_this = {"workspace_id": workspace["id"], "order": "seq", "limit": 2}
    assert walk(api, "/chat-messages", **of_this, after=said[1]["seq"]) == said[2:]
    assert walk(api, "/chat-messages", **of_this, after=said[-1]["seq"]) == []


def test_filters_find_what_they_name(api: httpx.Client, workspace: Row) -> None:
    def found(path: str, **params: str) -> list[str]:
        return [row["id"] for row in walk(api, path, workspace_id=workspace["id"], **params)]

    pdf = created(api.post("/sources", json=new_source(workspace, title="50% of (x*y)")))["id"]
    video = created(api.post("/sources", json=new_source(workspace, type="video", title="Rank, explained")))["id"]
    assert found("/sources", type="video") == [video]
    assert found("/sources", type="github") == []
    assert found("/sources", q="(X*Y)") == found("/sources", q="50%") == [pdf]
    assert found("/sources", q="rank", type="pdf") == []

    code = created(api.post("/labs", json=new_lab(workspace, source_id=pdf)))["id"]
    cards = created(api.post("/labs", json=new_lab(workspace, type="flashcard_lab", status="failed")))["id"]
    assert found("/labs", type="flashcard_lab") == found("/labs", status="failed") == [cards]
    assert found("/labs", source_id=pdf) == found("/labs", status="pending", type="code_lab") == [code]
    assert found("/labs", source_id=video) == []


WHOLE = pytest.mark.parametrize(("table", "full"), [("sources", FULL_SOURCE), ("labs", FULL_LAB)])


@WHOLE
def test_the_full_rows_have_every_field_that_clients_write(table: str, full: Row) -> None:
    fields = {"sources": SourceUpdate.model_fields, "labs": LabUpdate.model_fields}[table]
    assert full.keys() == fields.keys() - {"source_id"}


@WHOLE
def test_what_is_written_is_read(scene: Scene, table: str, full: Row) -> None:
    path = RESOURCES[table].path
    row = created(scene.api.post(path, json=RESOURCES[table].new(scene) | full))
    expected = full | ({"cache_expires_at": "2026-11-24T10:00:00.125000Z"} if table == "sources" else {})
    assert row.items() >= expected.items()
    assert scene.api.get(f"{path}/{row['id']}").json() == row

    emptied = {
        "sources": {"storage_path": None, "metadata": {"only": 1}, "cache_id": None, "cache_expires_at": None},
        "labs": {"config": {}, "generated_content": None, "user_state": {"a": 1}},
    }[table]
    changed = scene.api.patch(f"{path}/{row['id']}", json=emptied).json()
    assert changed == row | emptied | {"version": 2, "updated_at": changed["updated_at"]}


@WHOLE
def test_what_is_pasted_is_what_is_created(scene: Scene, table: str, full: Row) -> None:
    path, row_id = RESOURCES[table].path, str(uuid4())
    made = created(scene.api.post(path, json=RESOURCES[table].new(scene) | full))
    edit = {"create": {table: [full | {"id": row_id}]}}
    assert scene.api.post(f"/workspaces/{scene.workspace['id']}/canvas", json=edit).status_code == 200
    pasted = scene.find(table, row_id)
    own = {"id", "created_at", "updated_at"}
    assert pasted
    assert {column: pasted[column] for column in pasted.keys() - own} == {
        column: made[column] for column in made.keys() - own
    }


def test_what_is_left_out_has_a_value(api: httpx.Client, workspace: Row) -> None:
    source = created(api.post("/sources", json=new_source(workspace)))
    lab = created(api.post("/labs", json=new_lab(workspace)))
    message = created(api.post("/chat-messages", json=new_message(workspace)))
    edge = created(api.post("/edges", json=new_edge(source, lab)))
    origin = {"canvas_position": {"x": 0, "y": 0}, "version": 1}
    nothing = dict.fromkeys(("storage_path", "cache_id", "cache_expires_at"))
    assert source.items() >= (origin | nothing | {"metadata": {}}).items()
    assert lab.items() >= (origin | {"source_id": None, "status": "pending", "config": {}, "user_state": {}}).items()
    assert lab["generated_content"] is None
    assert message["mentions"] == []
    assert edge.items() >= dict.fromkeys(("source_handle", "target_handle", "label")).items()


@pytest.mark.parametrize(
    ("status", "then"), [("pending", "in_progress"), ("failed", "in_progress"), ("given_up", "given_up")]
)
def test_a_lab_without_content_is_in_progress_once_it_has_some(
    api: httpx.Client, workspace: Row, status: str, then: str
) -> None:
    lab = created(api.post("/labs", json=new_lab(workspace, type="essay_lab", status=status)))
    changed = api.patch(f"/labs/{lab['id']}", json={"generated_content": {"task": "Why?"}}).json()
    assert (changed["status"], changed["version"]) == (then, 2)


def test_a_json_column_takes_its_limit_and_no_byte_more(api: httpx.Client, workspace: Row) -> None:
    frame = len('{"a": "🦉", "b": [1, 2.5, null, {}]}'.encode())
    for excess, status in ((0, 201), (1, 422)):
        metadata: Row = {"a": "🦉" + "x" * (MAX_JSON_BYTES - frame + excess), "b": [1, 2.5, None, {}]}
        response = api.post("/sources", json=new_source(workspace, metadata=metadata))
        assert response.status_code == status
        assert status != 201 or response.json()["metadata"] == metadata
