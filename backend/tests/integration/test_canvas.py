"""The canvas over HTTP, the same on both backends: loaded whole, laid out at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.models.canvas import MAX_MOVES, Canvas
from app.models.json_canvas import JsonCanvas
from tests.integration.conftest import Backend, User, created, places, problem
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source, walk

BATCH = 1000


def load(api: httpx.Client, workspace: Row) -> Row:
    """The workspace's canvas, its shape checked: the gateway passes it on unread."""
    response = api.get(f"/workspaces/{workspace['id']}/canvas")
    assert response.status_code == 200, response.text
    document: Row = response.json()
    assert Canvas.model_validate_json(response.content).model_dump(mode="json") == document
    return document


def arrange(api: httpx.Client, workspace: Row, **layout: Any) -> httpx.Response:
    return api.patch(f"/workspaces/{workspace['id']}/canvas", json=layout)


def move(node: Row, x: float, y: float) -> Row:
    return {"id": node["id"], "position": {"x": x, "y": y}}


def insert_many(data_api: httpx.Client, table: str, rows: Sequence[Row]) -> None:
    """Insert rows straight at the data API, a thousand in a request."""
    for start in range(0, len(rows), BATCH):
        answer = data_api.post(f"/{table}", json=rows[start : start + BATCH], headers={"Prefer": "return=minimal"})
        assert answer.is_success, answer.text


@pytest.fixture
def source(api: httpx.Client, workspace: Row) -> Row:
    return created(api.post("/sources", json=new_source(workspace)))


@pytest.fixture
def lab(api: httpx.Client, workspace: Row) -> Row:
    return created(api.post("/labs", json=new_lab(workspace)))


def test_an_empty_canvas_has_its_viewport(api: httpx.Client, workspace: Row) -> None:
    assert load(api, workspace) == {"nodes": [], "edges": [], "viewport": {"x": 0, "y": 0, "zoom": 1}}


def test_it_holds_what_the_separate_routes_hold(api: httpx.Client, workspace: Row, source: Row) -> None:
    full = new_source(
        workspace,
        title="Ünïcode 🦉 \u2028 </script>",
        metadata={"a": [1, 0.1, -1e-7, 2**53 - 1, None, True], "🦉": {"\\": '"'}},
        storage_path="a/b c.pdf",
        cache_id="cachedContents/1",
        cache_expires_at="2026-11-24T12:00:00.000001+02:00",
        canvas_position={"x": -10_000_000, "y": 0.1},
    )
    content = {
        "type": "essay_lab",
        "generated_content": {"long": "x" * 1000},
        "config": {"n": 1},
        "user_state": {"s": []},
    }
    lab = created(api.post("/labs", json=new_lab(workspace, source_id=source["id"], status="failed", **content)))
    other = created(api.post("/sources", json=full))
    last = created(api.post("/labs", json=new_lab(workspace)))
    created(api.post("/edges", json=new_edge(source, lab, label="practised in", source_handle="right")))
    created(api.post("/edges", json=new_edge(lab, other)))
    created(api.post("/chat-messages", json=new_message(workspace)))
    api.patch(f"/workspaces/{workspace['id']}", json={"viewport": {"x": 0.5, "y": -3, "zoom": 0.25}})

    canvas = load(api, workspace)

    assert [node["id"] for node in canvas["nodes"]] == [row["id"] for row in (source, lab, other, last)]
    rows = {
        kind: walk(api, f"/{kind}s", workspace_id=workspace["id"], order="created_at")
        for kind in ("source", "lab", "edge")
    }
    for kind in ("source", "lab"):
        nodes = [node for node in canvas["nodes"] if node["type"] == kind]
        assert [node["data"] for node in nodes] == [
            {key: value for key, value in row.items() if key != "generated_content"} for row in rows[kind]
        ]
        assert [(node["id"], node["position"]) for node in nodes] == [
            (row["id"], row["canvas_position"]) for row in rows[kind]
        ]
    assert canvas["edges"] == [
        {
            "id": row["id"],
            "source": row["source_node_id"],
            "target": row["target_node_id"],
            "sourceHandle": row["source_handle"],
            "targetHandle": row["target_handle"],
            "label": row["label"],
        }
        for row in rows["edge"]
    ]
    assert canvas["viewport"] == api.get(f"/workspaces/{workspace['id']}").json()["viewport"]


def test_it_is_a_file_for_other_programs(
    backend: Backend, api: httpx.Client, stranger: User, workspace: Row, source: Row
) -> None:
    title = "A *b* [[c]] #d <i>\n $e$ 1_000"
    place = {"canvas_position": {"x": 1e7, "y": -0.6}, "width": 0.2, "height": 99.6}
    card = created(api.post("/sources", json=new_source(workspace, title=title, type="web_page", **place)))
    address = {"metadata": {"url": "HTTPS://example.com/a?b=ü#c"}}
    link = created(api.post("/sources", json=new_source(workspace, **address, canvas_position={"x": -500, "y": 0})))
    odd = {"metadata": {"url": "javascript:alert(1)"}, "canvas_position": {"x": 0, "y": -900}}
    above = created(api.post("/sources", json=new_source(workspace, **odd)))
    lab = created(api.post("/labs", json=new_lab(workspace, status="in_progress")))
    named = created(api.post("/labs", json=new_lab(workspace, title="Rank")))
    gone = created(api.post("/labs", json=new_lab(workspace)))
    drawn = [
        new_edge(source, card, label="then"),
        new_edge(source, link, label=""),
        new_edge(source, above, source_handle="right-1"),
        new_edge(above, source, source_handle="LEFT", target_handle="right"),
        new_edge(source, gone),
    ]
    edges = [created(api.post("/edges", json=edge)) for edge in drawn]
    assert api.delete(f"/labs/{gone['id']}").status_code == 204

    path = f"/workspaces/{workspace['id']}/jsoncanvas"
    answer = api.get(path)
    document = answer.json()
    assert JsonCanvas.model_validate_json(answer.content).model_dump(mode="json") == document
    assert answer.headers["content-disposition"] == f'attachment; filename="{workspace["id"]}.canvas"'
    plain = {"type": "text", "x": 0, "y": 0, "width": 280, "height": 160, "color": "5"}
    at_a_lab = plain | {"color": "6"}
    escaped = r"# A \*b\* \[\[c\]\] \#d \<i\> \$e\$ 1\_000"
    linked: Row = {"type": "link", "x": -500, "url": address["metadata"]["url"]}
    assert document["nodes"] == [
        plain | {"id": source["id"], "text": "# Vector spaces\n\npdf"},
        plain
        | {"id": card["id"], "x": 10_000_000, "y": -1, "width": 1, "height": 100, "text": f"{escaped}\n\nweb page"},
        plain | linked | {"id": link["id"]},
        plain | {"id": above["id"], "y": -900, "text": "# Vector spaces\n\npdf"},
        at_a_lab | {"id": lab["id"], "text": "# code lab\n\ncode lab, in progress"},
        at_a_lab | {"id": named["id"], "text": "# Rank\n\ncode lab, pending"},
    ]
    sides = [("right", "left"), ("left", "right"), ("top", "bottom"), ("left", "right")]
    assert [(edge["id"], edge["fromSide"], edge["toSide"]) for edge in document["edges"]] == [
        (edge["id"], *pair) for edge, pair in zip(edges, sides, strict=False)
    ]
    ends = [(edge["fromNode"], edge["toNode"]) for edge in document["edges"]]
    assert ends == [(edge["source_node_id"], edge["target_node_id"]) for edge in edges[:4]]
    assert [edge.get("label") for edge in document["edges"]] == ["then", None, None, None]
    with backend.gateway(stranger) as other:
        problem(other.get(path), 404, "not_found")


def test_a_whole_second_is_written_as_elsewhere(api: httpx.Client, workspace: Row) -> None:
    for moment in ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00.125000Z"):
        source = created(api.post("/sources", json=new_source(workspace, cache_expires_at=moment)))
        assert source["cache_expires_at"] == moment
        assert load(api, workspace)["nodes"][-1]["data"] == source


def test_nothing_of_another_workspace_is_on_it(api: httpx.Client, workspace: Row, source: Row) -> None:
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    ends = [created(api.post("/labs", json=new_lab(elsewhere))) for _ in range(2)]
    created(api.post("/edges", json=new_edge(*ends)))
    assert [node["id"] for node in load(api, workspace)["nodes"]] == [source["id"]]
    assert {node["id"] for node in load(api, elsewhere)["nodes"]} == {end["id"] for end in ends}
    assert load(api, workspace)["edges"] == []


def test_a_hidden_canvas_is_not_there(
    backend: Backend, api: httpx.Client, stranger: User, workspace: Row, source: Row
) -> None:
    before = load(api, workspace)
    layout = {"nodes": [move(source, 1, 1)], "viewport": {"x": 1, "y": 1, "zoom": 2}}
    with backend.gateway(stranger) as other:
        for workspace_id in (workspace["id"], str(uuid4())):
            path = f"/workspaces/{workspace_id}/canvas"
            problem(other.get(path), 404, "not_found")
            bodies: list[Row] = [{}, {"nodes": []}, {"viewport": layout["viewport"]}, layout]
            for body in bodies:
                problem(other.patch(path, json=body), 404, "not_found")
    with backend.gateway() as nobody:
        path = f"/workspaces/{workspace['id']}/canvas"
        problem(nobody.get(path), 401, "unauthenticated")
        problem(nobody.patch(path, json=layout), 401, "unauthenticated")
    assert load(api, workspace) == before


def test_it_is_hidden_from_the_data_apis_callers_too(
    backend: Backend, api: httpx.Client, owner: User, stranger: User, workspace: Row, source: Row
) -> None:
    before = load(api, workspace)
    asked = {"workspace_id": workspace["id"]}
    with backend.data_api(owner) as data_api:
        assert data_api.post("/rpc/canvas", json=asked).json()[0] == before
    for user in (stranger, None):
        with backend.data_api(user) as data_api:
            seen = data_api.post("/rpc/canvas", json=asked)
            assert seen.status_code in {401, 403} or seen.json() == []
            moved = data_api.post("/rpc/arrange_canvas", json=asked | {"nodes": [move(source, 1, 1)]})
            assert moved.status_code in {401, 403, 404}, moved.text
    assert load(api, workspace) == before


def test_layout_moves_nodes_and_viewport_and_no_version(
    api: httpx.Client, workspace: Row, source: Row, lab: Row
) -> None:
    other = created(api.post("/labs", json=new_lab(workspace)))
    viewport = {"x": -120.5, "y": 40, "zoom": 0.75}
    answer = arrange(api, workspace, nodes=[move(lab, 460.25, 1e-3), move(source, -1e7, 1e7)], viewport=viewport)
    assert (answer.status_code, answer.content) == (204, b"")
    for path, row, place in (
        (f"/sources/{source['id']}", source, {"canvas_position": {"x": -1e7, "y": 1e7}}),
        (f"/labs/{lab['id']}", lab, {"canvas_position": {"x": 460.25, "y": 1e-3}}),
        (f"/labs/{other['id']}", other, {}),
        (f"/workspaces/{workspace['id']}", workspace, {"viewport": viewport}),
    ):
        assert api.get(path).json() == row | place, "neither version nor updated_at changes"
    canvas = load(api, workspace)
    assert arrange(api, workspace).status_code == arrange(api, workspace, nodes=[]).status_code == 204
    assert load(api, workspace) == canvas


def test_an_unknown_node_moves_nothing(
    backend: Backend, api: httpx.Client, stranger: User, workspace: Row, source: Row, lab: Row
) -> None:
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    foreign = created(api.post("/sources", json=new_source(elsewhere)))
    edge = created(api.post("/edges", json=new_edge(source, lab)))
    with backend.gateway(stranger) as other:
        theirs = created(other.post("/workspaces", json={"name": "theirs"}))
        hidden = created(other.post("/sources", json=new_source(theirs)))
    before = load(api, workspace)
    for unknown in (foreign, hidden, edge, workspace, {"id": str(uuid4())}):
        moves = [move(source, 1, 1), move(unknown, 2, 2), move(lab, 3, 3)]
        viewport = {"x": 9, "y": 9, "zoom": 9}
        refused = problem(arrange(api, workspace, nodes=moves, viewport=viewport), 422, "unknown_node")
        assert places(refused) == [["body", "nodes", 1, "id"]]
    assert load(api, workspace) == before
    assert api.get(f"/sources/{foreign['id']}").json() == foreign


def test_two_thousand_nodes_move_at_once(backend: Backend, api: httpx.Client, owner: User, workspace: Row) -> None:
    ids = [str(uuid4()) for _ in range(MAX_MOVES)]
    half = MAX_MOVES // 2
    with backend.data_api(owner) as data_api:
        insert_many(data_api, "sources", [new_source(workspace, id=id_) for id_ in ids[:half]])
        insert_many(data_api, "labs", [new_lab(workspace, id=id_) for id_ in ids[half:]])
    moves = {id_: {"x": float(n), "y": -n / 2} for n, id_ in enumerate(ids)}
    nodes = [{"id": id_, "position": position} for id_, position in moves.items()]
    assert arrange(api, workspace, nodes=nodes).status_code == 204
    canvas = load(api, workspace)
    assert {node["id"]: node["position"] for node in canvas["nodes"]} == moves
    assert {node["data"]["version"] for node in canvas["nodes"]} == {1}
    problem(arrange(api, workspace, nodes=[*nodes, move({"id": str(uuid4())}, 0, 0)]), 422, "invalid_request")


def test_a_large_canvas_loads_whole(backend: Backend, api: httpx.Client, owner: User, workspace: Row) -> None:
    """5,000 nodes and 10,000 edges, where the data API answers no more than 1,000 rows of a table."""
    ids = [str(uuid4()) for _ in range(5000)]
    nodes = [{"id": id_, "workspace_id": workspace["id"]} for id_ in ids]
    edges = [
        new_edge(node, nodes[(n + step) % len(nodes)], id=str(uuid4()))
        for step in (1, 7)
        for n, node in enumerate(nodes)
    ]
    with backend.data_api(owner) as data_api:
        insert_many(data_api, "sources", [new_source(workspace, id=id_) for id_ in ids[:2500]])
        insert_many(data_api, "labs", [new_lab(workspace, id=id_) for id_ in ids[2500:]])
        insert_many(data_api, "edges", edges)
        assert len(data_api.get("/edges", params={"workspace_id": f"eq.{workspace['id']}"}).json()) == 1000
    canvas = load(api, workspace)
    assert sorted(node["id"] for node in canvas["nodes"]) == sorted(ids)
    assert {edge["id"]: (edge["source"], edge["target"]) for edge in canvas["edges"]} == {
        edge["id"]: (edge["source_node_id"], edge["target_node_id"]) for edge in edges
    }
    assert len(canvas["edges"]) == len(edges)
    dated = [(node["data"]["created_at"], UUID(node["id"]).int) for node in canvas["nodes"]]
    assert dated == sorted(dated)
