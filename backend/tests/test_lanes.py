"""Lanes: a kind of request with limits of its own, and what a route may do with its deadline."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from app.auth import Verifier
from app.config import Settings
from app.context import Context
from app.handlers import answer_problem
from app.lanes import Lane, Lanes
from app.memory import Memory
from app.middleware import LimitsMiddleware, RequestMiddleware
from tests.conftest import USER_ID
from tests.tokens import JWT_SECRET, mint

ORDINARY = Lane(seconds=0.2, places=2, places_per_user=1, body_bytes=10)
UPLOADS = Lane(seconds=0.2, places=2, places_per_user=2, body_bytes=1000, streamed=True, pattern=r"PUT /v1/files/[^/]+")
TOKEN = {"Authorization": f"Bearer {mint(str(USER_ID))}"}
OTHER = {"Authorization": f"Bearer {mint('0aaaaaaa-0000-4000-8000-000000000002')}"}


@pytest.fixture
def app() -> FastAPI:
    """An app with an ordinary route and one in a lane of its own."""
    app = FastAPI()
    app.add_exception_handler(Exception, answer_problem)
    lanes = Lanes(ORDINARY, [UPLOADS])
    app.add_middleware(LimitsMiddleware, lanes=lanes, hosts=("*",))
    app.add_middleware(RequestMiddleware, lanes=lanes, memory=Memory(1 << 20, patience=1), log_users=False)
    app.state.verifier = Verifier(Settings(SUPABASE_JWT_SECRET=JWT_SECRET), httpx.AsyncClient())
    app.state.gate = asyncio.Event()

    @app.put("/v1/files/{name}")
    async def upload(request: Request, name: str) -> int:
        context = Context.of(request.scope)
        if name == "long":
            context.allow(5)
            await asyncio.sleep(0.4)
        if name == "waiting":
            await request.app.state.gate.wait()
        return len(await request.body())

    @app.post("/v1/rows")
    async def create(request: Request) -> int:
        if request.query_params:
            await request.app.state.gate.wait()
        return len(await request.body())

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers=TOKEN) as client:
        yield client


def test_each_lane_has_its_own_body_limit(client: TestClient) -> None:
    assert client.put("/v1/files/a", content=b"x" * 1000).json() == 1000
    refused = client.put("/v1/files/a", content=b"x" * 1001)
    assert (refused.status_code, "1000 bytes" in refused.json()["detail"]) == (413, True)
    refused = client.post("/v1/rows", content=b"x" * 11)
    assert (refused.status_code, "10 bytes" in refused.json()["detail"]) == (413, True)
    assert client.post("/v1/files/a", content=b"x" * 11).status_code == 413, "another method is another lane"


def test_a_route_may_move_its_deadline(client: TestClient) -> None:
    assert client.put("/v1/files/long").status_code == 200
    assert client.put("/v1/files/waiting").json()["code"] == "deadline_exceeded"


def test_the_places_of_one_lane_are_not_those_of_another(app: FastAPI) -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test", headers=TOKEN) as client:

            async def ask(method: str, path: str, headers: dict[str, str] = TOKEN) -> tuple[int, str]:
                response = await client.request(method, path, headers=headers)
                return response.status_code, response.json()["code"] if response.status_code > 299 else ""

            waiting = [asyncio.create_task(ask("PUT", "/v1/files/waiting")) for _ in range(2)]
            waiting.append(asyncio.create_task(ask("POST", "/v1/rows?wait=1")))
            await asyncio.sleep(0.02)
            assert await ask("POST", "/v1/rows") == (429, "too_many_requests")
            assert await ask("PUT", "/v1/files/a", OTHER) == (503, "overloaded")
            assert (await ask("POST", "/v1/rows", OTHER))[0] == 200
            app.state.gate.set()
            assert {status for status, _ in await asyncio.gather(*waiting)} == {200}
            assert (await ask("PUT", "/v1/files/a", OTHER))[0] == 200, "places are given back"

    asyncio.run(run())
