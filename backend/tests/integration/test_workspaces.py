"""Workspaces over HTTP, the same on both backends."""

import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.models.workspace import Workspace
from tests.integration.conftest import Backend, User, created, problem
from tests.integration.rows import walk

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json()]


def test_a_workspace_lives_from_create_to_delete(api: httpx.Client, owner: User) -> None:
    new = created(api.post("/workspaces", json={"name": " Linear algebra "}))
    path = f"/workspaces/{new['id']}"
    assert (new["name"], new["owner_id"], new["version"]) == ("Linear algebra", owner.id, 1)
    assert new["viewport"] == {"x": 0, "y": 0, "zoom": 1}
    assert api.get(path).json() == new

    changed = api.patch(path, json={"name": "Algebra"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["updated_at"] > new["updated_at"]
    assert api.get(path).json() == changed.json()

    assert api.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    problem(api.get(path), 404, "not_found")
    problem(api.delete(path), 404, "not_found")


def test_layout_touches_neither_version_nor_updated_at(api: httpx.Client, workspace: dict[str, Any]) -> None:
    path = f"/workspaces/{workspace['id']}"
    moved = api.patch(path, json={"viewport": {"x": 1.5, "y": -2, "zoom": 0.5}}).json()
    assert moved == workspace | {"viewport": {"x": 1.5, "y": -2, "zoom": 0.5}}
    assert api.patch(path, json={"name": workspace["name"]}).json() == moved, "a change to the same is no change"
    assert api.patch(path, json={}).json() == moved


def test_a_stale_version_is_refused_and_nothing_written(api: httpx.Client, workspace: dict[str, Any]) -> None:
    path = f"/workspaces/{workspace['id']}"
    api.patch(path, json={"name": "second"})
    problem(api.patch(path, json={"name": "third"}, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(api.delete(path, headers={"If-Match": '"1"'}), 412, "stale_version")
    problem(api.delete(path, headers={"If-Match": '"no-version"'}), 412, "stale_version")
    assert api.get(path).json()["name"] == "second"
    assert api.patch(path, json={"name": "third"}, headers={"If-Match": '"1", "2"'}).status_code == 200
    assert api.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_a_repeated_create_makes_one_row(api: httpx.Client) -> None:
    body = {"id": str(uuid4()), "name": "once"}
    first, again = api.post("/workspaces", json=body), api.post("/workspaces", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert names(api.get("/workspaces")) == ["once"]


def test_a_strangers_id_is_taken(backend: Backend, workspace: dict[str, Any], stranger: User) -> None:
    with backend.gateway(stranger) as api:
        problem(api.post("/workspaces", json={"id": workspace["id"], "name": "mine"}), 409, "id_taken")


def test_the_id_of_a_deleted_workspace_is_taken(
    backend: Backend, api: httpx.Client, workspace: dict[str, Any], stranger: User
) -> None:
    """Files of editors may be left in its folder: whoever had the id would read them."""
    assert api.delete(f"/workspaces/{workspace['id']}").status_code == 204
    again = {"id": workspace["id"], "name": workspace["name"]}
    with backend.gateway(stranger) as other, backend.data_api(stranger) as data_api:
        for client in (api, other):
            assert "existing" not in problem(client.post("/workspaces", json=again), 409, "id_taken")
        assert data_api.post("/workspaces", json=again).status_code == 409
        assert data_api.post("/my_workspaces", json=again).status_code == 409


def test_each_user_sees_only_their_own(backend: Backend, api: httpx.Client, stranger: User) -> None:
    mine = created(api.post("/workspaces", json={"name": "mine"}))
    with backend.gateway(stranger) as other:
        theirs = created(other.post("/workspaces", json={"name": "theirs"}))
        assert names(other.get("/workspaces")) == ["theirs"]
        path = f"/workspaces/{mine['id']}"
        problem(other.get(path), 404, "not_found")
        problem(other.patch(path, json={"name": "taken"}), 404, "not_found")
        problem(other.patch(path, json={"name": "taken"}, headers={"If-Match": '"1"'}), 404, "not_found")
        problem(other.delete(path), 404, "not_found")
    assert names(api.get("/workspaces")) == ["mine"]
    problem(api.get(f"/workspaces/{theirs['id']}"), 404, "not_found")
    assert api.get(f"/workspaces/{mine['id']}").json() == mine


def test_timestamps_have_one_form(api: httpx.Client, workspace: dict[str, Any]) -> None:
    for moment in (workspace["created_at"], workspace["updated_at"], workspace["active_at"]):
        assert RFC3339.fullmatch(moment)
    row = Workspace.model_validate(workspace)
    assert row.model_dump(mode="json") == workspace


def test_the_data_apis_own_rows_are_accepted(backend: Backend, owner: User, workspace: dict[str, Any]) -> None:
    with backend.data_api(owner) as data_api:
        rows = data_api.get("/my_workspaces", params={"id": f"eq.{workspace['id']}"}).json()
    assert [Workspace.model_validate(row).model_dump(mode="json") for row in rows] == [workspace]


@pytest.mark.parametrize("order", ["created_at", "-created_at", "updated_at", "-updated_at", "active_at", "-active_at"])
def test_a_walk_follows_its_order(api: httpx.Client, order: str) -> None:
    made = [created(api.post("/workspaces", json={"name": f"w{n}"})) for n in range(8)]
    api.patch(f"/workspaces/{made[3]['id']}", json={"name": "changed"})
    rows = walk(api, f"/workspaces?limit=3&order={order}")
    column = order.removeprefix("-")
    expected = sorted(rows, key=lambda row: (row[column], UUID(row["id"]).int), reverse=order.startswith("-"))
    assert rows == expected
    assert len(rows) == 8


def test_a_walk_neither_repeats_nor_misses_what_nobody_touches(
    backend: Backend, api: httpx.Client, owner: User
) -> None:
    untouched = {str(uuid4()) for _ in range(250)}
    doomed = [str(uuid4()) for _ in range(20)]
    with backend.data_api(owner) as data_api:
        rows = [{"id": each, "name": "w", "owner_id": owner.id} for each in (*untouched, *doomed)]
        for begin in range(0, len(rows), 54):  # some of one moment, some of another
            assert data_api.post("/workspaces", json=rows[begin : begin + 54]).status_code == 201
    walks = ("-active_at", "-updated_at", "created_at", "-created_at", "updated_at")
    with ThreadPoolExecutor(len(walks) + 1) as pool:

        def disturb() -> None:
            for n, victim in enumerate(doomed):
                created(api.post("/workspaces", json={"name": f"new {n}"}))
                assert api.delete(f"/workspaces/{victim}").status_code == 204

        disturbing = pool.submit(disturb)
        for rows in pool.map(lambda order: walk(api, f"/workspaces?limit=20&order={order}"), walks):
            seen = [row["id"] for row in rows if row["id"] in untouched]
            assert len(seen) == len(set(seen)) == 250
        disturbing.result()


AWKWARD = [
    "50% off",
    "a*b",
    "a,b",
    "(x)",
    'say "hi"',
    "back\\slash",
    "under_score",
    "emoji 🦉",
    "[1-9]$^.|?+{2}",
    "'quote'",
]


def test_a_search_finds_the_text_itself_in_any_case(api: httpx.Client) -> None:
    for name in [*AWKWARD, "Ünïcode", "plain"]:
        created(api.post("/workspaces", json={"name": name}))
    for name in AWKWARD:
        assert names(api.get("/workspaces", params={"q": name})) == [name]
    for part in ("%", "*", "\\", "_", "(", ",", '"', "🦉"):
        assert sorted(names(api.get("/workspaces", params={"q": part}))) == sorted(n for n in AWKWARD if part in n)
    assert names(api.get("/workspaces", params={"q": "PLAIN"})) == ["plain"]
    assert names(api.get("/workspaces", params={"q": "no such"})) == []


def test_names_are_kept_as_they_are_in_one_form(api: httpx.Client) -> None:
    for name in ("x" * 255, "🦉" * 255, "مرحبا", "a\u0301", "<script>", "null", "' or 1=1 --", "\\u0000", "a\u2028b"):
        row = created(api.post("/workspaces", json={"name": name + "!" if len(name) < 255 else name}))
        assert row["name"].removesuffix("!") == unicodedata.normalize("NFC", name)
