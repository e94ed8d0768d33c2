"""Sharing: who is a member of a workspace, and the beginning of a copy of one."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.errors import ProblemError
from app.models.member import InvitationCreate, MemberUpdate
from app.services.db import Session
from app.services.refusals import unreadable

logger = logging.getLogger(__name__)


async def list_members(session: Session, workspace_id: UUID) -> bytes:
    """Everybody who may read a workspace, the owner first, as JSON. Raises `NotFoundError`."""
    query = session.call("list_members", {"workspace_id": str(workspace_id)}, read_only=True)
    return msgspec.json.encode(await session.read(query, _read_members, "members"))


async def change_member(session: Session, workspace_id: UUID, user_id: UUID, change: MemberUpdate) -> bytes:
    """Give a member another role, or hand the workspace over; the member as JSON.

    Raises `NotFoundError`, `ReadOnlyError`, `OwnerOnlyError` and `OwnerStaysError`.
    """
    arguments = {"workspace_id": str(workspace_id), "user_id": str(user_id), **change.model_dump()}
    return _object(await session.send(session.call("change_member", arguments)))


async def remove_member(session: Session, workspace_id: UUID, user_id: UUID) -> None:
    """Take a member out of a workspace, or leave it. Raises as `change_member` does."""
    await session.perform("remove_member", {"workspace_id": str(workspace_id), "user_id": str(user_id)})


async def create_invitation(session: Session, workspace_id: UUID, new: InvitationCreate) -> bytes:
    """An invitation with its token, as JSON. Raises `NotFoundError`, `ReadOnlyError`, `OwnerOnlyError`,
    `LimitReachedError` and `InvalidRequestError`."""
    arguments = {"workspace_id": str(workspace_id), **new.model_dump(mode="json")}
    return _object(await session.send(session.call("create_invitation", arguments)))


async def revoke_invitation(session: Session, workspace_id: UUID, invitation_id: UUID) -> None:
    """Delete an invitation. Raises `NotFoundError`, `ReadOnlyError` and `OwnerOnlyError`."""
    await session.perform("revoke_invitation", {"workspace_id": str(workspace_id), "id": str(invitation_id)})


async def accept_invitation(session: Session, token: str) -> bytes:
    """Become a member; the workspace and the role, as JSON. Raises `NotFoundError`, `InvitationExpiredError`,
    `InvitationUsedUpError` and `LimitReachedError`."""
    return _object(await session.send(session.call("accept_invitation", {"token": token}), one=True))


class Copy(msgspec.Struct, frozen=True):
    """A copy of a workspace that has begun."""

    id: str
    """Of this attempt: what `finish_copy` and `abandon_copy` take."""
    paths: dict[str, str]
    """Where each file is, and where its copy goes."""


async def begin_copy(session: Session, workspace_id: UUID, new_id: str | None) -> Copy:
    """Ask for a place for the copies of a workspace's files. Raises `NotFoundError`, `IdTakenError` and
    `LimitReachedError`."""
    arguments = {"workspace_id": str(workspace_id), "copy_id": new_id}
    return await session.read(session.call("begin_copy", arguments), _read_copy, "a copy")


async def abandon_copy(session: Session, copy: Copy) -> bool:
    """Give up a copy; whether it is certain now that no row names its files, nor ever will."""
    try:
        return await session.read(session.call("abandon_copy", {"copy_id": copy.id}), _read_bool, "abandon_copy")
    except ProblemError as error:
        logger.warning("a copy may be left that is begun and not finished: %s", error.code)
        return False


def _object(body: bytes) -> bytes:
    if not (body.startswith(b"{") and body.endswith(b"}")):
        raise unreadable(body)
    return body


_Member: Any = msgspec.defstruct(
    "Member", [("user_id", str), ("role", str), ("email", str | None), ("created_at", datetime)]
)
_read_members = msgspec.json.Decoder(list[_Member]).decode
_read_copy = msgspec.json.Decoder(Copy).decode
_read_bool = msgspec.json.Decoder(bool).decode
