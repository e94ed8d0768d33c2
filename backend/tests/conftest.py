"""The real app over a respx router: what goes upstream is asserted, nothing of ours is replaced."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app
from tests.tokens import JWT_SECRET, mint

SUPABASE_URL = "http://supabase.test"
USER_ID = UUID("0aaaaaaa-0000-4000-8000-000000000001")


class RespxTransport(httpx.AsyncBaseTransport):
    """Hands each request to the running test's router, so that one app serves many tests."""

    router: respx.Router

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.router.async_handler(request)


transport = RespxTransport()


def make_app(**settings: Any) -> FastAPI:
    """The app with these settings, over the running test's router."""
    usual = {"SUPABASE_URL": SUPABASE_URL, "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test"}
    return create_app(Settings(**usual | settings), transport)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    return make_app(SUPABASE_JWT_SECRET=JWT_SECRET)


@pytest.fixture
def upstream() -> respx.Router:
    transport.router = respx.Router(base_url=SUPABASE_URL, assert_all_called=False)
    return transport.router


@pytest.fixture
def anonymous(app: FastAPI, upstream: respx.Router) -> Iterator[TestClient]:
    """A client of the app without a token. Pools, keys and remembered tokens are new for each test."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient) -> TestClient:
    """A client of the app with the token of `USER_ID`."""
    anonymous.headers["Authorization"] = f"Bearer {mint(str(USER_ID))}"
    return anonymous
