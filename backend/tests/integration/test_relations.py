"""What holds between rows, the same on both backends: labs and their sources, edges, mentions, what a delete takes."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, User, created, places, problem
from tests.integration.resources import IN_WORKSPACE, RESOURCES, Scene, content, open_scene
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source, walk


@pytest.fixture(scope="module")
def scene(backend: Backend) -> Iterator[Scene]:
    with open_scene(backend) as scene:
        yield scene


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


def test_fifty_mentions_name_nodes_of_the_workspace_and_may_outlive_them(api: httpx.Client, workspace: Row) -> None:
    elsewhere = created(api.post("/workspaces", json={"name": "Elsewhere"}))
    foreign = created(api.post("/sources", json=new_source(elsewhere)))["id"]
    source = created(api.post("/sources", json=new_source(workspace)))["id"]
    lab = created(api.post("/labs", json=new_lab(workspace)))["id"]
    for unknown in (foreign, workspace["id"], str(uuid4())):
        new = new_message(workspace, mentions=[source, unknown, lab])
        refused = problem(api.post("/chat-messages", json=new), 422, "unknown_node")
        assert places(refused) == [["body", "mentions", 1]]
    mentions = [lab, source, *[lab] * 48]
    message = created(api.post("/chat-messages", json=new_message(workspace, mentions=mentions)))
    assert message["mentions"] == mentions
    assert api.delete(f"/sources/{source}").status_code == 204
    assert walk(api, "/chat-messages", workspace_id=workspace["id"]) == [message]


def test_a_deleted_workspace_takes_everything_with_it(scene: Scene) -> None:
    doomed = replace(scene, rows={})
    for table in RESOURCES:
        doomed.rows[table] = doomed.make(table)
    source, lab = doomed.rows["sources"], doomed.rows["labs"]
    assert scene.api.patch(f"/labs/{lab['id']}", json={"source_id": source["id"]}).status_code == 200
    created(scene.api.post("/chat-messages", json=new_message(doomed.workspace, mentions=[source["id"], lab["id"]])))
    assert scene.api.delete(f"/workspaces/{doomed.workspace['id']}").status_code == 204
    for table in RESOURCES:
        assert scene.find(table, doomed.rows[table]["id"]) is None
    for table in IN_WORKSPACE:
        assert walk(scene.api, RESOURCES[table].path, workspace_id=doomed.workspace["id"]) == []
        assert content(scene.find(table, scene.rows[table]["id"])) == content(scene.rows[table])
