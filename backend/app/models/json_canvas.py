"""JSON Canvas 1.0 (https://jsoncanvas.org/spec/1.0/): a canvas as a file that other programs open."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, Field

from app.models.types import examples

Side = Literal["top", "right", "bottom", "left"]
Length = Annotated[int, Field(ge=1, description="In pixels.")]


class _Card(BaseModel):
    id: UUID
    x: int
    y: int
    width: Length
    height: Length
    color: Annotated[Literal["5", "6"], Field(description="`5` (cyan) for a source, `6` (purple) for a lab.")]


class TextCard(_Card):
    """A source or lab as a card: its title, and what it is, in Markdown."""

    type: Literal["text"]
    text: str


class LinkCard(_Card):
    """A source that has an address."""

    type: Literal["link"]
    url: Annotated[str, Field(description="The address.")]


class CardEdge(BaseModel):
    """A line from one card to another."""

    id: UUID
    fromNode: UUID  # noqa: N815 - the specification's spelling
    fromSide: Side  # noqa: N815
    toNode: UUID  # noqa: N815
    toSide: Side  # noqa: N815
    label: str | MISSING = MISSING


class JsonCanvas(BaseModel):
    """A canvas in JSON Canvas 1.0."""

    # Documents what the database's function `json_canvas` writes. Its bytes are passed on.

    model_config = examples(
        {
            "nodes": [
                {
                    "id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                    "type": "text",
                    "x": 80,
                    "y": 120,
                    "width": 280,
                    "height": 160,
                    "color": "5",
                    "text": "# Vector spaces: lecture notes\n\npdf",
                },
                {
                    "id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
                    "type": "text",
                    "x": 460,
                    "y": 120,
                    "width": 320,
                    "height": 240,
                    "color": "6",
                    "text": "# The rank of a matrix\n\ncode lab, in progress",
                },
            ],
            "edges": [
                {
                    "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
                    "fromNode": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                    "fromSide": "right",
                    "toNode": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
                    "toSide": "left",
                    "label": "practised in",
                }
            ],
        }
    )

    nodes: list[Annotated[TextCard | LinkCard, Field(discriminator="type")]]
    edges: list[CardEdge]
