"""The five resources over HTTP, the same on both backends: who may do what, and what holds between the rows."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import product
from uuid import UUID, uuid4

import httpx
import pytest

from app.models.chat_message import ChatMessage
from app.models.edge import Edge
from app.models.lab import Lab
from app.models.source import Source
from app.models.types import MAX_JSON_BYTES
from app.models.types import Row as Model
from app.models.workspace import Workspace
from tests.integration.conftest import Backend, User, created, places, problem
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source, walk

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@dataclass(frozen=True)
class Resource:
    """One table, the route that serves it, and what may be done there."""

    path: str
    model: type[Model]
    new: Callable[["House"], Row]
    change: Row
    orders: tuple[str, ...] = ("created_at", "-created_at", "updated_at", "-updated_at")


@dataclass
class House:
    """Two users, and a workspace of the one with a row of every table in it."""

    backend: Backend
    owner: User
    stranger: User
    api: httpx.Client
    """The gateway as the owner sees it."""
    roads: dict[tuple[str, str], httpx.Client]
    """To the gateway and to the data API, as the owner, the stranger and nobody."""
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def workspace(self) -> Row:
        return self.rows["workspaces"]

    def make(self, table: str) -> Row:
        """A new row of the table."""
        return created(self.api.post(RESOURCES[table].path, json=RESOURCES[table].new(self)))

    def find(self, table: str, row_id: str) -> Row | None:
        """The row as its owner reads it, or None when there is none."""
        response = self.api.get(f"{RESOURCES[table].path}/{row_id}")
        if response.status_code == 404:
            return None
        assert response.status_code == 200, response.text
        row: Row = response.json()
        return row


RESOURCES = {
    "workspaces": Resource("/workspaces", Workspace, lambda house: {"name": "Linear algebra"}, {"name": "Algebra"}),
    "sources": Resource("/sources", Source, lambda house: new_source(house.workspace), {"title": "Rank"}),
    "labs": Resource("/labs", Lab, lambda house: new_lab(house.workspace), {"status": "completed"}),
    "edges": Resource(
        "/edges",
        Edge,
        lambda house: new_edge(house.rows["sources"], house.rows["labs"], source_handle=str(uuid4())),
        {"label": "practised in"},
        orders=("created_at", "-created_at"),
    ),
    "chat_messages": Resource(
        "/chat-messages",
        ChatMessage,
        lambda house: new_message(house.workspace),
        {"content": "Something else."},
        orders=("seq", "-seq"),
    ),
}
IN_WORKSPACE = [table for table in RESOURCES if table != "workspaces"]
VERSIONED = ["sources", "labs"]
TRASHED = ["sources", "labs", "edges"]
OPERATIONS = ("create", "list", "get", "update", "delete")


@pytest.fixture(scope="module")
def house(backend: Backend) -> Iterator[House]:
    owner, stranger = backend.new_user(), backend.new_user()
    people = {"owner": owner, "stranger": stranger, "nobody": None}
    with ExitStack() as opened:
        roads = {
            (name, person): opened.enter_context(road(user))
            for name, road in {"gateway": backend.gateway, "data API": backend.data_api}.items()
            for person, user in people.items()
        }
        house = House(backend, owner, stranger, roads["gateway", "owner"], roads)
        for table in RESOURCES:
            house.rows[table] = house.make(table)
        yield house


def content(row: Row | None) -> Row | None:
    """The row without the time of its last use, which passes while these tests run."""
    return row and {column: value for column, value in row.items() if column != "active_at"}


def through_gateway(client: httpx.Client, operation: str, table: str, row: Row) -> httpx.Response:
    """Attempt the operation on the row, which `create` makes."""
    resource = RESOURCES[table]
    item = f"{resource.path}/{row['id']}"
    match operation:
        case "create":
            return client.post(resource.path, json=row)
        case "list":
            scope = {} if table == "workspaces" else {"workspace_id": row["workspace_id"]}
            return client.get(resource.path, params=scope | {"limit": 100})
        case "update":
            return client.patch(item, json=resource.change)
        case _:
            return client.request(operation, item)


def through_data_api(client: httpx.Client, operation: str, table: str, row: Row) -> httpx.Response:
    """Attempt the operation on the row, which `create` makes. What was touched comes back."""
    headers = {"Prefer": "return=representation"}
    item = {"id": f"eq.{row['id']}"}
    match operation:
        case "create":
            return client.post(f"/{table}", json=row, headers=headers)
        case "list":
            return client.get(f"/{table}")
        case "get":
            return client.get(f"/{table}", params=item)
        case "update":
            return client.patch(f"/{table}", params=item, json=RESOURCES[table].change, headers=headers)
        case _:
            return client.delete(f"/{table}", params=item, headers=headers)


def touched(response: httpx.Response, row_id: str) -> bool:
    """Whether the row was read or written, by what the answer says."""
    if not response.is_success:
        return False
    rows = response.json() if response.content else [{"id": row_id}]
    return row_id in {row["id"] for row in (rows if isinstance(rows, list) else [rows])}


def answer_to(person: str, operation: str, table: str) -> int:
    """The gateway's status."""
    if person == "nobody":
        return 401
    if (operation, table) == ("update", "chat_messages"):
        return 405
    if person == "stranger":
        return 200 if operation == "list" else 404
    return {"create": 201, "delete": 204}.get(operation, 200)


CASES = [
    pytest.param(*case, id=" ".join(case))
    for case in product(OPERATIONS, RESOURCES, ("owner", "stranger", "nobody"), ("gateway", "data API"))
    # Anybody signed in may open a workspace of their own, and the gateway has no field to name another owner.
    if case != ("create", "workspaces", "stranger", "gateway")
]


@pytest.mark.parametrize(("operation", "table", "person", "road"), CASES)
def test_who_may_do_what(house: House, operation: str, table: str, person: str, road: str) -> None:
    allowed = person == "owner" and (operation, table) != ("update", "chat_messages")
    row = house.rows[table]
    if operation == "create":
        row = RESOURCES[table].new(house) | {"id": str(uuid4())}
        if table == "workspaces" and not allowed:
            row["owner_id"] = house.owner.id
    elif operation == "delete" and allowed:
        row = house.make(table)

    client = house.roads[road, person]
    if road == "gateway":
        response = through_gateway(client, operation, table, row)
        assert response.status_code == answer_to(person, operation, table), response.text
    else:
        response = through_data_api(client, operation, table, row)
        assert response.is_success or response.status_code in {401, 403}, response.text
    hides = operation == "delete" and road == "data API" and table in TRASHED  # the trigger lets nothing be deleted
    assert touched(response, row["id"]) == (allowed and not hides), response.text

    now = house.find(table, row["id"])
    match operation, allowed:
        case "create", _:
            assert (now is not None) == allowed
        case "delete", True:
            assert now is None
        case "update", True:
            assert now
            assert now.items() >= RESOURCES[table].change.items()
            house.rows[table] = now
        case _:
            assert content(now) == content(row)


@pytest.mark.parametrize("table", RESOURCES)
def test_nobody_can_set_what_the_database_owns(house: House, table: str) -> None:
    """Refused where column grants hold; where they do not, overwritten."""
    forged = {"created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z", "version": 99, "seq": 1}
    known = {key: value for key, value in forged.items() if key in house.rows[table]}
    row = RESOURCES[table].new(house) | {"id": str(uuid4())}
    item = {"id": f"eq.{house.rows[table]['id']}"}
    data_api = house.roads["data API", "owner"]
    data_api.post(f"/{table}", json=row | known)
    for key, value in known.items():
        data_api.patch(f"/{table}", params=item, json={key: value})
    made = house.find(table, row["id"])
    assert made is None or all(made[key] != value for key, value in known.items())
    assert content(house.find(table, house.rows[table]["id"])) == content(house.rows[table])


@pytest.mark.parametrize("table", RESOURCES)
def test_a_row_never_changes_its_id_its_owner_or_its_workspace(house: House, table: str) -> None:
    other = created(house.api.post("/workspaces", json={"name": "Elsewhere"}))
    home = {"owner_id": house.stranger.id} if table == "workspaces" else {"workspace_id": other["id"]}
    item = {"id": f"eq.{house.rows[table]['id']}"}
    for change in (home, {"id": str(uuid4())}):
        response = house.roads["data API", "owner"].patch(f"/{table}", params=item, json=change)
        assert not response.is_success or table == "chat_messages", response.text
    assert content(house.find(table, house.rows[table]["id"])) == content(house.rows[table])


@pytest.mark.parametrize("table", RESOURCES)
def test_both_backends_rows_become_the_same_answers(house: House, table: str) -> None:
    row = house.rows[table]
    view = "my_workspaces" if table == "workspaces" else table
    stored = house.roads["data API", "owner"].get(f"/{view}", params={"id": f"eq.{row['id']}"}).json()
    assert [each.pop("deleted_at") for each in stored if table in TRASHED] == [None] * (table in TRASHED)
    assert [each.pop("file_id") for each in stored if table == "sources"] == [None] * (table == "sources")
    leased = table in {"labs", "chat_messages"}
    assert [each.pop("lease_until") for each in stored if leased] == [None] * leased
    answers = [RESOURCES[table].model.model_validate(each).model_dump(mode="json") for each in stored]
    assert list(map(content, answers)) == [content(row)]
    for column in ("created_at", "updated_at"):
        assert column not in row or RFC3339.fullmatch(row[column])


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_a_hidden_workspace_takes_nothing_and_lists_nothing(house: House, table: str) -> None:
    path, new = RESOURCES[table].path, RESOURCES[table].new(house)
    stranger = house.roads["gateway", "stranger"]
    for workspace_id in (house.workspace["id"], str(uuid4())):
        problem(stranger.post(path, json=new | {"workspace_id": workspace_id}), 404, "not_found")
        answer = stranger.get(path, params={"workspace_id": workspace_id})
        assert (answer.status_code, answer.json(), answer.links) == (200, [], {})


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
def test_a_repeated_create_makes_one_row(house: House, table: str) -> None:
    path = RESOURCES[table].path
    body = RESOURCES[table].new(house) | {"id": str(uuid4())}
    first, again = house.api.post(path, json=body), house.api.post(path, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"] == f"/v1{path}/{body['id']}"
    found = [row for row in walk(house.api, path, workspace_id=body["workspace_id"]) if row["id"] == body["id"]]
    assert found == [first.json()]


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_an_id_that_lies_elsewhere_is_taken(house: House, table: str) -> None:
    path, taken = RESOURCES[table].path, house.rows[table]["id"]
    for client in (house.api, house.roads["gateway", "stranger"]):
        elsewhere = created(client.post("/workspaces", json={"name": "Elsewhere"}))
        new = RESOURCES[table].new(house)
        if table == "edges":
            ends = [created(client.post("/labs", json=new_lab(elsewhere))) for _ in range(2)]
            new = new_edge(*ends)
        refused = problem(client.post(path, json=new | {"workspace_id": elsewhere["id"], "id": taken}), 409, "id_taken")
        assert refused.get("existing") == (taken if client is house.api else None), "a stranger's row is not named"
    assert house.find(table, taken) == house.rows[table]


def test_sources_and_labs_share_one_space_of_ids(api: httpx.Client, workspace: Row) -> None:
    source = created(api.post("/sources", json=new_source(workspace)))
    lab = created(api.post("/labs", json=new_lab(workspace)))
    problem(api.post("/labs", json=new_lab(workspace, id=source["id"])), 409, "id_taken")
    problem(api.post("/sources", json=new_source(workspace, id=lab["id"])), 409, "id_taken")
    assert walk(api, "/sources", workspace_id=workspace["id"]) == [source]
    assert walk(api, "/labs", workspace_id=workspace["id"]) == [lab]


@pytest.mark.parametrize("table", VERSIONED)
def test_a_version_speaks_of_content_alone(house: House, table: str) -> None:
    row = house.make(table)
    path = f"{RESOURCES[table].path}/{row['id']}"
    assert row["version"] == 1
    layout = {"canvas_position": {"x": 12.5, "y": -7}, "width": 240.5}
    moved = house.api.patch(path, json=layout, headers={"If-Match": '"1"'})
    assert moved.json() == row | layout
    assert moved.headers["etag"] == '"1"'
    assert house.api.patch(path, json={"type": row["type"]}).json() == moved.json(), "a change to the same is no change"

    changed = house.api.patch(path, json={"type": "video"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    assert changed.json()["updated_at"] > row["updated_at"]
    problem(house.api.patch(path, json={"type": "late"}, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(house.api.patch(path, json={}, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(house.api.patch(path, json={"type": "late"}, headers={"If-Match": '"no-version"'}), 412, "stale_version")
    problem(house.api.delete(path, headers={"If-Match": '"no-version"'}), 412, "stale_version")
    problem(house.api.delete(path, headers={"If-Match": '"1", "3"'}), 412, "stale_version")
    assert house.api.get(path).json() == changed.json()
    assert house.api.delete(path, headers={"If-Match": '"1", "2"'}).status_code == 204
    problem(house.api.delete(path, headers={"If-Match": '"2"'}), 404, "not_found")


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_a_walk_follows_its_order_and_meets_each_row_once(house: House, table: str) -> None:
    path, orders = RESOURCES[table].path, RESOURCES[table].orders
    before = {row["id"] for row in walk(house.api, path, workspace_id=house.workspace["id"])}
    made = [house.make(table)["id"] for _ in range(4)]
    if "updated_at" in orders:
        assert house.api.patch(f"{path}/{made[1]}", json={"type": "changed"}).status_code == 200
    for order in orders:
        rows = walk(house.api, path, workspace_id=house.workspace["id"], limit=2, order=order)
        column = order.removeprefix("-")
        ordered = sorted(rows, key=lambda row: (row[column], UUID(row["id"]).int), reverse=order.startswith("-"))
        assert rows == ordered
        assert len(rows) == len(before) + 4
        assert {row["id"] for row in rows} == before | set(made)
    latest = walk(house.api, path, workspace_id=house.workspace["id"], order=orders[0])[-4:]
    assert [row["id"] for row in latest] == made
    if "-updated_at" in orders:
        assert (
            house.api.get(
                path, params={"workspace_id": house.workspace["id"], "order": "-updated_at", "limit": 1}
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


@pytest.mark.parametrize(("table", "full"), [("sources", FULL_SOURCE), ("labs", FULL_LAB)])
def test_what_is_written_is_read(house: House, table: str, full: Row) -> None:
    path = RESOURCES[table].path
    row = created(house.api.post(path, json=RESOURCES[table].new(house) | full))
    expected = full | ({"cache_expires_at": "2026-11-24T10:00:00.125000Z"} if table == "sources" else {})
    assert row.items() >= expected.items()
    assert house.api.get(f"{path}/{row['id']}").json() == row

    emptied = {
        "sources": {"storage_path": None, "metadata": {"only": 1}, "cache_id": None, "cache_expires_at": None},
        "labs": {"config": {}, "generated_content": None, "user_state": {"a": 1}},
    }[table]
    changed = house.api.patch(f"{path}/{row['id']}", json=emptied).json()
    assert changed == row | emptied | {"version": 2, "updated_at": changed["updated_at"]}


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


def test_a_json_column_takes_its_limit_and_no_byte_more(api: httpx.Client, workspace: Row) -> None:
    frame = len('{"a": "🦉", "b": [1, 2.5, null, {}]}'.encode())
    for excess, status in ((0, 201), (1, 422)):
        metadata: Row = {"a": "🦉" + "x" * (MAX_JSON_BYTES - frame + excess), "b": [1, 2.5, None, {}]}
        response = api.post("/sources", json=new_source(workspace, metadata=metadata))
        assert response.status_code == status
        assert status != 201 or response.json()["metadata"] == metadata


def test_several_sources_may_have_one_storage_path(api: httpx.Client, workspace: Row) -> None:
    sources = [created(api.post("/sources", json=new_source(workspace, storage_path="notes.pdf"))) for _ in range(2)]
    other = created(api.post("/sources", json=new_source(workspace)))
    moved = api.patch(f"/sources/{other['id']}", json={"storage_path": "notes.pdf"})
    assert moved.status_code == 200
    assert walk(api, "/sources", workspace_id=workspace["id"]) == [*sources, moved.json()]


def test_a_deleted_source_leaves_its_labs_as_they_are(api: httpx.Client, workspace: Row) -> None:
    source = created(api.post("/sources", json=new_source(workspace)))
    lab = created(api.post("/labs", json=new_lab(workspace, source_id=source["id"])))
    assert api.delete(f"/sources/{source['id']}").status_code == 204
    assert api.get(f"/labs/{lab['id']}").json() == lab
    assert walk(api, "/labs", workspace_id=workspace["id"], source_id=source["id"]) == [lab]
    problem(api.post("/labs", json=new_lab(workspace, source_id=source["id"])), 422, "unknown_source")
    problem(api.post("/edges", json=new_edge(lab, source)), 422, "unknown_node")
    problem(api.post("/chat-messages", json=new_message(workspace, mentions=[source["id"]])), 422, "unknown_node")
    problem(api.post("/sources", json=new_source(workspace, id=source["id"])), 409, "id_taken")


def test_a_lab_comes_from_a_source_of_its_own_workspace(
    backend: Backend, api: httpx.Client, workspace: Row, stranger: User
) -> None:
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    foreign = created(api.post("/sources", json=new_source(elsewhere)))["id"]
    with backend.gateway(stranger) as other:
        theirs = created(other.post("/workspaces", json={"name": "theirs"}))
        hidden = created(other.post("/sources", json=new_source(theirs)))["id"]
    lab = created(api.post("/labs", json=new_lab(workspace)))
    for source_id in (foreign, hidden, lab["id"], str(uuid4())):
        problem(api.post("/labs", json=new_lab(workspace, source_id=source_id)), 422, "unknown_source")
        problem(api.patch(f"/labs/{lab['id']}", json={"source_id": source_id}), 422, "unknown_source")
    assert walk(api, "/labs", workspace_id=workspace["id"]) == [lab]


class TestEdges:
    @pytest.fixture
    def source(self, api: httpx.Client, workspace: Row) -> Row:
        return created(api.post("/sources", json=new_source(workspace)))

    @pytest.fixture
    def lab(self, api: httpx.Client, workspace: Row) -> Row:
        return created(api.post("/labs", json=new_lab(workspace)))

    def test_the_same_edge_is_there_once(self, api: httpx.Client, workspace: Row, source: Row, lab: Row) -> None:
        id_ = str(uuid4())
        edge = created(api.post("/edges", json=new_edge(source, lab, id=id_)))
        for again in ({"label": "again"}, {"id": str(uuid4())}):
            assert problem(api.post("/edges", json=new_edge(source, lab, **again)), 409, "duplicate")["existing"] == id_
        assert api.post("/edges", json=new_edge(source, lab, id=id_)).status_code == 200
        others = [
            created(api.post("/edges", json=new_edge(source, lab, source_handle="right"))),
            created(api.post("/edges", json=new_edge(source, lab, target_handle="right"))),
            created(api.post("/edges", json=new_edge(lab, source))),
        ]
        problem(api.post("/edges", json=new_edge(source, lab, source_handle="right")), 409, "duplicate")
        assert walk(api, "/edges", workspace_id=workspace["id"]) == [edge, *others]

    def test_an_edge_goes_when_either_node_goes(self, api: httpx.Client, workspace: Row, source: Row, lab: Row) -> None:
        other = created(api.post("/labs", json=new_lab(workspace)))
        leaving = created(api.post("/edges", json=new_edge(source, lab)))
        arriving = created(api.post("/edges", json=new_edge(lab, other)))
        staying = created(api.post("/edges", json=new_edge(other, source)))
        assert api.delete(f"/labs/{lab['id']}").status_code == 204
        for edge in (leaving, arriving):
            problem(api.get(f"/edges/{edge['id']}"), 404, "not_found")
        assert walk(api, "/edges", workspace_id=workspace["id"]) == [staying]
        assert api.delete(f"/sources/{source['id']}").status_code == 204
        assert walk(api, "/edges", workspace_id=workspace["id"]) == []

    def test_both_ends_are_nodes_of_its_workspace_and_differ(
        self, backend: Backend, api: httpx.Client, stranger: User, workspace: Row, source: Row
    ) -> None:
        elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
        foreign = created(api.post("/labs", json=new_lab(elsewhere)))
        with backend.gateway(stranger) as other:
            theirs = created(other.post("/workspaces", json={"name": "theirs"}))
            hidden = created(other.post("/labs", json=new_lab(theirs)))
        problem(api.post("/edges", json=new_edge(source, source)), 422, "invalid_request")
        for end in (foreign, hidden, workspace, {"id": str(uuid4())}):
            refused = problem(api.post("/edges", json=new_edge(source, end)), 422, "unknown_node")
            assert [error["loc"] for error in refused["errors"]] == [["body", "target_node_id"]]
            backwards = new_edge(end | {"workspace_id": workspace["id"]}, source)
            refused = problem(api.post("/edges", json=backwards), 422, "unknown_node")
            assert [error["loc"] for error in refused["errors"]] == [["body", "source_node_id"]]
        assert walk(api, "/edges", workspace_id=workspace["id"]) == []

    def test_only_its_label_changes(self, api: httpx.Client, source: Row, lab: Row) -> None:
        edge = created(api.post("/edges", json=new_edge(source, lab)))
        for label in ("practised in", "", None):
            assert api.patch(f"/edges/{edge['id']}", json={"label": label}).json() == edge | {"label": label}
        assert api.patch(f"/edges/{edge['id']}", json={}).json() == edge
        problem(api.patch(f"/edges/{edge['id']}", json={"target_node_id": lab["id"]}), 422, "invalid_request")


def test_a_mention_names_a_node_of_the_workspace_and_may_outlive_it(api: httpx.Client, workspace: Row) -> None:
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    foreign = created(api.post("/sources", json=new_source(elsewhere)))["id"]
    source = created(api.post("/sources", json=new_source(workspace)))["id"]
    lab = created(api.post("/labs", json=new_lab(workspace)))["id"]
    for unknown in (foreign, workspace["id"], str(uuid4())):
        new = new_message(workspace, mentions=[source, unknown, lab])
        refused = problem(api.post("/chat-messages", json=new), 422, "unknown_node")
        assert places(refused) == [["body", "mentions", 1]]
    message = created(api.post("/chat-messages", json=new_message(workspace, mentions=[lab, source, lab])))
    assert message["mentions"] == [lab, source, lab]
    assert api.delete(f"/sources/{source}").status_code == 204
    assert walk(api, "/chat-messages", workspace_id=workspace["id"]) == [message]


def test_a_message_may_mention_fifty_nodes(api: httpx.Client, workspace: Row) -> None:
    lab = created(api.post("/labs", json=new_lab(workspace)))["id"]
    message = created(api.post("/chat-messages", json=new_message(workspace, mentions=[lab] * 50)))
    assert len(message["mentions"]) == 50


def test_a_deleted_workspace_takes_everything_with_it(house: House) -> None:
    doomed = replace(house, rows={})
    for table in RESOURCES:
        doomed.rows[table] = doomed.make(table)
    source, lab = doomed.rows["sources"], doomed.rows["labs"]
    assert house.api.patch(f"/labs/{lab['id']}", json={"source_id": source["id"]}).status_code == 200
    created(house.api.post("/chat-messages", json=new_message(doomed.workspace, mentions=[source["id"], lab["id"]])))
    assert house.api.delete(f"/workspaces/{doomed.workspace['id']}").status_code == 204
    for table in RESOURCES:
        assert house.find(table, doomed.rows[table]["id"]) is None
    for table in IN_WORKSPACE:
        assert walk(house.api, RESOURCES[table].path, workspace_id=doomed.workspace["id"]) == []
        assert content(house.find(table, house.rows[table]["id"])) == content(house.rows[table])
