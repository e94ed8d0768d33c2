"""A create that is sent again, the same on both backends: by its own route and by an edit of the canvas, one table."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import created, places, problem
from tests.integration.resources import IN_WORKSPACE, TRASHED
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source

MOMENT = {"cache_expires_at": "2026-11-24T10:00:00Z"}
LAYOUT: Row = {"canvas_position": {"x": 9, "y": 9}, "width": 9, "height": None}

# A table; what is sent of its columns, and what is sent with the same id again. None is a column that is left out.
SAME: list[tuple[str, Row, Row]] = [
    ("sources", {}, {}),
    ("sources", {"title": "Rank"}, {"title": "  Rank\n"}),
    ("sources", {"title": "\u00e9"}, {"title": "e\u0301"}),
    ("sources", {"metadata": {"a": [1, 2.5, {}], "b": None}}, {"metadata": {"b": None, "a": [1.0, 2.50, {}]}}),
    ("sources", {"metadata": {"a": -0.0, "b": 1e-7}}, {"metadata": {"a": 0, "b": 0.0000001}}),
    ("sources", {"metadata": {"a": 1.7976931348623157e308, "b": 0.1}}, {}),
    ("sources", MOMENT, {"cache_expires_at": "2026-11-24T11:00:00.000+01:00"}),
    ("sources", {"storage_path": "a.pdf"}, {}),
    ("sources", {}, {"storage_path": None, "cache_id": None, "cache_expires_at": None, "metadata": {}}),
    ("sources", LAYOUT, {"canvas_position": {"x": 1, "y": 1}, "width": None, "height": 1}),
    ("labs", {"type": "essay_lab", "config": {"n": 1}, "generated_content": {"x": ["\u00e9", "🦉"]}}, {}),
    ("labs", {}, {"title": None, "source_id": None, "status": "pending", "config": {}, "user_state": {}} | LAYOUT),
    ("edges", {"label": " e\u0301 "}, {}),
    ("edges", {}, {"target_handle": None, "label": None}),
    ("chat_messages", {"content": "  x = 1"}, {}),
]
OTHER: list[tuple[str, Row, Row]] = [
    ("sources", {}, {"title": "Vector space"}),
    ("sources", {}, {"type": "video"}),
    ("sources", {}, {"storage_path": "a.pdf"}),
    ("sources", {"metadata": {"a": 1}}, {"metadata": {"a": True}}),
    ("sources", {"metadata": {"a": [1, 2]}}, {"metadata": {"a": [2, 1]}}),
    ("sources", {"metadata": {"a": "e\u0301"}}, {"metadata": {"a": "\u00e9"}}),
    ("sources", {"metadata": {"a": None}}, {"metadata": {}}),
    ("sources", MOMENT, {"cache_expires_at": "2026-11-24T10:00:00.000001Z"}),
    ("sources", MOMENT, {"cache_expires_at": None}),
    ("labs", {"type": "essay_lab", "generated_content": {}}, {"generated_content": None}),
    ("labs", {}, {"status": "completed"}),
    ("labs", {"title": "Rank"}, {"title": None}),
    ("edges", {"label": " e\u0301 "}, {"label": "\u00e9"}),
    ("edges", {}, {"target_handle": "left"}),
    ("chat_messages", {"content": "  x = 1"}, {"content": "x = 1"}),
]


@dataclass(frozen=True)
class Way:
    """One of the two ways to create a row."""

    name: str
    api: httpx.Client

    def send(self, table: str, body: Row) -> httpx.Response:
        if self.name == "route":
            return self.api.post(path(table), json=body)
        return self.api.post(f"/workspaces/{body['workspace_id']}/canvas", json={"create": {table: [body]}})


def path(table: str) -> str:
    return "/" + table.replace("_", "-")


@pytest.fixture
def way(request: pytest.FixtureRequest, api: httpx.Client) -> Way:
    return Way(request.param, api)


@pytest.fixture
def new(api: httpx.Client, workspace: Row) -> Callable[[str], Row]:
    """The body of a new row of a table."""
    ends = [created(api.post("/labs", json=new_lab(workspace))) for _ in range(2)]
    bodies = {
        "sources": new_source(workspace),
        "labs": new_lab(workspace),
        "edges": new_edge(ends[0], ends[1]),
        "chat_messages": new_message(workspace),
    }
    return lambda table: bodies[table] | {"id": str(uuid4())}


def by_both_ways(claims: list[tuple[str, Row, Row]]) -> pytest.MarkDecorator:
    cases = [
        pytest.param(way, *claim, id=f"{way} {n} {claim[0]}")
        for way in ("route", "canvas")
        for n, claim in enumerate(claims)
        if way == "route" or claim[0] in TRASHED
    ]
    return pytest.mark.parametrize(("way", "table", "first", "then"), cases, indirect=["way"])


@pytest.mark.parametrize("claims", [SAME, OTHER], ids=["same", "other"])
def test_every_resource_has_a_claim(claims: list[tuple[str, Row, Row]]) -> None:
    assert {table for table, *_ in claims} == set(IN_WORKSPACE)


@by_both_ways(SAME)
def test_the_same_content_makes_one_row(
    api: httpx.Client, new: Callable[[str], Row], way: Way, table: str, first: Row, then: Row
) -> None:
    body = new(table) | first
    assert way.send(table, body).is_success
    row = api.get(f"{path(table)}/{body['id']}").json()
    for _ in range(2):
        again = way.send(table, body | then)
        assert again.status_code == 200, again.text
        assert api.get(f"{path(table)}/{body['id']}").json() == row
    if way.name == "canvas":
        made = "edges" if table == "edges" else "nodes"
        assert again.json()["created"][made] == [body["id"]]
    else:
        assert again.json() == row


@by_both_ways(OTHER)
def test_other_content_is_no_repetition_and_the_row_is_named(
    api: httpx.Client, new: Callable[[str], Row], way: Way, table: str, first: Row, then: Row
) -> None:
    body = new(table) | first
    assert way.send(table, body).is_success
    row = api.get(f"{path(table)}/{body['id']}").json()
    refused = problem(way.send(table, body | then), 409, "id_taken")
    assert refused["existing"] == body["id"]
    assert api.get(f"{path(table)}/{body['id']}").json() == row
    if way.name == "canvas":
        assert places(refused) == [["body", "create", table, 0, "id"]]
        assert refused["errors"][0]["type"] == "other_content"
