"""Who may do what with each resource, through the gateway and around it, the same on both backends."""

from collections.abc import Iterator
from itertools import product
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, created, problem
from tests.integration.resources import IN_WORKSPACE, RESOURCES, TRASHED, Scene, content, open_scene
from tests.integration.rows import Row

OPERATIONS = ("create", "list", "get", "update", "delete")


@pytest.fixture(scope="module")
def scene(backend: Backend) -> Iterator[Scene]:
    with open_scene(backend) as scene:
        yield scene


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


@pytest.mark.parametrize(("operation", "table", "person", "way"), CASES)
def test_who_may_do_what(scene: Scene, operation: str, table: str, person: str, way: str) -> None:
    allowed = person == "owner" and (operation, table) != ("update", "chat_messages")
    row = scene.rows[table]
    if operation == "create":
        row = RESOURCES[table].new(scene) | {"id": str(uuid4())}
        if table == "workspaces" and not allowed:
            row["owner_id"] = scene.owner.id
    elif operation == "delete" and allowed:
        row = scene.make(table)

    client = scene.clients[way, person]
    if way == "gateway":
        response = through_gateway(client, operation, table, row)
        assert response.status_code == answer_to(person, operation, table), response.text
    else:
        response = through_data_api(client, operation, table, row)
        assert response.is_success or response.status_code in {401, 403}, response.text
    hides = operation == "delete" and way == "data API" and table in TRASHED  # the trigger lets nothing be deleted
    assert touched(response, row["id"]) == (allowed and not hides), response.text

    now = scene.find(table, row["id"])
    match operation, allowed:
        case "create", _:
            assert (now is not None) == allowed
        case "delete", True:
            assert now is None
        case "update", True:
            assert now
            assert now.items() >= RESOURCES[table].change.items()
            scene.rows[table] = now
        case _:
            assert content(now) == content(row)


@pytest.mark.parametrize("table", RESOURCES)
def test_nobody_can_set_what_the_database_owns(scene: Scene, table: str) -> None:
    """Refused where column grants hold; where they do not, overwritten."""
    forged = {"created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z", "version": 99, "seq": 1}
    known = {key: value for key, value in forged.items() if key in scene.rows[table]}
    row = RESOURCES[table].new(scene) | {"id": str(uuid4())}
    item = {"id": f"eq.{scene.rows[table]['id']}"}
    data_api = scene.clients["data API", "owner"]
    data_api.post(f"/{table}", json=row | known)
    for key, value in known.items():
        data_api.patch(f"/{table}", params=item, json={key: value})
    made = scene.find(table, row["id"])
    assert made is None or all(made[key] != value for key, value in known.items())
    assert content(scene.find(table, scene.rows[table]["id"])) == content(scene.rows[table])


@pytest.mark.parametrize("table", RESOURCES)
def test_a_row_never_changes_its_id_its_owner_or_its_workspace(scene: Scene, table: str) -> None:
    other = created(scene.api.post("/workspaces", json={"name": "Elsewhere"}))
    home = {"owner_id": scene.stranger.id} if table == "workspaces" else {"workspace_id": other["id"]}
    item = {"id": f"eq.{scene.rows[table]['id']}"}
    for change in (home, {"id": str(uuid4())}):
        response = scene.clients["data API", "owner"].patch(f"/{table}", params=item, json=change)
        assert not response.is_success or table == "chat_messages", response.text
    assert content(scene.find(table, scene.rows[table]["id"])) == content(scene.rows[table])


@pytest.mark.parametrize("table", IN_WORKSPACE)
def test_a_hidden_workspace_takes_nothing_and_lists_nothing(scene: Scene, table: str) -> None:
    path, new = RESOURCES[table].path, RESOURCES[table].new(scene)
    stranger = scene.clients["gateway", "stranger"]
    for workspace_id in (scene.workspace["id"], str(uuid4())):
        problem(stranger.post(path, json=new | {"workspace_id": workspace_id}), 404, "not_found")
        answer = stranger.get(path, params={"workspace_id": workspace_id})
        assert (answer.status_code, answer.json(), answer.links) == (200, [], {})
