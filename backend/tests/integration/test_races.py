"""Eight writers at once on real PostgreSQL: no orphan, no duplicate, one winner, and only answers that are documented.

The embedded stack has one connection, so that nothing races there.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from threading import Barrier
from uuid import uuid4

import httpx
import pytest

from app.main import app
from tests.integration.conftest import Backend, User, created
from tests.integration.rows import Row, canvas_edit, new_edge, new_lab, new_message, new_source, pasted, walk

WRITERS = 8
CHILDREN = ("/sources", "/labs", "/edges", "/chat-messages")

pytestmark = [
    pytest.mark.parametrize("backend", ["postgres"], indirect=True),
    pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.soak)], ids="{} rounds".format),
]

Write = Callable[[httpx.Client], httpx.Response]

# A pattern for each path, most exact first, and the operations below it.
DOCUMENTED = [
    (re.compile("/v1" + re.sub(r"\{\w+\}", "[^/]+", path.removeprefix("/v1"))), item)
    for path, item in app.openapi()["paths"].items()
    if path.startswith("/v1")
]


def assert_documented(response: httpx.Response) -> None:
    """Assert that OpenAPI promises this status and problem for the request, and that it is no failure of ours."""
    request = response.request
    (item,) = (item for pattern, item in DOCUMENTED if pattern.fullmatch(request.url.path))
    operation = item[request.method.lower()]
    assert response.status_code < 500, response.text
    assert str(response.status_code) in operation["responses"], response.text
    if response.is_error:
        described = operation["responses"][str(response.status_code)]
        shared = app.openapi()["components"]["responses"][described["$ref"].rpartition("/")[2]]
        assert response.json()["code"] in shared["content"]["application/problem+json"]["examples"], response.text


class Writers:
    """Eight writers, each with a connection of their own, who begin at the same moment."""

    def __init__(self, pool: ThreadPoolExecutor, clients: Sequence[httpx.Client]) -> None:
        self._pool = pool
        self._clients = clients

    def race(self, writes: Sequence[Write]) -> list[httpx.Response]:
        """The answers to one write of each writer, in the order of the writes."""
        assert len(writes) == WRITERS
        barrier = Barrier(WRITERS)

        def run(client: httpx.Client, write: Write) -> httpx.Response:
            barrier.wait(timeout=30)
            return write(client)

        answers = list(self._pool.map(run, self._clients, writes))
        for answer in answers:
            assert_documented(answer)
        return answers


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


def post(path: str, body: Row) -> Write:
    return lambda client: client.post(path, json=body)


def delete(path: str) -> Write:
    return lambda client: client.delete(path)


def patch(path: str, body: Row) -> Write:
    return lambda client: client.patch(path, json=body)


def arrange(workspace: Row, ids: Sequence[str], place: float = 1) -> Write:
    """Moves these nodes, in this order, to one place."""
    nodes = [{"id": id_, "position": {"x": place, "y": place}} for id_ in ids]
    layout = {"nodes": nodes, "viewport": {"x": place, "y": place, "zoom": 1}}
    return lambda client: client.patch(f"/workspaces/{workspace['id']}/canvas", json=layout)


def statuses(answers: Sequence[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def assert_whole(backend: Backend, api: httpx.Client, workspace: Row) -> None:
    """Assert that nothing hangs in the air: neither as the owner sees it, nor in the tables themselves."""
    nodes = {row["id"] for path in ("/sources", "/labs") for row in walk(api, path, workspace_id=workspace["id"])}
    edges = walk(api, "/edges", workspace_id=workspace["id"], limit=100)
    assert all({edge["source_node_id"], edge["target_node_id"]} <= nodes for edge in edges)
    ends = [tuple(edge[key] for key in edge if key.endswith(("_node_id", "_handle"))) for edge in edges]
    assert len(ends) == len(set(ends))
    id_ = workspace["id"]
    orphans = backend.stack.sql(f"""
        with nodes as (select id, workspace_id from public.sources union all select id, workspace_id from public.labs)
        select
          (select count(*) from public.edges e where e.workspace_id = '{id_}' and (
            e.source_node_id not in (select id from nodes where workspace_id = '{id_}')
            or e.target_node_id not in (select id from nodes where workspace_id = '{id_}')))
          + (select count(*) from private.nodes n where n.workspace_id = '{id_}' and n.id not in (select id from nodes))
          + (select count(*) from nodes n where n.workspace_id = '{id_}' and n.id not in (select id from private.nodes))
    """)  # noqa: S608 - an id of ours
    assert orphans.strip() == "0"


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
        assert {answer.json()["code"] for answer in answers if answer.is_error} == {"duplicate"}
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


def edit(workspace: Row, **changes: Row) -> Write:
    return lambda client: canvas_edit(client, workspace, **changes)


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
        told = {answer.json()["code"] for answer in answers if answer.is_error}
        assert told <= {"unknown_node", "unknown_edge", "id_taken", "duplicate", "not_found"}
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
        numbers = sorted(created(answer)["seq"] for answer in made)
        assert len(set(numbers)) == len(numbers)
        assert numbers[0] > last
        visible = sorted(row["seq"] for row in read.json() if row["seq"] > last)
        assert visible == numbers[: len(visible)], "a number appeared before a smaller one"
        last = numbers[-1]


@dataclass(frozen=True)
class Team:
    """Two connections of the owner, three of an editor, one of a viewer, two of a member whose role changes."""

    writers: Writers
    wavering: str
    """The id of the member whose role changes."""

    def waver(self, workspace: Row, role: str) -> Write:
        """The owner gives the member another role."""
        return patch(f"/workspaces/{workspace['id']}/members/{self.wavering}", {"role": role})


@pytest.fixture
def team(backend: Backend, owner: User, api: httpx.Client, workspace: Row) -> Iterator[Team]:
    editor, viewer, wavering = (backend.new_user() for _ in range(3))
    for user, role in ((editor, "editor"), (viewer, "viewer"), (wavering, "editor")):
        invitation = created(api.post(f"/workspaces/{workspace['id']}/invitations", json={"role": role}))
        with backend.gateway(user) as guest:
            assert guest.post(f"/invitations/{invitation['token']}/accept").status_code == 200
    people = [owner] * 2 + [editor] * 3 + [viewer] + [wavering] * 2
    with ExitStack() as opened:
        clients = [opened.enter_context(backend.gateway(user)) for user in people]
        yield Team(Writers(opened.enter_context(ThreadPoolExecutor(WRITERS)), clients), wavering.id)


def codes(answers: Sequence[httpx.Response]) -> set[str]:
    return {answer.json()["code"] for answer in answers if answer.is_error}


def test_a_canvas_is_edited_by_a_team_of_which_one_loses_the_role(
    backend: Backend, api: httpx.Client, workspace: Row, team: Team, rounds: int
) -> None:
    chance = Random(2)  # noqa: S311
    ids, create = pasted(12, 18)
    assert canvas_edit(api, workspace, create=create).status_code == 200
    for number in range(rounds):
        role = ("viewer", "editor")[number % 2]
        some = [chance.sample(ids, 4) for _ in range(6)]
        new, again = pasted(6, 6)
        ends = new_edge({"id": some[3][0], "workspace_id": workspace["id"]}, {"id": some[3][1]})
        answers = team.writers.race(
            [
                team.waver(workspace, role),
                edit(workspace, create=again),
                edit(workspace, create=again),
                edit(workspace, delete={"nodes": some[0]}),
                arrange(workspace, some[1]),
                edit(workspace, delete={"nodes": some[2]}),
                chance.choice([post("/edges", ends), edit(workspace, copy={"ids": {some[4][0]: str(uuid4())}})]),
                chance.choice([arrange(workspace, some[5]), delete(f"/sources/{some[5][0]}")]),
            ]
        )
        assert answers[0].json()["role"] == role
        assert answers[5].json()["code"] == "read_only"
        known = {"unknown_node", "id_taken", "duplicate", "not_found"}
        assert codes(answers[1:5]) <= known
        assert codes(answers[6:]) <= known | {"read_only"}
        ids = (ids + new)[-16:]
        assert_whole(backend, api, workspace)
        # Once the answer is there the role counts for all that follows.
        told = codes(team.writers.race([arrange(workspace, [])] * WRITERS)[6:])
        assert told == ({"read_only"} if role == "viewer" else set())


def test_messages_of_a_team_are_numbered_in_the_order_in_which_they_appear(
    api: httpx.Client, workspace: Row, team: Team, rounds: int
) -> None:
    listed = {"workspace_id": workspace["id"], "order": "-seq", "limit": str(WRITERS)}
    write = post("/chat-messages", new_message(workspace))
    last = 0
    for number in range(rounds):
        answers = team.writers.race(
            [
                team.waver(workspace, ("viewer", "editor")[number % 2]),
                lambda client: client.get("/chat-messages", params=listed),
                *[write] * 6,
            ]
        )
        assert answers[5].json()["code"] == "read_only"
        # Not found: the role came back between the refusal and the question why.
        assert codes(answers[6:]) <= {"read_only", "not_found"}
        numbers = sorted(answer.json()["seq"] for answer in answers[2:] if answer.status_code == 201)
        assert len(numbers) >= 3
        assert len(set(numbers)) == len(numbers)
        assert numbers[0] > last
        visible = sorted(row["seq"] for row in answers[1].json() if row["seq"] > last)
        assert visible == numbers[: len(visible)], "a number appeared before a smaller one"
        last = numbers[-1]
    assert last == len(walk(api, "/chat-messages", workspace_id=workspace["id"])), "a refusal takes no number"
