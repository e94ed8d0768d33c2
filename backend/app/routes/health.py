"""Whether the gateway lives, and whether it can serve."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.errors import NotReadyError
from app.responses import problems
from app.services.readiness import Readiness

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
    readiness: Readiness = request.app.state.readiness
    if fault := await readiness.fault():
        raise NotReadyError(fault)
    return Health(status="ok")
