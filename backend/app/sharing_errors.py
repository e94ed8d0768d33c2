"""What can go wrong where people share a workspace.

    ├── ReadOnlyError                403     read_only
    ├── OwnerOnlyError               403     owner_only
    ├── AskerOnlyError               403     asker_only
    ├── OwnerStaysError              409     owner_stays
    ├── LimitReachedError            409     limit_reached
    ├── InvitationExpiredError       410     invitation_expired
    └── InvitationUsedUpError        410     invitation_used_up

What they have in common is in `errors`.
"""

from app.errors import ProblemError


class ReadOnlyError(ProblemError):
    """You are a viewer of this workspace: you read all that is in it, and change nothing. Its owner can make you an
    editor; or copy the workspace into one of your own."""

    status, code, title = 403, "read_only", "Read only"


class OwnerOnlyError(ProblemError):
    """Only the owner of the workspace may do this. You are one of its editors: ask the owner."""

    status, code, title = 403, "owner_only", "For the owner alone"


class AskerOnlyError(ProblemError):
    """Somebody else has asked, and only they may stop the answer. Until it has ended, only they and the owner of the
    workspace may delete it. Wait for that, or ask in a conversation of your own: under another `id`."""

    status, code, title = 403, "asker_only", "For the asker alone"


class OwnerStaysError(ProblemError):
    """A workspace has an owner, who neither leaves nor becomes less. Hand the workspace over first: give the role
    `owner` to another member."""

    status, code, title = 409, "owner_stays", "The owner stays"


class LimitReachedError(ProblemError):
    """A workspace has at most 1,000 members and 100 open invitations: remove some first. Nobody has more than 20 copies
    begun and not finished: those that were broken off count for an hour."""

    status, code, title = 409, "limit_reached", "Limit reached"


class InvitationExpiredError(ProblemError):
    """The invitation has expired. Ask whoever sent it for another one."""

    status, code, title = 410, "invitation_expired", "Invitation expired"


class InvitationUsedUpError(ProblemError):
    """The invitation was used as often as it may be. Ask whoever sent it for another one."""

    status, code, title = 410, "invitation_used_up", "Invitation used up"
