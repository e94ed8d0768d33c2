"""Editing a canvas: what one request creates, copies, deletes and restores, and what became of it."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.models.edge import NewEdge
from app.models.lab import NewLab
from app.models.source import NewSource
from app.models.types import Input, Position, examples

MAX_CHANGES = 2000
"""Of all kinds together, so that one request holds up nobody for long."""

Ids = Annotated[list[UUID] | MISSING, Field(max_length=MAX_CHANGES)]


class CanvasCreate(Input):
    """Rows to create, with the bodies of the single routes. Nodes get the order in which they are here."""

    sources: Annotated[list[NewSource] | MISSING, Field(max_length=MAX_CHANGES)] = MISSING
    labs: Annotated[
        list[NewLab] | MISSING,
        Field(max_length=MAX_CHANGES, description="`source_id` may be a source of the same request."),
    ] = MISSING
    edges: Annotated[
        list[NewEdge] | MISSING,
        Field(max_length=MAX_CHANGES, description="Both ends may be nodes of the same request, copies too."),
    ] = MISSING


class CanvasCopy(Input):
    """Nodes to copy, with all that they hold and the edges between them."""

    ids: Annotated[
        dict[UUID, UUID],
        Field(
            max_length=MAX_CHANGES,
            description="The id of each node to copy, with the new id that its copy gets. Edges get theirs by"
            " themselves.",
        ),
    ]
    offset: Annotated[Position | MISSING, Field(description="How far from its original a copy is.")] = MISSING


class CanvasSelection(Input):
    """Nodes and edges that are there, by id."""

    nodes: Ids = MISSING
    edges: Ids = MISSING


class CanvasEdit(Input):
    """What to change on a canvas: all of it or nothing, at most 2,000 things. Sent again it changes nothing more."""

    model_config = ConfigDict(serialize_by_alias=True) | examples(
        {
            "create": {
                "sources": [
                    {
                        "id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                        "type": "pdf",
                        "title": "Vector spaces: lecture notes",
                        "canvas_position": {"x": 80.0, "y": 120.0},
                    }
                ],
                "labs": [
                    {
                        "id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
                        "source_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                        "type": "code_lab",
                        "canvas_position": {"x": 460.0, "y": 120.0},
                        "width": 320.0,
                        "height": 240.0,
                    }
                ],
                "edges": [
                    {
                        "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
                        "source_node_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
                        "target_node_id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
                    }
                ],
            }
        },
        {
            "copy": {
                "ids": {
                    "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
                    "c4a760a8-dbcf-4e14-9f39-645a8e933d74": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
                },
                "offset": {"x": 40.0, "y": 40.0},
            }
        },
        {"delete": {"nodes": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"]}},
        {
            "restore": {
                "nodes": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"],
                "edges": ["6fa459ea-ee8a-4ca4-894e-db77e160355e"],
            }
        },
    )

    create: CanvasCreate | MISSING = MISSING
    # `BaseModel` has a method called `copy`.
    copies: Annotated[CanvasCopy | MISSING, Field(alias="copy")] = MISSING
    delete: CanvasSelection | MISSING = MISSING
    restore: Annotated[
        CanvasSelection | MISSING,
        Field(description="What was deleted in the last seven days: the `deleted` of an earlier answer as it is."),
    ] = MISSING

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        lists = (
            things
            for part in (self.create, self.copies, self.delete, self.restore)
            if part is not MISSING
            for name, things in part
            if name != "offset" and things is not MISSING
        )
        if sum(map(len, lists)) > MAX_CHANGES:
            raise PydanticCustomError(
                "too_many_changes", "More than {limit} things to change in all", {"limit": MAX_CHANGES}
            )
        return self


class CanvasPart(BaseModel):
    """The ids of nodes and edges."""

    nodes: list[UUID]
    edges: list[UUID]


class CanvasEdited(BaseModel):
    """What a request changed, the edges that went or came along included. Sent again, a request answers the same."""

    # Documents what the database's function `edit_canvas` writes. Its bytes are passed on.

    model_config = examples(
        {
            "created": {"nodes": [], "edges": []},
            "copied": {"nodes": [], "edges": []},
            "deleted": {
                "nodes": ["1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"],
                "edges": ["6fa459ea-ee8a-4ca4-894e-db77e160355e"],
            },
            "restored": {"nodes": [], "edges": []},
        }
    )

    created: CanvasPart
    copied: CanvasPart
    deleted: CanvasPart
    restored: CanvasPart
