"""The canvas: a workspace's nodes, edges and viewport in the shape of React Flow's `toObject()`."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, Field, JsonValue

from app.models.lab import CanvasLab, Lab
from app.models.source import Source
from app.models.types import Input, Position, Size, Viewport, examples

MAX_MOVES = 2000


class SourceNode(BaseModel):
    """A source as React Flow draws it."""

    id: UUID
    type: Literal["source"]
    position: Position
    width: Size | MISSING = MISSING
    height: Size | MISSING = MISSING
    data: Source


class LabNode(BaseModel):
    """A lab as React Flow draws it; its `generated_content` is left to `GET /v1/labs/{id}`."""

    id: UUID
    type: Literal["lab"]
    position: Position
    width: Size | MISSING = MISSING
    height: Size | MISSING = MISSING
    data: CanvasLab


class CanvasEdge(BaseModel):
    """An edge as React Flow draws it."""

    id: UUID
    source: UUID
    target: UUID
    sourceHandle: str | None  # noqa: N815 - React Flow's spelling
    targetHandle: str | None  # noqa: N815
    label: str | None


def _node(kind: str, row: type[Source | Lab]) -> JsonValue:
    """The example of a row, as the canvas has it."""
    shown: Any = row.model_config["json_schema_extra"]
    data = {name: value for name, value in shown["examples"][0].items() if name != "generated_content"}
    node = {"id": data["id"], "type": kind, "position": data["canvas_position"], "data": data}
    return node | {"width": data["width"], "height": data["height"]}


class Canvas(BaseModel):
    """Everything on a workspace's canvas."""

    model_config = examples(
        {
            "nodes": [_node("source", Source), _node("lab", Lab)],
            "edges": [
                {
                    "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
                    "source": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                    "target": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
                    "sourceHandle": "right",
                    "targetHandle": "left",
                    "label": "practised in",
                }
            ],
            "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
        }
    )

    # Documents what the database's function `canvas` writes. Its bytes are passed on, because validating a large canvas
    # would hold up every other request of the process.

    nodes: list[Annotated[SourceNode | LabNode, Field(discriminator="type")]]
    edges: list[CanvasEdge]
    viewport: Viewport


class NodeMove(Input):
    """Where a node is, and how large it is drawn. Whatever is left out stays; null takes a size away."""

    id: UUID
    position: Position | MISSING = MISSING
    width: Size | None | MISSING = MISSING
    height: Size | None | MISSING = MISSING


class CanvasUpdate(Input):
    """Which nodes to lay out, and what to show. Whatever is left out stays."""

    model_config = examples(
        {
            "nodes": [
                {"id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "position": {"x": 80.0, "y": 120.0}},
                {"id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74", "width": 320.0, "height": 240.0},
            ],
            "viewport": {"x": -120.0, "y": 40.0, "zoom": 0.75},
        }
    )

    nodes: Annotated[list[NodeMove] | MISSING, Field(max_length=MAX_MOVES)] = MISSING
    viewport: Viewport | MISSING = MISSING
