"""An unfinished answer and a turn on it, over a data API by script."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import respx
from supabase import AsyncClient, AsyncClientOptions

from app.config import Settings
from app.services.db import Session
from app.services.leases import AnswerRow, Snapshot
from app.services.pool import AiohttpClient
from app.turns import Turn
from tests.conftest import server

ROW_ID = "60000000-0000-4000-8000-000000000001"
WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
TABLE = "/rest/v1/chat_messages"
RUNNING = [{"status": "streaming"}]
AWAY = httpx.Response(503, json={"code": "PGRST002", "message": "away"})
REFUSED = httpx.Response(403, json={"code": "42501", "message": "new row violates row-level security policy"})

Story = Callable[[AnswerRow], Awaitable[None]]


@asynccontextmanager
async def open_row() -> AsyncIterator[AnswerRow]:
    """An unfinished answer, as its writer has it."""
    async with AiohttpClient(Settings()) as http:
        client = AsyncClient(server.url, "sb_publishable_test", AsyncClientOptions(httpx_client=http))
        yield AnswerRow(Session(client, {"Authorization": "Bearer token"}, None), ROW_ID, WORKSPACE_ID)


def tell(story: Story) -> None:
    """Run the story over a row."""

    async def run() -> None:
        async with asyncio.timeout(20), open_row() as row:
            await story(row)

    asyncio.run(run())


def begun(row: AnswerRow) -> Turn:
    """A turn that writes the answer."""
    return Turn(row, Snapshot("streaming"), "complete")


async def forever(turn: Turn) -> None:
    """Work that shows a word and has no end."""
    turn.begin()
    turn.show(content="Well")
    await asyncio.Event().wait()


def written(route: respx.Route) -> list[Any]:
    """The bodies that a route was sent."""
    return [json.loads(call.request.content) for call in route.calls]
