"""Many users at once through one gateway, with clients that hang up: nobody is ever given what is another's."""

import asyncio
import base64
import contextlib
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.services.db import SCHEMA_VERSION
from dev.processes import Supervisor
from tests.integration.conftest import start_gateway
from tests.integration.upstreams import Upstream, misbehaving_upstream, read_request
from tests.tokens import JWT_SECRET, mint

USERS = {str(UUID(int=number, version=4)): mint(str(UUID(int=number, version=4))) for number in range(1, 51)}
CONCURRENCY = 64
HANG_UPS = 0.1
SLOWEST = 0.05
ID = UUID(int=7)
VIEWPORT = {"x": 0.0, "y": 0.0, "zoom": 1.0}
BODY = {"name": "w"}
ROUTES: tuple[tuple[str, str, object], ...] = (
    ("GET", "/v1/workspaces", None),
    ("GET", f"/v1/workspaces/{ID}", None),
    ("GET", f"/v1/workspaces/{ID}/canvas", None),
    ("POST", "/v1/workspaces", BODY),
    ("PATCH", f"/v1/workspaces/{ID}", BODY),
)


class Mirror:
    """An upstream whose every row says who asked, by the token, and for which request; after a random while."""

    publishable_key = "sb_publishable_test"
    jwt_secret = JWT_SECRET

    def __init__(self, upstream: Upstream, seed: int) -> None:
        self.url = f"http://127.0.0.1:{upstream.port}"
        self.cookies = 0
        """Requests that came with a cookie, which only another caller's answer can have set."""
        self._random = random.Random(seed)  # noqa: S311
        upstream.behaviour = self

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            path = request.split(b" ", 2)[1].decode()
            if path.startswith("/auth/"):
                answer: Any = {"keys": []}
            elif "/rpc/schema_version" in path:
                answer = SCHEMA_VERSION
            else:
                await asyncio.sleep(self._random.random() * SLOWEST)
                answer = self._row(request, path)
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Set-Cookie: who=me; Path=/\r\n\r\n".encode() + body)
            await writer.drain()

    def _row(self, request: bytes, path: str) -> Any:
        head = request.partition(b"\r\n\r\n")[0].decode()
        fields = {name.lower(): value for name, value in re.findall(r"([\w-]+): (.*)\r?", head)}
        self.cookies += "cookie" in fields
        claims = fields["authorization"].split(".")[1]
        row = {
            "id": str(ID),
            "owner_id": json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"],
            "name": fields["x-request-id"].strip(),
            "viewport": VIEWPORT,
            "version": 1,
            "created_at": "2026-11-23T09:30:00Z",
            "updated_at": "2026-11-23T09:30:00Z",
            "active_at": "2026-11-23T09:30:00Z",
            "role": "owner",
        }
        if "/rpc/canvas" in path:
            return [{"nodes": [], "edges": [], "viewport": VIEWPORT, **row}]
        return row if "pgrst.object" in fields.get("accept", "") else [row]


@dataclass
class Seen:
    """What the clients have seen."""

    statuses: Counter[int] = field(default_factory=Counter)
    hung_up: int = 0
    of_others: list[str] = field(default_factory=list)


class Client:
    """A connection that is kept until its client hangs up on it."""

    def __init__(self, port: int, seen: Seen, chance: random.Random) -> None:
        self._port = port
        self._seen = seen
        self._chance = chance
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, number: int) -> None:
        """Send one request as one of the users, and look at whose the answer is; or hang up on it."""
        user, token = self._chance.choice(list(USERS.items()))
        method, path, content = self._chance.choice(ROUTES)
        body = b"" if content is None else json.dumps(content).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\nX-Request-ID: r{number}\r\n"
        )
        if content is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        request = f"{head}\r\n".encode() + body
        reader, writer = self._connection = self._connection or await asyncio.open_connection("127.0.0.1", self._port)
        if self._chance.random() < HANG_UPS:
            writer.write(request[: self._chance.choice([len(request), self._chance.randrange(len(request))])])
            await asyncio.sleep(self._chance.random() * SLOWEST)
            self.close()
            self._seen.hung_up += 1
            return
        writer.write(request)
        status, answer = await _read_answer(reader)
        self._seen.statuses[status] += 1
        row = answer[0] if isinstance(answer, list) else answer
        if (row.get("owner_id"), row.get("name")) != (user, f"r{number}"):
            self._seen.of_others.append(f"{user} asked {method} {path} as r{number} and got {status} {row}")

    def close(self) -> None:
        if self._connection:
            self._connection[1].transport.abort()
            self._connection = None


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
    assert length, head
    return int(head[9:12]), json.loads(await reader.readexactly(int(length[1])))


async def ask_all(port: int, requests: int, seed: int) -> Seen:
    """Send that many requests, `CONCURRENCY` at a time."""
    seen = Seen()
    numbers = iter(range(requests))

    async def work(worker: int) -> None:
        async with _client(port, seen, random.Random(f"{seed} {worker}")) as client:  # noqa: S311
            for number in numbers:
                await client.ask(number)

    await asyncio.gather(*map(work, range(CONCURRENCY)))
    return seen


@contextlib.asynccontextmanager
async def _client(port: int, seen: Seen, chance: random.Random) -> AsyncIterator[Client]:
    client = Client(port, seen, chance)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with misbehaving_upstream() as upstream:
        yield Mirror(upstream, seed=1)


@pytest.mark.parametrize("requests", [1_000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_nobody_is_given_what_is_anothers(mirror: Mirror, requests: int, tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        # Hardly more places than clients: one that is not given back when a client hangs up is missed.
        url = start_gateway(supervisor, tmp_path, mirror, MAX_REQUESTS=str(2 * CONCURRENCY))
        seen = asyncio.run(ask_all(int(url.rpartition(":")[2]), requests, seed=1))
    print(f"{requests} requests: {dict(seen.statuses)}, {seen.hung_up} hung up, {len(seen.of_others)} of others")  # noqa: T201
    assert not seen.of_others
    assert not mirror.cookies
    assert set(seen.statuses) == {200, 201}
    assert seen.statuses.total() + seen.hung_up == requests
    assert seen.hung_up > requests * HANG_UPS / 2
