"""Eight writers at once on real PostgreSQL: no orphan, no duplicate, one winner, only answers that are documented."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, User, created
from tests.integration.races import (
    MARKS,
    WRITERS,
    Write,
    Writers,
    arrange,
    assert_numbered,
    assert_whole,
    codes,
    delete,
    edit,
    patch,
    post,
    statuses,
)
from tests.integration.rows import Row, canvas_edit, new_edge, new_lab, new_message, new_source, pasted, walk

CHILDREN = ("/sources", "/labs", "/edges", "/chat-messages")

pytestmark = MARKS


@pytest.fixture(scope="module")
def owner(backend: Backend) -> User:
    return backend.new_user()


@pytest.fixture(scope="module")
def writers(backend: Backend, owner: User) -> Iterator[Writers]:
    clients = [backend.gateway(owner) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        yield Writers(pool, clients)
    for client in clients:
        client.close()


def test_linked_nodes_are_deleted_at_once(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    """Each node is joined to each other one, so that every two deletes take edges with them that are the same."""
    for _ in range(rounds):
        nodes = [
            ("/sources", created(api.post("/sources", json=new_source(workspace)))) for _ in range(WRITERS // 2)
        ] + [("/labs", created(api.post("/labs", json=new_lab(workspace)))) for _ in range(WRITERS // 2)]
        ids = ", ".join(f"'{row['id']}'" for _, row in nodes)
        backend.stack.sql(f"""
            insert into public.edges (workspace_id, source_node_id, target_node_id)
            select a.workspace_id, a.id, b.id from private.nodes a join private.nodes b using (workspace_id)
            where a.id in ({ids}) and b.id in ({ids}) and a.id <> b.id
        """)  # noqa: S608 - ids of ours
        answers = writers.race([delete(f"{path}/{row['id']}") for path, row in nodes])
        assert statuses(answers) == {204: WRITERS}
    assert_whole(backend, api, workspace)


def test_sources_are_deleted_while_their_labs_are(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    for _ in range(rounds):
        sources = [created(api.post("/sources", json=new_source(workspace))) for _ in range(WRITERS // 2)]
        labs = [created(api.post("/labs", json=new_lab(workspace, source_id=source["id"]))) for source in sources]
        for source, lab in zip(sources, labs, strict=True):
            created(api.post("/edges", json=new_edge(source, lab)))
        paths = [f"/sources/{row['id']}" for row in sources] + [f"/labs/{row['id']}" for row in labs]
        assert statuses(writers.race(list(map(delete, paths)))) == {204: WRITERS}
    assert_whole(backend, api, workspace)


def test_a_node_is_deleted_while_edges_to_it_are_drawn(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    for _ in range(rounds):
        source = created(api.post("/sources", json=new_source(workspace)))
        lab = created(api.post("/labs", json=new_lab(workspace)))
        drawn: list[Write] = [
            post("/edges", new_edge(*ends, source_handle=f"{n}"))
            for n in range(3)
            for ends in ((source, lab), (lab, source))
        ]
        mention = post("/chat-messages", new_message(workspace, mentions=[lab["id"]]))
        answers = writers.race([*drawn[:3], delete(f"/labs/{lab['id']}"), *drawn[3:], mention])
        assert answers[3].status_code == 204
        for answer in answers[:3] + answers[4:]:
            assert answer.status_code == 201 or answer.json()["code"] == "unknown_node"
        assert_whole(backend, api, workspace)
        assert walk(api, "/edges", workspace_id=workspace["id"]) == []


def test_a_workspace_is_deleted_while_it_is_written_to(
    backend: Backend, api: httpx.Client, writers: Writers, rounds: int
) -> None:
    for _ in range(rounds):
        workspace = created(api.post("/workspaces", json={"name": "Linear algebra"}))
        source = created(api.post("/sources", json=new_source(workspace)))
        lab = created(api.post("/labs", json=new_lab(workspace, source_id=source["id"])))
        path = f"/workspaces/{workspace['id']}"
        answers = writers.race(
            [
                post("/sources", new_source(workspace)),
                post("/labs", new_lab(workspace, source_id=source["id"])),
                post("/edges", new_edge(source, lab)),
                delete(path),
                post("/chat-messages", new_message(workspace, mentions=[source["id"]])),
                arrange(workspace, [lab["id"]]),
                delete(f"/sources/{source['id']}"),
                post("/sources", new_source(workspace)),
            ]
        )
        assert answers[3].status_code == 204
        assert api.get(path).status_code == 404
        for children in CHILDREN:
            assert walk(api, children, workspace_id=workspace["id"]) == []
        assert_whole(backend, api, workspace)


def test_the_same_edge_is_drawn_by_all(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    source = created(api.post("/sources", json=new_source(workspace)))
    for n in range(rounds):
        lab = created(api.post("/labs", json=new_lab(workspace)))
        handles: Row = {"source_handle": "right"} if n % 2 else {}
        bodies = [new_edge(source, lab, **handles) | ({"id": str(uuid4())} if i % 2 else {}) for i in range(WRITERS)]
        answers = writers.race([post("/edges", body) for body in bodies])
        assert statuses(answers) == {201: 1, 409: WRITERS - 1}
        assert codes(answers) == {"duplicate"}
    assert len(walk(api, "/edges", workspace_id=workspace["id"], limit=100)) == rounds
    assert_whole(backend, api, workspace)


@pytest.mark.parametrize("path", ["/workspaces", *CHILDREN])
def test_the_same_create_is_sent_by_all(
    api: httpx.Client, workspace: Row, writers: Writers, rounds: int, path: str
) -> None:
    ends = [created(api.post("/labs", json=new_lab(workspace))) for _ in range(2)]
    for n in range(rounds):
        new: dict[str, Row] = {
            "/workspaces": {"name": "Linear algebra"},
            "/sources": new_source(workspace, storage_path=f"{n}.pdf"),
            "/labs": new_lab(workspace),
            "/edges": new_edge(*ends, source_handle=f"{n}"),
            "/chat-messages": new_message(workspace, mentions=[ends[0]["id"]]),
        }
        body = new[path] | {"id": str(uuid4())}
        answers = writers.race([post(path, body)] * WRITERS)
        assert statuses(answers) == {201: 1, 200: WRITERS - 1}
        assert all(answer.json() == answers[0].json() for answer in answers)
        assert answers[0].json().items() >= body.items()


def test_a_source_and_a_lab_want_the_same_id(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    for _ in range(rounds):
        id_ = str(uuid4())
        source, lab = post("/sources", new_source(workspace, id=id_)), post("/labs", new_lab(workspace, id=id_))
        answers = writers.race([source, lab] * (WRITERS // 2))
        sources, labs = statuses(answers[::2]), statuses(answers[1::2])
        half = WRITERS // 2
        assert sorted([sources, labs], key=str) == sorted(
            [Counter({201: 1, 200: half - 1}), Counter({409: half})], key=str
        )
    assert_whole(backend, api, workspace)


@pytest.mark.parametrize("path", ["/workspaces", "/sources", "/labs"])
def test_one_change_of_a_version_wins(
    api: httpx.Client, workspace: Row, writers: Writers, rounds: int, path: str
) -> None:
    new = {"/workspaces": {"name": "0"}, "/sources": new_source(workspace), "/labs": new_lab(workspace)}[path]
    column = {"/workspaces": "name", "/sources": "title", "/labs": "type"}[path]
    row = created(api.post(path, json=new))

    def change(value: str, version: int, client: httpx.Client) -> httpx.Response:
        headers = {"If-Match": f'"{version}"'}
        return client.patch(f"{path}/{row['id']}", json={column: value}, headers=headers)

    for n in range(rounds):
        version = n + 1
        answers = writers.race([partial(change, f"w{n}_{writer}", version) for writer in range(WRITERS)])
        assert statuses(answers) == {200: 1, 412: WRITERS - 1}
        (winner,) = (answer.json() for answer in answers if answer.status_code == 200)
        assert winner["version"] == version + 1
        assert api.get(f"{path}/{row['id']}").json() == winner


def test_nodes_are_moved_while_they_are_deleted(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    for _ in range(rounds):
        sources = [created(api.post("/sources", json=new_source(workspace))) for _ in range(3)]
        labs = [created(api.post("/labs", json=new_lab(workspace))) for _ in range(3)]
        for source, lab in zip(sources, labs, strict=True):
            created(api.post("/edges", json=new_edge(source, lab)))
        ids = [row["id"] for row in (*sources, *labs)]
        moves = [arrange(workspace, order, n) for n, order in enumerate((ids, ids[::-1], ids[3:] + ids[:3]))]
        left = [arrange(workspace, [sources[0]["id"], labs[0]["id"]], 7), arrange(workspace, [labs[0]["id"]], 8)]
        gone = [f"/sources/{sources[1]['id']}", f"/labs/{labs[1]['id']}", f"/labs/{labs[2]['id']}"]
        answers = writers.race([*moves, *map(delete, gone), *left])
        assert statuses(answers[3:]) == {204: WRITERS - 3}
        for answer in answers[:3]:
            assert answer.status_code == 204 or answer.json()["code"] == "unknown_node"
    assert_whole(backend, api, workspace)


def test_a_workspace_that_rested_is_written_to_by_all(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    """Each writer is the one who finds that its time of activity is old, whichever rows it holds by then."""
    for n in range(rounds):
        source, gone = (created(api.post("/sources", json=new_source(workspace))) for _ in range(2))
        lab = created(api.post("/labs", json=new_lab(workspace, source_id=gone["id"])))
        backend.stack.sql(f"""
            set local session_replication_role = replica;
            update public.workspaces set active_at = now() - interval '1 hour' where id = '{workspace["id"]}'
        """)  # noqa: S608 - an id of ours
        answers = writers.race(
            [
                post("/sources", new_source(workspace)),
                post("/edges", new_edge(source, lab)),
                post("/edges", new_edge(lab, source)),
                post("/chat-messages", new_message(workspace, mentions=[lab["id"]])),
                arrange(workspace, [source["id"], lab["id"]], n),
                patch(f"/labs/{lab['id']}", {"status": "completed"}),
                delete(f"/sources/{gone['id']}"),
                patch(f"/workspaces/{workspace['id']}", {"name": f"Algebra {n}"}),
            ]
        )
        assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
        active = backend.stack.sql(f"""
            select active_at > now() - interval '1 minute' from public.workspaces where id = '{workspace["id"]}'
        """)  # noqa: S608
        assert active.strip() == "t"
    assert_whole(backend, api, workspace)


def test_a_canvas_is_edited_by_all(
    backend: Backend, api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    """Pastes, copies, deletes, restores, moves and single writes that overlap."""
    chance = Random(1)  # noqa: S311
    ids, create = pasted(12, 18)
    assert canvas_edit(api, workspace, create=create).status_code == 200
    trashed: Row = {"nodes": [], "edges": []}
    for _ in range(rounds):
        some = [chance.sample(ids, 5) for _ in range(6)]
        new, again = pasted(6, 6)
        ends = new_edge({"id": some[4][0], "workspace_id": workspace["id"]}, {"id": some[4][1]})
        single = [post("/edges", ends), delete(f"/sources/{some[5][0]}"), delete(f"/labs/{some[5][1]}")]
        writes = [
            edit(workspace, create=again),
            edit(workspace, create=again),
            edit(workspace, delete={"nodes": some[0]}),
            edit(workspace, delete={"nodes": some[1]}),
            edit(workspace, restore=trashed),
            edit(workspace, copy={"ids": {old: str(uuid4()) for old in some[2]}}),
            arrange(workspace, some[3]),
            chance.choice(single),
        ]
        answers = writers.race(chance.sample(writes, WRITERS))
        assert codes(answers) <= {"unknown_node", "unknown_edge", "id_taken", "duplicate", "not_found"}
        deleted = [answer.json()["deleted"] for answer in answers if answer.status_code == 200]
        trashed = {kind: list({id_ for item in deleted for id_ in item[kind]}) for kind in ("nodes", "edges")}
        ids = (ids + new)[-16:]
        assert_whole(backend, api, workspace)


def test_messages_are_numbered_in_the_order_in_which_they_appear(
    api: httpx.Client, workspace: Row, writers: Writers, rounds: int
) -> None:
    """Who has read up to a number misses nothing by asking for what is greater."""
    listed = {"workspace_id": workspace["id"], "order": "-seq", "limit": str(WRITERS)}
    write = post("/chat-messages", new_message(workspace))
    last = 0
    for _ in range(rounds):
        *made, read = writers.race(
            [*[write] * (WRITERS - 1), lambda client: client.get("/chat-messages", params=listed)]
        )
        last = assert_numbered([created(answer)["seq"] for answer in made], read.json(), last)
