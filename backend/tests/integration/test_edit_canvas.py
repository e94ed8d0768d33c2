"""A canvas changed in one call straight at the data API, the same on both backends; and raced on real PostgreSQL."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, User
from tests.integration.rows import Row

WRITERS = 8

Write = Callable[[httpx.Client], httpx.Response]

REFUSALS = {"unknown_node", "unknown_edge", "id_taken", "duplicate", "not_found", "edges_ends_key", "_node_id_fkey"}
"""What a writer may be told when another one was faster."""


@pytest.fixture
def data_api(backend: Backend, owner: User) -> Iterator[httpx.Client]:
    with backend.data_api(owner) as client:
        yield client


@pytest.fixture
def place(data_api: httpx.Client) -> str:
    return new_place(data_api)


def new_place(data_api: httpx.Client) -> str:
    row = {"id": str(uuid4()), "name": "Linear algebra"}
    assert data_api.post("/workspaces", json=row).is_success
    return row["id"]


def edit(data_api: httpx.Client, place: str, **changes: Any) -> httpx.Response:
    return data_api.post("/rpc/edit_canvas", json={"workspace_id": place, "changes": changes})


def edited(data_api: httpx.Client, place: str, **changes: Any) -> Row:
    answer = edit(data_api, place, **changes)
    assert answer.status_code == 200, answer.text
    document: Row = answer.json()
    return document


def send(method: str, path: str, **content: Any) -> Write:
    return lambda client: client.request(method, path, **content)


def change(place: str, **changes: Any) -> Write:
    return lambda client: edit(client, place, **changes)


def canvas(data_api: httpx.Client, place: str) -> Row:
    (document,) = data_api.post("/rpc/canvas", json={"workspace_id": place}).json()
    return dict(document)


def paste(nodes: int, edges: int) -> tuple[list[str], Row]:
    """So many nodes, half of them labs made from the other half, and edges between them."""
    ids = [str(uuid4()) for _ in range(nodes)]
    half = nodes // 2
    sources = [{"id": id_, "type": "pdf", "title": f"Part {n}"} for n, id_ in enumerate(ids[:half])]
    labs = [
        {"id": id_, "type": "code_lab", "source_id": ids[n], "generated_content": {"n": n}, "width": 240.5}
        for n, id_ in enumerate(ids[half:])
    ]
    ends = [(ids[n % half], ids[half + (n + n // half) % half]) for n in range(edges)]
    joined = [{"source_node_id": source, "target_node_id": target} for source, target in ends]
    return ids, {"sources": sources, "labs": labs, "edges": joined}


def refusal(answer: httpx.Response, status: int, word: str) -> Any:
    """The places that a refusal names."""
    document = answer.json()
    assert (answer.status_code, document["message"]) == (status, word), answer.text
    return json.loads(document["details"]) if document["details"] else None


def test_a_paste_is_there_in_its_order_and_once(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(200, 150)
    answer = edited(data_api, place, create=create)
    assert answer["created"]["nodes"] == ids
    seen = canvas(data_api, place)
    assert [node["id"] for node in seen["nodes"]] == ids
    assert [edge["id"] for edge in seen["edges"]] == answer["created"]["edges"]
    assert [node.get("width") for node in seen["nodes"]] == [None] * 100 + [240.5] * 100
    assert edited(data_api, place, create=create) == answer
    assert canvas(data_api, place) == seen


def test_a_duplicate_is_made_once(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(20, 30)
    edited(data_api, place, create=create)
    copies = {old: str(uuid4()) for old in ids}
    copy = {"ids": copies, "offset": {"x": 10, "y": -0.5}}
    answer = edited(data_api, place, copy=copy)
    assert (set(answer["copied"]["nodes"]), len(answer["copied"]["edges"])) == (set(copies.values()), 30)
    seen = canvas(data_api, place)
    assert [node["id"] for node in seen["nodes"][20:]] == [copies[id_] for id_ in ids]
    lab = data_api.get("/labs", params={"id": f"eq.{copies[ids[-1]]}"}).json()[0]
    assert (lab["generated_content"], lab["source_id"]) == ({"n": 9}, copies[ids[9]])
    assert lab["canvas_position"] == {"x": 10, "y": -0.5}
    assert edited(data_api, place, copy=copy) == answer
    assert canvas(data_api, place) == seen


def test_what_is_deleted_and_restored_is_as_it_was(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(40, 60)
    edited(data_api, place, create=create)
    assert data_api.patch("/labs", params={"id": f"eq.{ids[-1]}"}, json={"user_state": {"n": 1}}).is_success

    def rows() -> list[Any]:
        filters = {"workspace_id": f"eq.{place}", "order": "created_at,id"}
        return [data_api.get(f"/{table}", params=filters).json() for table in ("sources", "labs", "edges")]

    before, seen = rows(), canvas(data_api, place)
    answer = edited(data_api, place, delete={"nodes": ids[10:30]})
    assert len(answer["deleted"]["edges"]) > 20
    assert edited(data_api, place, delete={"nodes": ids[10:30]}) == answer
    assert {node["id"] for node in canvas(data_api, place)["nodes"]} == set(ids[:10] + ids[30:])
    back = edited(data_api, place, restore=answer["deleted"])
    assert back["restored"] == answer["deleted"]
    assert edited(data_api, place, restore=answer["deleted"]) == back
    assert (rows(), canvas(data_api, place)) == (before, seen)


def test_a_plain_delete_goes_to_the_trash_too(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(2, 1)
    edited(data_api, place, create=create)
    seen = canvas(data_api, place)
    assert data_api.delete("/sources", params={"id": f"eq.{ids[0]}"}).is_success
    assert [node["id"] for node in canvas(data_api, place)["nodes"]] == ids[1:]
    for taken in ({"id": ids[0], "type": "pdf", "title": "Again"}, {"id": ids[0], "type": "pdf", "title": "Part 0"}):
        assert data_api.post("/sources", json={"workspace_id": place, **taken}).status_code == 409
        (named,) = refusal(edit(data_api, place, create={"sources": [taken]}), 409, "id_taken")
        assert (named["loc"], named["type"]) == (["create", "sources", 0, "id"], "in_trash")
    made = {"workspace_id": place, "type": "quiz_lab", "source_id": ids[0]}
    assert "labs_source_id_fkey" in data_api.post("/labs", json=made).json()["message"]
    edited(data_api, place, restore={"nodes": ids[:1]})
    assert canvas(data_api, place) == seen


def test_a_version_is_asked_for(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(2, 1)
    edited(data_api, place, create=create)

    def trash(kind: str, id_: str, versions: list[int] | None) -> httpx.Response:
        return data_api.post("/rpc/move_to_trash", json={"kind": kind, "id": id_, "versions": versions})

    refusal(trash("labs", ids[1], [2]), 412, "stale_version")
    refusal(trash("labs", ids[1], []), 412, "stale_version")
    refusal(trash("sources", ids[1], [1]), 404, "not_found")
    assert trash("labs", ids[1], [2, 1]).is_success
    refusal(trash("labs", ids[1], None), 404, "not_found")
    assert canvas(data_api, place)["edges"] == []


def test_one_bad_thing_among_500_changes_nothing_and_is_named(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(300, 200)
    edited(data_api, place, create=paste(2, 1)[1])
    seen = canvas(data_api, place)
    create["sources"][77] |= {"type": "Bad"}
    (named,) = refusal(edit(data_api, place, create=create), 422, "refused_value")
    assert named == {"loc": ["create", "sources", 77, "type"], "id": ids[77], "type": "sources_type_word"}
    create["sources"][77] |= {"type": "pdf"}
    create["edges"][99] |= {"target_node_id": place}
    (named,) = refusal(edit(data_api, place, create=create), 422, "unknown_node")
    assert named == {"loc": ["create", "edges", 99, "target_node_id"], "id": place}
    assert canvas(data_api, place) == seen


def test_2000_things_are_changed_at_once_and_no_more(data_api: httpx.Client, place: str) -> None:
    ids, create = paste(1000, 1000)
    edited(data_api, place, create=create)
    assert len(canvas(data_api, place)["nodes"]) == 1000
    refusal(edit(data_api, place, create=create, delete={"nodes": [str(uuid4())]}), 422, "too_many_changes")
    unknown = [{"id": id_, "width": 1} for id_ in (ids[0], str(uuid4()), ids[1], str(uuid4()))]
    moved = data_api.post("/rpc/arrange_canvas", json={"workspace_id": place, "nodes": unknown})
    assert [item["loc"] for item in refusal(moved, 422, "unknown_node")] == [["nodes", 1, "id"], ["nodes", 3, "id"]]


def test_a_strangers_canvas_is_not_there(backend: Backend, stranger: User, data_api: httpx.Client, place: str) -> None:
    ids, create = paste(2, 1)
    edited(data_api, place, create=create)
    with backend.data_api(stranger) as other:
        for changes in ({}, {"delete": {"nodes": ids}}, {"copy": {"ids": {ids[0]: str(uuid4())}}}):
            refusal(edit(other, place, **changes), 404, "workspace_not_found")
        theirs = new_place(other)
        refusal(edit(other, theirs, delete={"nodes": ids}), 422, "unknown_node")
        refusal(edit(other, theirs, copy={"ids": {ids[0]: str(uuid4())}}), 422, "unknown_node")
        (named,) = refusal(edit(other, theirs, create=create | {"labs": [], "edges": []}), 409, "id_taken")
        assert named["existing"] is None
    assert len(canvas(data_api, place)["nodes"]) == 2


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.soak)], ids="{} rounds".format)
def test_eight_writers_leave_the_canvas_whole(
    backend: Backend, owner: User, data_api: httpx.Client, place: str, rounds: int
) -> None:
    """Pastes, copies, deletes, restores, moves and single writes that overlap, by writers who begin at once."""
    chance = Random(1)  # noqa: S311
    clients = [backend.data_api(owner) for _ in range(WRITERS)]
    ids, create = paste(12, 18)
    edited(data_api, place, create=create)
    trashed: Row = {"nodes": [], "edges": []}
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in range(rounds):
            some = [chance.sample(ids, 5) for _ in range(6)]
            new, again = paste(6, 6)
            ends = {"workspace_id": place, "source_node_id": some[4][0], "target_node_id": some[4][1]}
            layout = [{"id": id_, "position": {"x": 1, "y": 1}} for id_ in some[3]]
            single = [
                send("POST", "/edges", json=ends),
                send("DELETE", "/sources", params={"id": f"eq.{some[5][0]}"}),
                send("DELETE", "/labs", params={"id": f"eq.{some[5][1]}"}),
            ]
            writes = [
                change(place, create=again),
                change(place, create=again),
                change(place, delete={"nodes": some[0]}),
                change(place, delete={"nodes": some[1]}),
                change(place, restore=trashed),
                change(place, copy={"ids": {old: str(uuid4()) for old in some[2]}}),
                send("POST", "/rpc/arrange_canvas", json={"workspace_id": place, "nodes": layout}),
                chance.choice(single),
            ]
            answers = race(pool, clients, chance.sample(writes, WRITERS))
            for answer in answers:
                told = "" if answer.is_success else answer.json()["message"]
                assert answer.is_success or any(word in told for word in REFUSALS), answer.text
            deleted = [json.loads(answer.text)["deleted"] for answer in answers if "deleted" in answer.text]
            trashed = {key: list({id_ for item in deleted for id_ in item[key]}) for key in ("nodes", "edges")}
            ids = (ids + new)[-16:]
            assert_whole(backend, data_api, place)
    for client in clients:
        client.close()


def race(
    pool: ThreadPoolExecutor,
    clients: Sequence[httpx.Client],
    writes: Sequence[Write],
) -> list[httpx.Response]:
    barrier = Barrier(WRITERS)

    def run(client: httpx.Client, write: Write) -> httpx.Response:
        barrier.wait(timeout=30)
        return write(client)

    return list(pool.map(run, clients, writes))


def assert_whole(backend: Backend, data_api: httpx.Client, place: str) -> None:
    """Assert that every edge that is seen joins nodes that are seen, none is there twice, and the registry is right."""
    seen = canvas(data_api, place)
    nodes = {node["id"] for node in seen["nodes"]}
    ends = [(edge["source"], edge["target"], edge["sourceHandle"], edge["targetHandle"]) for edge in seen["edges"]]
    assert all({source, target} <= nodes for source, target, *_ in ends)
    assert len(ends) == len(set(ends))
    orphans = backend.stack.sql("""
        with nodes as (select id from public.sources union all select id from public.labs)
        select (select count(*) from private.nodes where id not in (select id from nodes))
             + (select count(*) from nodes where id not in (select id from private.nodes))
    """)
    assert orphans.strip() == "0"
