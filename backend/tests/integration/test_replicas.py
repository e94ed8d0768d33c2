"""Two gateways after a balancer that sends every request to the other one answer as one does."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from dev.processes import Supervisor
from tests.integration.conftest import Backend, start_gateway

Step = tuple[str, int, Any, str | None]


class RoundRobin(httpx.BaseTransport):
    """Sends each request to the next of the addresses, whatever host it was meant for."""

    def __init__(self, *urls: str) -> None:
        self._urls = itertools.cycle(map(httpx.URL, urls))
        self._transport = httpx.HTTPTransport()
        self.served: list[int | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = next(self._urls)
        self.served.append(url.port)
        request.url = request.url.copy_with(host=url.host, port=url.port)
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


class Recorder:
    """Makes requests and notes what any two runs must have in common: times are left out, ids numbered."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._numbers: dict[str, str] = {}
        self.steps: list[Step] = []

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._client.request(method, path, json=body, headers=sent)
        said = response.json() if response.content else None
        step = (f"{method} {path}", response.status_code, said, response.headers.get("etag"))
        self.steps.append(self._plain(step))
        return response

    def _plain(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._plain(item, key) for key, item in value.items() if key not in {"request_id", "seq"}}
        if isinstance(value, list | tuple):
            return type(value)(self._plain(item) for item in value)
        if name.endswith("_at") and isinstance(value, str):
            return "a time"
        if isinstance(value, str):
            return "/".join(self._numbered(part) for part in value.partition("?")[0].split("/"))
        return value

    def _numbered(self, part: str) -> str:
        try:
            UUID(part)
        except ValueError:
            return part
        return self._numbers.setdefault(part, f"id {len(self._numbers)}")


def play(client: httpx.Client) -> list[Step]:
    """Creates, repeated creates, updates that agree and disagree, layout, walks by cursor, deletes."""
    ask = Recorder(client)
    workspace = ask("POST", "/workspaces", {"name": "Shared"}).json()
    path = f"/workspaces/{workspace['id']}"
    ask("POST", "/workspaces", {"id": workspace["id"], "name": "Shared"})
    for turn in range(3):
        ask("PATCH", path, {"name": f"Shared {turn}"}, if_match=f'"{turn + 1}"')
        ask("PATCH", path, {"name": "stale"}, if_match=f'"{turn + 1}"')
        ask("GET", path)
    nodes = [
        ask("POST", "/sources", {"workspace_id": workspace["id"], "type": "pdf", "title": f"Chapter {n}"}).json()["id"]
        for n in range(7)
    ]
    for one, other in itertools.pairwise(nodes):
        edge = {"workspace_id": workspace["id"], "source_node_id": one, "target_node_id": other}
        ask("POST", "/edges", edge)
        ask("POST", "/edges", edge)
    ask("PATCH", f"{path}/canvas", {"nodes": [{"id": node, "position": {"x": 1, "y": 2}} for node in nodes]})
    for n in range(7):
        ask("POST", "/chat-messages", {"workspace_id": workspace["id"], "role": "user", "content": f"Message {n}"})
    for listed in ("sources", "edges", "chat-messages"):
        page: str | None = f"/{listed}?workspace_id={workspace['id']}&limit=3"
        while page:
            answer = ask("GET", page)
            link = answer.links.get("next")
            page = link["url"].removeprefix("/v1") if link else None
    for node in nodes[::3]:
        ask("DELETE", f"/sources/{node}")
        ask("GET", f"/sources/{node}")
    ask("GET", f"{path}/canvas")
    ask("DELETE", path)
    ask("GET", f"/edges?workspace_id={workspace['id']}")
    return ask.steps


@pytest.fixture(scope="module")
def replica(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second gateway over the same Supabase."""
    folder: Path = tmp_path_factory.mktemp("replica")
    with Supervisor() as supervisor:
        yield start_gateway(supervisor, folder, backend.stack)


def test_two_replicas_behind_a_balancer_answer_as_one(backend: Backend, replica: str) -> None:
    user = backend.new_user()
    with backend.gateway(user) as alone:
        expected = play(alone)
    balancer = RoundRobin(backend.url, replica)
    headers = {"Authorization": f"Bearer {user.token}"}
    with httpx.Client(transport=balancer, base_url="http://gateway.test/v1", headers=headers, timeout=30) as client:
        assert play(client) == expected
    first, second = (balancer.served.count(httpx.URL(url).port) for url in (backend.url, replica))
    assert first + second == len(expected)
    assert abs(first - second) <= 1
    assert {status for _, status, _, _ in expected} == {200, 201, 204, 404, 409, 412}
