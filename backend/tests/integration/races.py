"""Eight writers who begin at the same moment, what they write, and what must hold after it.

For real PostgreSQL: the embedded stack has one connection, so that nothing races there.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from app.main import app
from tests.integration.conftest import Backend
from tests.integration.rows import Row, canvas_edit, walk

WRITERS = 8
MARKS = [
    pytest.mark.parametrize("backend", ["postgres"], indirect=True),
    pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.soak)], ids="{} rounds".format),
]
"""Of every test of a race."""

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


def edit(workspace: Row, **changes: Row) -> Write:
    return lambda client: canvas_edit(client, workspace, **changes)


def codes(answers: Sequence[httpx.Response]) -> set[str]:
    return {answer.json()["code"] for answer in answers if answer.is_error}


def assert_numbered(numbers: Sequence[int], seen: Sequence[Row], last: int) -> int:
    """Assert that messages written at once have numbers of their own, greater than `last`, and that a reader among the
    writers saw none before one with a smaller number; the greatest."""
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > last
    visible = sorted(row["seq"] for row in seen if row["seq"] > last)
    assert visible == sorted(numbers)[: len(visible)], "a number appeared before a smaller one"
    return max(numbers)
