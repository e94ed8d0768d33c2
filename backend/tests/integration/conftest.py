"""The gateway as its own process over each backend: the embedded stack, and real PostgreSQL with real PostgREST."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import httpx
import pytest

from dev import http_calls
from dev.postgres import PostgresStack
from dev.processes import Child, Supervisor, free_port
from tests.conftest import RUNNER_PORT
from tests.integration.file_store import stored_stack
from tests.integration.migrated import migrated_stack
from tests.tokens import mint

BACKEND = Path(__file__).parents[2]
BackendName = Literal["embedded", "postgres"]
PLAIN = False  # all is plain HTTP on this machine, and a TLS context costs 30 ms


@dataclass(frozen=True)
class User:
    """A signed-up user."""

    id: str
    token: str


@dataclass(frozen=True)
class Backend:
    """A gateway and its Supabase."""

    name: BackendName
    url: str
    supabase_url: str
    publishable_key: str
    jwt_secret: str
    new_user: Callable[[], User]
    stack: Any = field(repr=False, default=None)

    def gateway(self, user: User | None = None) -> httpx.Client:
        """A client of the gateway, as the user or as nobody."""
        headers = {"Authorization": f"Bearer {user.token}"} if user else {}
        return httpx.Client(base_url=f"{self.url}/v1", headers=headers, timeout=30, verify=PLAIN)

    def data_api(self, user: User | None = None) -> httpx.Client:
        """A client of the data API itself, around the gateway."""
        headers = {"apikey": self.publishable_key} | ({"Authorization": f"Bearer {user.token}"} if user else {})
        return httpx.Client(base_url=f"{self.supabase_url}/rest/v1", headers=headers, timeout=30, verify=PLAIN)


@pytest.fixture(scope="session")
def open_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[BackendName], Backend]]:
    """Each backend: started when it is first asked for, and kept until all tests are done."""
    with ExitStack() as opened:

        @cache
        def open_once(name: BackendName) -> Backend:
            folder = tmp_path_factory.mktemp(name)
            stack: Any = opened.enter_context(migrated_stack(folder) if name == "embedded" else stored_stack(folder))
            return Backend(
                name=name,
                url=start_gateway(opened.enter_context(Supervisor()), folder, stack),
                supabase_url=stack.url,
                publishable_key=stack.publishable_key,
                jwt_secret=stack.jwt_secret,
                new_user=lambda: new_row_user(stack) if isinstance(stack, PostgresStack) else sign_up(stack),
                stack=stack,
            )

        yield open_once


@pytest.fixture(scope="session", params=["embedded", "postgres"])
def backend(request: pytest.FixtureRequest, open_backend: Callable[[BackendName], Backend]) -> Backend:
    return open_backend(request.param)


def start_gateway(supervisor: Supervisor, folder: Path, stack: Any, **settings: str) -> str:
    """Start a gateway over the stack; its address, once it is ready."""
    return start_worker(supervisor, folder, stack, **settings)[1]


def start_worker(supervisor: Supervisor, folder: Path, stack: Any, **settings: str) -> tuple[Child, str]:
    """As `start_gateway`; its process too."""
    port = free_port()
    child = supervisor.start(
        "the gateway",
        [
            *(sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)),
            *("--no-access-log", "--ws", "none", "--timeout-keep-alive", "75"),
        ],
        env={
            "SUPABASE_URL": stack.url,
            "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
            "SUPABASE_JWT_SECRET": stack.jwt_secret,
            "CORS_ORIGINS": "https://app.example.com",
            "LOG_LEVEL": "WARNING",
            "RUNNER_URL": f"http://127.0.0.1:{RUNNER_PORT}",
            **settings,
        },
        cwd=BACKEND,
        output=folder / "gateway.log",
    )
    url = f"http://127.0.0.1:{port}"
    supervisor.wait_until(lambda: http_calls.is_ok(f"{url}/ready"), f"the gateway at {url}")
    return child, url


def sign_up(stack: Any) -> User:
    """A user of the embedded stack's own login service, with the token it gave."""
    answer = httpx.post(
        f"{stack.url}/auth/v1/signup",
        headers={"apikey": stack.publishable_key},
        json={"email": f"{uuid4().hex}@example.com", "password": uuid4().hex},
        timeout=30,
    )
    session = answer.raise_for_status().json()
    return User(session["user"]["id"], session["access_token"])


def new_row_user(stack: PostgresStack) -> User:
    """A row of auth.users, as the login service would make it, and a token as it would mint it."""
    user_id = str(uuid4())
    stack.sql(f"insert into auth.users (id, email) values ('{user_id}', '{user_id}@example.com')")  # noqa: S608
    return User(user_id, mint(user_id, secret=stack.jwt_secret))


@pytest.fixture
def owner(backend: Backend) -> User:
    return backend.new_user()


@pytest.fixture
def stranger(backend: Backend) -> User:
    return backend.new_user()


@pytest.fixture
def api(backend: Backend, owner: User) -> Iterator[httpx.Client]:
    """The gateway as the owner sees it."""
    with backend.gateway(owner) as client:
        yield client


@pytest.fixture
def workspace(api: httpx.Client) -> dict[str, Any]:
    """A workspace of the owner."""
    return created(api.post("/workspaces", json={"name": "Linear algebra"}))


def created(response: httpx.Response) -> dict[str, Any]:
    """The row that was created."""
    assert response.status_code == 201, response.text
    row: dict[str, Any] = response.json()
    return row


def places(refused: dict[str, Any]) -> list[list[str | int]]:
    """The places in the request that a refusal names."""
    return [error["loc"] for error in refused["errors"]]


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this problem; its document."""
    document: dict[str, Any] = json.loads(response.text)
    assert (response.status_code, document.get("code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    return document
