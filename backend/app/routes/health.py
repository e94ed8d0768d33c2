"""Whether the gateway lives, and whether it can serve."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.errors import NotReadyError
from app.models.types import examples
from app.responses import problems
from app.services.readiness import Readiness

router = APIRouter(tags=["health"])


class Message(BaseModel):
    """A greeting."""

    model_config = examples({"message": "AIDE Backend is running"})

    message: Annotated[str, Field(description="What runs here.")]


class Health(BaseModel):
    """All is well."""

    model_config = examples({"status": "ok"})

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
