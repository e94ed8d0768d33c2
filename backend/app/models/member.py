"""Members of workspaces, and invitations to become one."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, Field, JsonValue

from app.models.page import PageQuery
from app.models.types import Input, Moment, Row, Timestamp, examples
from app.models.workspace import Role

SharedRole = Literal["editor", "viewer"]
MAX_USES = 1000


class Member(BaseModel):
    """Somebody who may read a workspace: its owner, an editor or a viewer."""

    model_config = ConfigDict(extra="forbid") | examples(
        {
            "user_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "role": "editor",
            "email": "ed@example.com",
            "created_at": "2026-11-23T09:30:00.125000Z",
        }
    )

    user_id: Annotated[UUID, Field(description="Who it is.")]
    role: Role
    email: Annotated[str | None, Field(description="For those who may edit the workspace; viewers see only their own.")]
    created_at: Annotated[Timestamp, Field(description="Since when.")]


class MemberUpdate(Input):
    """What a member becomes. `owner` hands the workspace over: whoever had it becomes an editor."""

    model_config = examples({"role": "editor"})

    role: Role


_INVITATION: dict[str, JsonValue] = {
    "id": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
    "workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
    "role": "viewer",
    "uses_left": 30,
    "expires_at": "2026-11-30T09:30:00.125000Z",
    "created_at": "2026-11-23T09:30:00.125000Z",
}


class Invitation(Row):
    """An invitation to a workspace."""

    model_config = examples(_INVITATION)

    workspace_id: UUID
    role: SharedRole
    uses_left: Annotated[int, Field(description="How many more people may accept it.")]
    expires_at: Annotated[Timestamp, Field(description="Until when it can be accepted.")]
    created_at: Timestamp


class NewInvitation(Invitation):
    """An invitation with its token, which is shown this once and kept nowhere."""

    model_config = examples(_INVITATION | {"token": "4f1d0c6f0d5b4cb98f0a7e2f7d1b6c3a9e8d7c6b5a4f43e2b1a09f8e7d6c5b4a"})

    token: Annotated[str, Field(description="The secret that `POST /v1/invitations/{token}/accept` takes.")]


class InvitationCreate(Input):
    """An invitation to make."""

    model_config = examples({"role": "editor"}, {"role": "viewer", "uses": 30, "expires_at": "2026-12-24T18:00:00Z"})

    role: SharedRole
    uses: Annotated[
        int | MISSING, Field(ge=1, le=MAX_USES, description="How many people may accept it. 1 by default.")
    ] = MISSING
    expires_at: Annotated[Moment | MISSING, Field(description="Within a year from now; in seven days by default.")] = (
        MISSING
    )


class InvitationQuery(PageQuery):
    """Which invitations to list."""

    order: Literal["created_at", "-created_at"] = "-created_at"


class Accepted(BaseModel):
    """What an invitation led to."""

    model_config = ConfigDict(extra="forbid") | examples(
        {"workspace_id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10", "role": "viewer"}
    )

    workspace_id: UUID
    role: Annotated[Role, Field(description="What the caller is now, which may be more than the invitation's.")]
