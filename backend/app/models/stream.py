"""The parts of the streams: those of the AI SDK's UI message stream that are sent, each as a server-sent event."""

from typing import Annotated, Literal

from pydantic import MISSING, BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from app.models.chat_message import Citation, MessageStatus
from app.models.lab import LabStatus
from app.models.types import examples


class Part(BaseModel):
    """A part of a stream, which its `type` tells."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,
    )

    def event(self) -> bytes:
        """The part as it is sent."""
        return f"data: {self.model_dump_json(by_alias=True, ensure_ascii=True)}\n\n".encode()


class Beginning(BaseModel):
    """What is known at first."""

    status: Annotated[Literal["streaming", "generating"], Field(description="Of an answer, or of a lab.")]


class Ending(BaseModel):
    """How it ended."""

    status: Annotated[MessageStatus | LabStatus, Field(description="What the message or the lab has now.")]
    failure: Annotated[str | None, Field(description="Why it `failed`: a code of `/problems`.")]


class StartPart(Part):
    """The first part."""

    type: Literal["start"] = "start"
    message_id: Annotated[str, Field(description="The id of the answer's message, or of the lab.")]
    message_metadata: Beginning


class TextStartPart(Part):
    """The answer's text begins."""

    type: Literal["text-start"] = "text-start"
    id: Literal["text"] = "text"


class TextDeltaPart(Part):
    """More of the answer's text."""

    type: Literal["text-delta"] = "text-delta"
    id: Literal["text"] = "text"
    delta: Annotated[str, Field(description="What follows the text so far.")]


class TextEndPart(Part):
    """The answer's text is all there."""

    type: Literal["text-end"] = "text-end"
    id: Literal["text"] = "text"


class CitationMetadata(BaseModel):
    """What the AI SDK has no field for."""

    aide: Citation


class SourceDocumentPart(Part):
    """A page that the answer cites."""

    type: Literal["source-document"] = "source-document"
    source_id: Annotated[str, Field(description="The id of the source, `#` and the page.")]
    media_type: Literal["text/plain"] = "text/plain"
    title: Annotated[str, Field(description="The source's title and the page.")]
    provider_metadata: CitationMetadata


class Progress(BaseModel):
    """How far a lab that is generated has come."""

    step: Annotated[
        Literal["reading", "writing", "checking", "done"],
        Field(description="The source is read, the model writes, what it wrote is checked, and all is done."),
    ]
    attempt: Annotated[int | MISSING, Field(ge=1, description="Which try of the model's it is.")] = MISSING


class DataProgressPart(Part):
    """How far it has come; it takes the place of the one before."""

    type: Literal["data-progress"] = "data-progress"
    id: Literal["progress"] = "progress"
    data: Progress


class MessageMetadataPart(Part):
    """How it ended. It is sent, unless whoever listens is refused first: a token ends, a member is removed."""

    type: Literal["message-metadata"] = "message-metadata"
    message_metadata: Ending


class ErrorPart(Part):
    """It failed."""

    type: Literal["error"] = "error"
    error_text: Annotated[str, Field(description="A sentence for the learner.")]


class FinishPart(Part):
    """The last part. What is sent after it, `[DONE]`, is no JSON."""

    type: Literal["finish"] = "finish"


class AnswerPart(
    RootModel[
        Annotated[
            StartPart
            | TextStartPart
            | TextDeltaPart
            | TextEndPart
            | SourceDocumentPart
            | MessageMetadataPart
            | ErrorPart
            | FinishPart,
            Field(discriminator="type"),
        ]
    ]
):
    """A part of the stream of an answer."""

    model_config = examples({"type": "text-delta", "id": "text", "delta": "The rank of a matrix is "})


class GenerationPart(
    RootModel[
        Annotated[
            StartPart | DataProgressPart | MessageMetadataPart | ErrorPart | FinishPart, Field(discriminator="type")
        ]
    ]
):
    """A part of the stream of a lab that is generated."""

    model_config = examples({"type": "data-progress", "id": "progress", "data": {"step": "writing", "attempt": 1}})
