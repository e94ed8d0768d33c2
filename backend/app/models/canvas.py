"""The canvas: a workspace's nodes, edges and viewport in the shape of React Flow's `toObject()`."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import MISSING, BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.models.lab import CanvasLab
from app.models.source import Source
from app.models.types import Input, Position, Viewport, examples

MAX_MOVES = 2000


class SourceNode(BaseModel):
    """A source as React Flow draws it."""

    id: UUID
    type: Literal["source"]
    position: Position
    data: Source


class LabNode(BaseModel):
    """A lab as React Flow draws it; its `generated_content` is left to `GET /v1/labs/{id}`."""

    id: UUID
    type: Literal["lab"]
    position: Position
    data: CanvasLab


class CanvasEdge(BaseModel):
    """An edge as React Flow draws it."""

    id: UUID
    source: UUID
    target: UUID
    sourceHandle: str | None  # noqa: N815 - React Flow's spelling
    targetHandle: str | None  # noqa: N815
    label: str | None


class Canvas(BaseModel):
    """Everything on a workspace's canvas."""

    # Documents what the database's function `canvas` writes. Its bytes are passed on, because validating a large canvas
    # would hold up every other request of the process.

    nodes: list[Annotated[SourceNode | LabNode, Field(discriminator="type")]]
    edges: list[CanvasEdge]
    viewport: Viewport


class NodeMove(Input):
    """Where to move a node."""

    id: UUID
    position: Position


class CanvasUpdate(Input):
    """Which nodes to move, and what to show. Whatever is left out stays."""

    model_config = examples(
        {
            "nodes": [
                {"id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "position": {"x": 80.0, "y": 120.0}},
                {"id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74", "position": {"x": 460.0, "y": 120.0}},
            ],
            "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
        }
    )

    nodes: Annotated[list[NodeMove] | MISSING, Field(max_length=MAX_MOVES)] = MISSING
    viewport: Viewport | MISSING = MISSING

    @model_validator(mode="after")
    def _each_node_once(self) -> Self:
        if self.nodes is not MISSING and len({move.id for move in self.nodes}) != len(self.nodes):
            raise PydanticCustomError("duplicate_node", "nodes: the same node is there twice")
        return self

    def named_nodes(self) -> dict[tuple[str | int, ...], UUID]:
        """What it moves."""
        moves = [] if self.nodes is MISSING else self.nodes
        return {("body", "nodes", index, "id"): move.id for index, move in enumerate(moves)}
