"""`/v1/workspaces/{workspace_id}/members` and `/invitations`, `/v1/invitations/{token}/accept`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, status

from app.answers import json_answer
from app.dependencies import DatabaseSession, Invitations, Workspaces
from app.errors import InvalidRequestError, WriteConflictError
from app.models.member import (
    Accepted,
    Invitation,
    InvitationCreate,
    InvitationQuery,
    Member,
    MemberUpdate,
    NewInvitation,
)
from app.responses import FOUND, LISTED, problems
from app.services import sharing
from app.sharing_errors import (
    InvitationExpiredError,
    InvitationUsedUpError,
    LimitReachedError,
    OwnerOnlyError,
    OwnerStaysError,
    ReadOnlyError,
)

router = APIRouter(prefix="/v1", tags=["sharing"])

OWNED = FOUND | problems(ReadOnlyError, OwnerOnlyError, WriteConflictError)
Token = Annotated[str, Path(min_length=1, max_length=100, description="What `POST .../invitations` answered.")]


@router.get("/workspaces/{workspace_id}/members", responses=FOUND, response_model=list[Member])
async def list_members(workspace_id: UUID, session: DatabaseSession) -> Response:
    """List everybody who may read a workspace, the owner first."""
    return json_answer(await sharing.list_members(session, workspace_id))


@router.patch(
    "/workspaces/{workspace_id}/members/{user_id}",
    responses=OWNED | problems(OwnerStaysError, WriteConflictError),
    response_model=Member,
)
async def update_member(workspace_id: UUID, user_id: UUID, change: MemberUpdate, session: DatabaseSession) -> Response:
    """Give a member another role, as the owner. The role `owner` hands the workspace over: then the caller is an
    editor."""
    return json_answer(await sharing.change_member(session, workspace_id, user_id, change))


@router.delete(
    "/workspaces/{workspace_id}/members/{user_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=OWNED | problems(OwnerStaysError, WriteConflictError),
)
async def delete_member(workspace_id: UUID, user_id: UUID, session: DatabaseSession) -> None:
    """Take a member out of a workspace, as its owner; or leave it, as the member."""
    await sharing.remove_member(session, workspace_id, user_id)


@router.post(
    "/workspaces/{workspace_id}/invitations",
    status_code=status.HTTP_201_CREATED,
    responses=OWNED | problems(InvalidRequestError, LimitReachedError, WriteConflictError),
    response_model=NewInvitation,
)
async def issue_invitation(workspace_id: UUID, new: InvitationCreate, session: DatabaseSession) -> Response:
    """Make an invitation to a workspace, as its owner. Whoever has its `token`, which is shown this once, may accept
    it."""
    return json_answer(await sharing.create_invitation(session, workspace_id, new), status.HTTP_201_CREATED)


@router.get("/workspaces/{workspace_id}/invitations", responses=FOUND | LISTED, response_model=list[Invitation])
async def list_invitations(
    workspace_id: UUID,
    query: Annotated[InvitationQuery, Query()],
    workspaces: Workspaces,
    invitations: Invitations,
) -> Response:
    """List a workspace's invitations, the newest first. Only its owner sees any."""
    return await workspaces.list_within(workspace_id, invitations, query, workspace_id=str(workspace_id))


@router.delete(
    "/workspaces/{workspace_id}/invitations/{invitation_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=OWNED,
)
async def delete_invitation(workspace_id: UUID, invitation_id: UUID, session: DatabaseSession) -> None:
    """Revoke an invitation, as the owner. Who has accepted it stays a member."""
    await sharing.revoke_invitation(session, workspace_id, invitation_id)


@router.post(
    "/invitations/{token}/accept",
    responses=FOUND | problems(LimitReachedError, WriteConflictError, InvitationExpiredError, InvitationUsedUpError),
    response_model=Accepted,
)
async def accept_invitation(token: Token, session: DatabaseSession) -> Response:
    """Become a member of a workspace, or an editor where one is a viewer. To accept again is harmless: whoever has the
    role, or more, keeps it, and no use is taken."""
    return json_answer(await sharing.accept_invitation(session, token))
