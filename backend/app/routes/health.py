"""Whether the gateway lives, and whether it can serve."""

import asyncio
from collections.abc import Awaitable
from typing import Literal, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.auth import Verifier
from app.errors import NotReadyError
from app.openapi import problems
from app.services.db import SCHEMA_VERSION, Database

READY_TIMEOUT = 1.5
"""Seconds that each part has to answer; both are asked at the same time."""

T = TypeVar("T")

router = APIRouter(tags=["health"])


class Message(BaseModel):
    """A greeting."""

    message: str


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"]


@router.get("/")
async def read_root() -> Message:
    """Say what runs here."""
    return Message(message="AIDE Backend is running")


@router.get("/health")
async def check_health() -> Health:
    """Say that the process lives: a liveness probe. Touches nothing else."""
    return Health(status="ok")


@router.get("/ready", responses=problems(NotReadyError))
async def check_ready(request: Request) -> Health:
    """Say whether Supabase answers and has the tables this gateway needs: a readiness probe, never slower than 2 s."""
    database: Database = request.app.state.database
    verifier: Verifier = request.app.state.verifier
    _, version = await asyncio.gather(
        _answer("login service", verifier.keys.check()), _answer("data API", database.schema_version())
    )
    if version < SCHEMA_VERSION:
        raise NotReadyError(f"The database is at migration {version}, not {SCHEMA_VERSION}: `make migrate` applies it.")
    return Health(status="ok")


async def _answer(part: str, question: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            return await question
    except Exception as error:
        raise NotReadyError(f"Supabase's {part} does not answer ({type(error).__name__}).") from error
