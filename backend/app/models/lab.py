"""Labs: what one learns with."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, Field

from app.labs import LAB_TYPES
from app.labs.code_lab import CodeLabContent
from app.labs.flashcard_lab import FlashcardLabContent
from app.labs.quiz_lab import QuizLabContent
from app.models.page import Order, SearchQuery
from app.models.types import (
    ClientId,
    Input,
    JsonObject,
    PathsWorkspace,
    Position,
    Row,
    Size,
    Timestamp,
    Title,
    Word,
    examples,
    holding,
)

LabStatus = Annotated[
    Literal["pending", "generating", "in_progress", "completed", "given_up", "failed"],
    Field(
        description="`pending`: not generated yet. `generating`: a model writes it. `failed`: it could not be made, and"
        " `failure` says why. `in_progress`: to be worked on. `completed`: a run has passed, or the learner says so."
        " `given_up`: the learner has, and is given the solution."
    ),
]
WrittenLabStatus = Annotated[
    Literal["pending", "in_progress", "completed", "given_up", "failed"],
    Field(description="`generating` is set by `POST /v1/labs/{lab_id}/generate` alone."),
]

SourceOfLab = Annotated[UUID | None | MISSING, Field(description="A source of the same workspace.")]
_CONFIG = (
    "What a lab is generated from, and how: see `GenerationConfig`. `POST .../generate` checks it. What else it holds"
    " is free."
)
_USER_STATE = "What the learner did. Of a `code_lab`, `code` is the draft; the rest is the front end's own."
LabConfig = Annotated[JsonObject, holding(_CONFIG)]
UserState = Annotated[JsonObject, holding(_USER_STATE)]
LabContent = Annotated[
    JsonObject,
    holding(
        "Of the shape that the `type` asks for: "
        + ", ".join(f"`{known.content.__name__}` for a `{name}`" for name, known in LAB_TYPES.items())
        + ". Other types hold anything."
    ),
]


class CanvasLab(Row):
    """A lab as a canvas has it: without its `generated_content`."""

    workspace_id: UUID
    source_id: UUID | None
    type: str
    title: Annotated[str | None, Field(description="What it is about. One that is generated gets one.")]
    status: LabStatus
    failure: Annotated[str | None, Field(description="Why a `failed` lab could not be made: a code of `/problems`.")]
    progress: Annotated[
        dict[str, Any] | None,
        Field(
            description="How far a lab that is `generating` has come: `step` and `attempt`. Its `turn` names the"
            " attempt for the gateway, not for clients."
        ),
    ]
    config: Annotated[dict[str, Any], Field(description=_CONFIG)]
    user_state: Annotated[dict[str, Any], Field(description=_USER_STATE)]
    canvas_position: Position
    width: float | None
    height: float | None
    version: int
    created_at: Timestamp
    updated_at: Timestamp


class Lab(CanvasLab):
    """A coding exercise, flashcards, a quiz or the like, as a node of the canvas."""

    model_config = examples(
        {
            "id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "source_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "type": "code_lab",
            "title": "The rank of a matrix",
            "status": "in_progress",
            "config": {"language": "python", "difficulty": "easy"},
            "generated_content": {
                "instructions": "Write `rank(matrix)` by Gaussian elimination.",
                "starter_code": "def rank(matrix):\n    ...\n",
                "tests": "from solution import rank\n\n\ndef test_rank():\n    assert rank([[1, 2], [2, 4]]) == 1\n",
                "language": "python",
            },
            "user_state": {"code": "def rank(matrix):\n    return len(matrix)\n"},
            "canvas_position": {"x": 460.0, "y": 120.0},
            "width": 320.0,
            "height": 240.0,
            "version": 4,
            "created_at": "2026-11-23T09:40:51.310000Z",
            "updated_at": "2026-11-23T10:02:33.877000Z",
        }
    )

    generated_content: Annotated[
        CodeLabContent | FlashcardLabContent | QuizLabContent | dict[str, Any] | None,
        Field(description="Of the shape that the `type` asks for; of a type that is not known, anything."),
    ]


class NewLab(Input):
    """A lab to lay on the canvas that the path names."""

    id: ClientId = MISSING
    workspace_id: PathsWorkspace = MISSING
    source_id: SourceOfLab = MISSING
    type: Word
    title: Title | None | MISSING = MISSING
    status: WrittenLabStatus | MISSING = MISSING
    config: LabConfig | MISSING = MISSING
    generated_content: LabContent | None | MISSING = MISSING
    user_state: UserState | MISSING = MISSING
    canvas_position: Position | MISSING = MISSING
    width: Size | None | MISSING = MISSING
    height: Size | None | MISSING = MISSING


class LabCreate(NewLab):
    """A lab to lay on the canvas."""

    model_config = examples(
        {
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "source_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "type": "code_lab",
            "title": "The rank of a matrix",
            "config": {"chapter": 3, "language": "python", "difficulty": "easy"},
            "canvas_position": {"x": 460.0, "y": 120.0},
        },
        {
            "id": "c4a760a8-dbcf-4e14-9f39-645a8e933d74",
            "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
            "type": "flashcard_lab",
            "status": "completed",
            "generated_content": {
                "cards": [
                    {"front": "What is the kernel of a linear map?", "back": "Every vector that it sends to zero."}
                ]
            },
        },
    )

    workspace_id: UUID


class LabUpdate(Input):
    """What to change of a lab; whatever is left out stays, and JSON columns are replaced whole. A lab that is
    `pending`, or has `failed`, is `in_progress` once it is given `generated_content`."""

    model_config = examples(
        {"user_state": {"code": "def rank(matrix):\n    return len(matrix)\n"}},
        {"status": "given_up"},
        {"canvas_position": {"x": 460.0, "y": 360.0}},
    )

    source_id: SourceOfLab = MISSING
    type: Word | MISSING = MISSING
    title: Title | None | MISSING = MISSING
    status: WrittenLabStatus | MISSING = MISSING
    config: LabConfig | MISSING = MISSING
    generated_content: LabContent | None | MISSING = MISSING
    user_state: UserState | MISSING = MISSING
    canvas_position: Position | MISSING = MISSING
    width: Size | None | MISSING = MISSING
    height: Size | None | MISSING = MISSING


class LabQuery(SearchQuery):
    """Which labs of a workspace to list."""

    workspace_id: UUID
    order: Order = "created_at"
    type: Word | None = None
    status: LabStatus | None = None
    source_id: Annotated[UUID | None, Field(description="Only labs of this source.")] = None
