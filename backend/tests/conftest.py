"""The real app over a respx router that a server on this machine answers from: nothing of ours is replaced."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import respx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY

from app.config import Settings
from app.main import create_app
from app.services.model import Model
from dev.processes import Supervisor, free_port
from dev.runner import CodeRunner, start_runner
from tests.respx_server import SUPABASE_URL, RespxServer
from tests.tokens import JWT_SECRET, mint

USER_ID = UUID("0aaaaaaa-0000-4000-8000-000000000001")
server = RespxServer()
RUNNER_PORT = free_port()
"""Where the code runner of these tests answers, once a test has asked for it."""


def make_app(**settings: Any) -> FastAPI:
    """The app with these settings, over the running test's router."""
    usual = {"SUPABASE_URL": server.url, "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test"}
    return create_app(Settings(**usual | settings))


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since a third of the time tests wait; each has servers of its own."""
    return min((os.cpu_count() or 1) + 1, 4)


@pytest.fixture(scope="session", autouse=True)
def serving() -> Iterator[None]:
    """Answers at `server.url` as long as tests run."""
    with server.serving():
        yield


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeRunner]:
    """The real code runner: a process of its own, Python for WebAssembly and all. One for all tests."""
    log = tmp_path_factory.mktemp("runner") / "runner.log"
    with Supervisor() as supervisor:
        runner = start_runner(supervisor, port=RUNNER_PORT, output=log, settings={"RUNNER_QUEUE": "200"})
        supervisor.wait_until(runner.answers, "the code runner", seconds=180)
        yield runner


@pytest.fixture(scope="session")
def model_libraries() -> None:
    """Imports what talks to the language model, which takes seconds, before any test's clock runs."""
    asyncio.run(Model(Settings(AI_MODEL="a-model")).open())


@pytest.fixture(scope="session")
def app() -> FastAPI:
    return make_app(SUPABASE_JWT_SECRET=JWT_SECRET)


@pytest.fixture
def upstream() -> respx.Router:
    server.router = respx.Router(base_url=SUPABASE_URL, assert_all_called=False)
    return server.router


@pytest.fixture
def anonymous(app: FastAPI, upstream: respx.Router) -> Iterator[TestClient]:
    """A client of the app without a token. Pools, keys and cached tokens are new for each test, and no request to
    Supabase is in flight after it."""
    before = REGISTRY.get_sample_value("aide_upstream_in_flight")
    with TestClient(app) as client:
        yield client
    assert REGISTRY.get_sample_value("aide_upstream_in_flight") == before


@pytest.fixture
def client(anonymous: TestClient) -> TestClient:
    """A client of the app with the token of `USER_ID`."""
    anonymous.headers["Authorization"] = f"Bearer {mint(str(USER_ID))}"
    return anonymous
