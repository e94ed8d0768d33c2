"""Edges: what joins two nodes of a canvas."""

from typing import Literal, Self
from uuid import UUID

from pydantic import MISSING, model_validator
from pydantic_core import PydanticCustomError

from app.models.page import PageQuery
from app.models.types import ClientId, Handle, Input, Label, PathsWorkspace, Row, Timestamp, examples


class Edge(Row):
    """A line from one node to another of the same workspace."""

    model_config = examples(
        {
            "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "source_node_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "target_node_id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
            "source_handle": "right",
            "target_handle": "left",
            "label": "practised in",
            "created_at": "2026-11-23T09:41:02.718000Z",
        }
    )

    workspace_id: UUID
    source_node_id: UUID
    target_node_id: UUID
    source_handle: str | None
    target_handle: str | None
    label: str | None
    created_at: Timestamp


class NewEdge(Input):
    """An edge to draw on the canvas that the path names. Both ends are nodes of it and differ."""

    id: ClientId = MISSING
    workspace_id: PathsWorkspace = MISSING
    source_node_id: UUID
    target_node_id: UUID
    source_handle: Handle | None | MISSING = MISSING
    target_handle: Handle | None | MISSING = MISSING
    label: Label | None | MISSING = MISSING

    @model_validator(mode="after")
    def _ends_differ(self) -> Self:
        if self.source_node_id == self.target_node_id:
            raise PydanticCustomError("same_node", "An edge joins two different nodes")
        return self


class EdgeCreate(NewEdge):
    """An edge to draw. Both ends are nodes of its workspace and differ."""

    model_config = examples(
        {
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "source_node_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "target_node_id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
        },
        {
            "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "source_node_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "target_node_id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
            "source_handle": "right",
            "target_handle": "left",
            "label": "practised in",
        },
    )

    workspace_id: UUID

    def named_nodes(self) -> dict[tuple[str | int, ...], UUID]:
        """Its two ends."""
        return {("body", "source_node_id"): self.source_node_id, ("body", "target_node_id"): self.target_node_id}


class EdgeUpdate(Input):
    """What to change of an edge: its label. To join other nodes, draw another edge."""

    model_config = examples({"label": "practised in"})

    label: Label | None | MISSING = MISSING


class EdgeQuery(PageQuery):
    """Which edges of a workspace to list."""

    workspace_id: UUID
    order: Literal["created_at", "-created_at"] = "created_at"
