"""A canvas changed in one request, the same on both backends: pasted, duplicated, deleted, undone."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.models.canvas_edit import MAX_CHANGES, CanvasEdited
from tests.integration.conftest import Backend, User, created, places, problem
from tests.integration.rows import Row, canvas_edit, new_edge, new_lab, new_source, pasted, walk

NOTHING: Row = {"nodes": [], "edges": []}


def edited(api: httpx.Client, workspace: Row, **changes: Any) -> Row:
    """What an edit of the canvas answers, once it has been held against its description."""
    answer = canvas_edit(api, workspace, **changes)
    assert answer.status_code == 200, answer.text
    document: Row = answer.json()
    assert CanvasEdited.model_validate(document).model_dump(mode="json") == document
    return document


def canvas(api: httpx.Client, workspace: Row) -> Row:
    document: Row = api.get(f"/workspaces/{workspace['id']}/canvas").raise_for_status().json()
    return document


def everything(api: httpx.Client, workspace: Row) -> list[Any]:
    """All rows of the canvas, in their order, and the canvas."""
    lists = [walk(api, path, workspace_id=workspace["id"], limit=100) for path in ("/sources", "/labs", "/edges")]
    return [*lists, canvas(api, workspace)]


def test_a_paste_is_there_in_its_order_and_once(api: httpx.Client, workspace: Row) -> None:
    ids, create = pasted(200, 150)
    answer = edited(api, workspace, create=create)
    assert answer == {"created": answer["created"], "copied": NOTHING, "deleted": NOTHING, "restored": NOTHING}
    assert answer["created"]["nodes"] == ids
    seen = canvas(api, workspace)
    assert [node["id"] for node in seen["nodes"]] == ids
    assert [edge["id"] for edge in seen["edges"]] == answer["created"]["edges"]
    assert [node.get("width") for node in seen["nodes"]] == [None] * 100 + [240.5] * 100
    assert edited(api, workspace, create=create) == answer
    assert canvas(api, workspace) == seen


def test_a_duplicate_is_made_once(api: httpx.Client, workspace: Row) -> None:
    ids, create = pasted(20, 30)
    edited(api, workspace, create=create)
    copies = {old: str(uuid4()) for old in ids}
    copy = {"ids": copies, "offset": {"x": 10, "y": -0.5}}
    answer = edited(api, workspace, copy=copy)
    assert (set(answer["copied"]["nodes"]), len(answer["copied"]["edges"])) == (set(copies.values()), 30)
    seen = canvas(api, workspace)
    assert [node["id"] for node in seen["nodes"][20:]] == [copies[id_] for id_ in ids]
    lab = api.get(f"/labs/{copies[ids[-1]]}").json()
    assert (lab["generated_content"], lab["source_id"], lab["version"]) == ({"n": 9}, copies[ids[9]], 1)
    assert (lab["canvas_position"], lab["width"]) == ({"x": 10, "y": -0.5}, 240.5)
    assert edited(api, workspace, copy=copy) == answer
    assert canvas(api, workspace) == seen


def test_a_deletion_of_20_nodes_and_30_edges_is_undone_exactly(api: httpx.Client, workspace: Row) -> None:
    """Versions, order, times and contents of labs included; and redone, and undone again."""
    ids, create = pasted(20, 30)
    others, more = pasted(20, 30)
    more["edges"].append({"source_node_id": ids[0], "target_node_id": others[0]})
    edited(api, workspace, create=create)
    edited(api, workspace, create=more)
    for n in range(3):
        assert api.patch(f"/labs/{ids[-1]}", json={"user_state": {"n": n}}).status_code == 200
    before = everything(api, workspace)
    assert before[1][9]["version"] == 4
    content = api.get(f"/labs/{ids[-1]}").json()
    for _ in range(2):
        answer = edited(api, workspace, delete={"nodes": ids})
        assert (len(answer["deleted"]["nodes"]), len(answer["deleted"]["edges"])) == (20, 31)
        assert edited(api, workspace, delete={"nodes": ids}) == answer, "deleted once"
        assert {node["id"] for node in canvas(api, workspace)["nodes"]} == set(others)
        problem(api.get(f"/labs/{ids[-1]}"), 404, "not_found")
        back = edited(api, workspace, restore=answer["deleted"])
        assert back["restored"] == answer["deleted"]
        assert edited(api, workspace, restore=answer["deleted"]) == back, "restored once"
        assert everything(api, workspace) == before
        assert api.get(f"/labs/{ids[-1]}").json() == content


def test_edges_are_deleted_and_restored_by_themselves(api: httpx.Client, workspace: Row) -> None:
    _, create = pasted(6, 6)
    edges = edited(api, workspace, create=create)["created"]["edges"]
    before = everything(api, workspace)
    assert edited(api, workspace, delete={"edges": edges[:2]})["deleted"] == {"nodes": [], "edges": edges[:2]}
    assert api.delete(f"/edges/{edges[2]}").status_code == 204
    assert [edge["id"] for edge in canvas(api, workspace)["edges"]] == edges[3:]
    assert edited(api, workspace, restore={"edges": edges[:3]})["restored"]["edges"] == edges[:3]
    assert everything(api, workspace) == before


def test_all_of_it_happens_at_once(api: httpx.Client, workspace: Row) -> None:
    """Cut and paste: what is deleted may be copied, and new edges may join what is new."""
    ids, create = pasted(4, 2)
    edited(api, workspace, create=create)
    gone = edited(api, workspace, delete={"nodes": ids[3:]})["deleted"]
    copies, more = {ids[0]: str(uuid4())}, str(uuid4())
    answer = edited(
        api,
        workspace,
        create={
            "labs": [{"id": more, "workspace_id": workspace["id"], "type": "quiz_lab", "source_id": ids[1]}],
            "edges": [{"source_node_id": copies[ids[0]], "target_node_id": more}],
        },
        copy={"ids": copies},
        delete={"nodes": ids[:1]},
        restore=gone,
    )
    assert answer["copied"] == {"nodes": [copies[ids[0]]], "edges": []}
    assert (answer["deleted"]["nodes"], answer["restored"]["nodes"]) == (ids[:1], ids[3:])
    seen = canvas(api, workspace)
    assert {node["id"] for node in seen["nodes"]} == {*ids[1:], *copies.values(), more}
    joined = {"source": copies[ids[0]], "target": more}
    assert any(edge.items() >= joined.items() for edge in seen["edges"])


@pytest.mark.parametrize("way", ["route", "data API"])
def test_a_deleted_row_is_in_the_trash_whichever_way_it_was_deleted(
    backend: Backend, api: httpx.Client, owner: User, workspace: Row, way: str
) -> None:
    ids, create = pasted(2, 1)
    edited(api, workspace, create=create)
    before = everything(api, workspace)
    if way == "route":
        assert api.delete(f"/sources/{ids[0]}", headers={"If-Match": '"1"'}).status_code == 204
    else:
        with backend.data_api(owner) as data_api:
            assert data_api.delete("/sources", params={"id": f"eq.{ids[0]}"}).is_success
    assert [node["id"] for node in canvas(api, workspace)["nodes"]] == ids[1:]
    for title in ("Again", "Part 0"):
        taken = {"id": ids[0], "type": "pdf", "title": title}
        assert "existing" not in problem(api.post("/sources", json=new_source(workspace) | taken), 409, "id_taken")
        refused = problem(canvas_edit(api, workspace, create={"sources": [taken]}), 409, "id_taken")
        assert places(refused) == [["body", "create", "sources", 0, "id"]]
        assert [error["type"] for error in refused["errors"]] == ["in_trash"]
    problem(canvas_edit(api, workspace, copy={"ids": {ids[0]: str(uuid4())}}), 422, "unknown_node")
    edited(api, workspace, restore={"nodes": ids[:1]})
    assert everything(api, workspace) == before


def test_one_bad_thing_among_500_changes_nothing_and_is_named(api: httpx.Client, workspace: Row) -> None:
    edited(api, workspace, create=pasted(2, 1)[1])
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    foreign = created(api.post("/sources", json=new_source(elsewhere)))
    before = everything(api, workspace)
    ids, create = pasted(300, 200)
    nowhere = str(uuid4())

    def refused(status: int, code: str, *place: str | int, **bad: Any) -> Row:
        parts = {key: [*create[key]] for key in create}
        kind, n, change = bad["kind"], bad["n"], bad["change"]
        parts[kind][n] = parts[kind][n] | change
        document = problem(canvas_edit(api, workspace, create=parts), status, code)
        assert places(document) == [["body", "create", kind, n, *place]]
        assert everything(api, workspace) == before
        error: Row = document["errors"][0]
        return error

    refused(422, "invalid_request", "type", kind="sources", n=77, change={"type": "Bad"})
    refused(422, "invalid_request", "workspace_id", kind="sources", n=149, change={"workspace_id": elsewhere["id"]})
    refused(422, "invalid_request", "id", kind="labs", n=3, change={"id": ids[0]})
    refused(422, "unknown_source", "source_id", kind="labs", n=149, change={"source_id": foreign["id"]})
    refused(422, "unknown_node", "target_node_id", kind="edges", n=99, change={"target_node_id": nowhere})
    refused(422, "unknown_node", "source_node_id", kind="edges", n=0, change={"source_node_id": foreign["id"]})
    taken = refused(409, "id_taken", "id", kind="sources", n=0, change={"id": foreign["id"]})
    assert "existing" not in taken
    ends = {key: create["edges"][198][key] for key in ("source_node_id", "target_node_id")}
    refused(409, "duplicate", kind="edges", n=199, change=ends)


def test_what_is_not_there_is_named(api: httpx.Client, workspace: Row) -> None:
    ids, create = pasted(2, 1)
    (edge,) = edited(api, workspace, create=create)["created"]["edges"]
    before = everything(api, workspace)
    nowhere = str(uuid4())
    for part, kind, code in (
        ("delete", "nodes", "unknown_node"),
        ("restore", "nodes", "unknown_node"),
        ("delete", "edges", "unknown_edge"),
        ("restore", "edges", "unknown_edge"),
    ):
        there = ids[:1] if kind == "nodes" else [edge]
        refused = problem(canvas_edit(api, workspace, **{part: {kind: [*there, nowhere]}}), 422, code)
        assert places(refused) == [["body", part, kind, 1]]
    refused = problem(canvas_edit(api, workspace, copy={"ids": {nowhere: str(uuid4())}}), 422, "unknown_node")
    assert places(refused) == [["body", "copy", "ids", nowhere]]
    refused = problem(
        canvas_edit(api, workspace, delete={"nodes": ids}, restore={"nodes": ids[:1]}), 422, "invalid_request"
    )
    assert places(refused) == [["body", "restore", "nodes", 0]]
    again = {"source_node_id": ids[0], "target_node_id": ids[1], "label": "Another"}
    assert problem(canvas_edit(api, workspace, create={"edges": [again]}), 409, "duplicate")["existing"] == edge
    assert everything(api, workspace) == before


def test_2000_things_are_changed_at_once_and_no_more(api: httpx.Client, workspace: Row) -> None:
    ids, create = pasted(1000, 1000)
    assert len(edited(api, workspace, create=create)["created"]["edges"]) == 1000
    assert len(canvas(api, workspace)["nodes"]) == 1000
    more = {"nodes": [str(uuid4())]}
    problem(canvas_edit(api, workspace, create=create, delete=more), 422, "invalid_request")
    assert sum(map(len, create.values())) == MAX_CHANGES
    gone = edited(api, workspace, delete={"nodes": ids})["deleted"]
    assert canvas(api, workspace)["nodes"] == []
    assert edited(api, workspace, restore=gone)["restored"] == gone
    assert len(canvas(api, workspace)["edges"]) == 1000


def test_a_strangers_canvas_is_not_there(backend: Backend, stranger: User, api: httpx.Client, workspace: Row) -> None:
    ids, create = pasted(2, 1)
    edited(api, workspace, create=create)
    gone = edited(api, workspace, delete={"nodes": ids[:1]})["deleted"]
    before = everything(api, workspace)
    with backend.gateway() as nobody:
        problem(canvas_edit(nobody, workspace), 401, "unauthenticated")
    with backend.gateway(stranger) as other:
        for changes in ({}, {"delete": {"nodes": ids}}, {"restore": gone}, {"copy": {"ids": {ids[1]: str(uuid4())}}}):
            problem(canvas_edit(other, workspace, **changes), 404, "not_found")
        theirs = created(other.post("/workspaces", json={"name": "Theirs"}))
        problem(canvas_edit(other, theirs, delete={"nodes": ids}), 422, "unknown_node")
        problem(canvas_edit(other, theirs, restore=gone), 422, "unknown_node")
        problem(canvas_edit(other, theirs, copy={"ids": {ids[1]: str(uuid4())}}), 422, "unknown_node")
        refused = problem(canvas_edit(other, theirs, create=create | {"labs": [], "edges": []}), 409, "id_taken")
        assert "existing" not in refused
        assert [error["type"] for error in refused["errors"]] == ["id_taken"], "not that it is in the trash"
        problem(other.delete(f"/labs/{ids[1]}"), 404, "not_found")
        assert canvas(other, theirs)["nodes"] == []
    assert everything(api, workspace) == before


def test_sizes_are_set_and_taken_away_by_layout(api: httpx.Client, workspace: Row) -> None:
    source = created(api.post("/sources", json=new_source(workspace, width=320.5)))
    lab = created(api.post("/labs", json=new_lab(workspace)))
    created(api.post("/edges", json=new_edge(source, lab)))
    path = f"/workspaces/{workspace['id']}/canvas"
    nodes = [{"id": source["id"], "width": None, "height": 100}, {"id": lab["id"], "height": 1e-3}]
    assert api.patch(path, json={"nodes": nodes}).status_code == 204
    first, second = canvas(api, workspace)["nodes"]
    assert ("width" in first, first["height"]) == (False, 100)
    assert ("width" in second, second["height"]) == (False, 1e-3)
    assert first["data"] == source | {"width": None, "height": 100}, "neither version nor updated_at changes"
    assert first["position"] == source["canvas_position"]
    twice = problem(api.patch(path, json={"nodes": [*nodes, nodes[0]]}), 422, "invalid_request")
    assert places(twice) == [["body", "nodes", 2, "id"]]
