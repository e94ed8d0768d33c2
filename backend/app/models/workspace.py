"""Workspaces: infinite canvases, each owned by one user, who may share it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, Field

from app.models.page import Order, SearchQuery
from app.models.types import ClientId, Input, Name, Row, Timestamp, Viewport, examples

Role = Literal["owner", "editor", "viewer"]


class Workspace(Row):
    """An infinite canvas with its sources, labs and chat."""

    model_config = examples(
        {
            "id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "owner_id": "5e0a8f52-3c1b-4d57-8a9e-6b7c2d1f0e33",
            "name": "Linear algebra",
            "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
            "version": 2,
            "created_at": "2026-11-23T09:30:00.125000Z",
            "updated_at": "2026-11-23T10:05:12.482000Z",
            "active_at": "2026-11-23T11:20:44.310000Z",
            "role": "owner",
        }
    )

    owner_id: Annotated[UUID, Field(description="The user who owns it.")]
    name: Annotated[str, Field(description="What it is called.")]
    viewport: Viewport
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    active_at: Annotated[
        Timestamp, Field(description="When it or anything in it last changed, layout included, to the minute.")
    ]
    role: Annotated[Role, Field(description="The caller's. `viewer`: reads. `editor`: writes in it, too.")]


class WorkspaceCreate(Input):
    """A workspace to open. Its owner is the caller."""

    model_config = examples(
        {"name": "Linear algebra"},
        {
            "id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "name": "Linear algebra",
            "viewport": {"x": 0.0, "y": 0.0, "zoom": 1.0},
        },
    )

    id: ClientId = MISSING
    name: Name
    viewport: Viewport | MISSING = MISSING


class WorkspaceUpdate(Input):
    """What to change of a workspace; whatever is left out stays."""

    model_config = examples(
        {"name": "Linear algebra, second term"}, {"viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75}}
    )

    name: Name | MISSING = MISSING
    viewport: Viewport | MISSING = MISSING


class WorkspaceCopy(Input):
    """The workspace to copy into. Its owner is the caller."""

    model_config = examples({"name": "Linear algebra, my own"})

    id: ClientId = MISSING
    name: Annotated[Name | MISSING, Field(description="The original's, when it is left out.")] = MISSING


class WorkspaceQuery(SearchQuery):
    """Which workspaces to list."""

    role: Annotated[Role | None, Field(description="Only those in which the caller has this role.")] = None

    order: Order | Literal["active_at", "-active_at"] = "-active_at"
