"""What a refusal of PostgREST, of Postgres or of our own SQL functions means: the problem that a caller is told."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    DeadlineExceededError,
    DuplicateError,
    IdTakenError,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
    RefusedKeyError,
    StaleVersionError,
    TokenExpiredError,
    UnauthenticatedError,
    UnknownEdgeError,
    UnknownNodeError,
    UnknownSourceError,
    UpstreamUnavailableError,
    WriteConflictError,
)
from app.lab_errors import (
    LabHasContentError,
    LabNotReadyError,
    NoSolutionError,
    QuotaExceededError,
    SolutionHiddenError,
    TurnRunningError,
)
from app.labs import LAB_TYPES
from app.sharing_errors import (
    InvitationExpiredError,
    InvitationUsedUpError,
    LimitReachedError,
    OwnerOnlyError,
    OwnerStaysError,
    ReadOnlyError,
)

logger = logging.getLogger(__name__)


def _refused_value(
    errors: Sequence[Mapping[str, Any]] | None = None, existing: str | None = None
) -> InvalidRequestError:
    """A value that only the database found fault with. Functions of ours say where it is; other refusals do not."""
    where = "`errors` names it." if errors else "Compare them with the limits in `/docs`."
    return InvalidRequestError(
        f"The database does not take one of the values in the request. {where}", errors=errors, existing=existing
    )


_EXPIRY = "An invitation expires in the future, within a year."
_refused_expiry = partial(
    InvalidRequestError, _EXPIRY, errors=[{"loc": ("body", "expires_at"), "msg": _EXPIRY, "type": "expiry"}]
)
_OUTSIDE = (
    "The source's `storage_path` is not that of a file below the folder of its own workspace. Set it to"
    " `<workspace_id>/<source_id>/<name>`, or use `PUT .../file`."
)
outside_workspace = partial(
    InvalidRequestError, _OUTSIDE, errors=[{"loc": ("storage_path",), "msg": _OUTSIDE, "type": "storage_path"}]
)

# The gateway has verified the token before, so the caller has done nothing wrong.
_refused_token = partial(
    UnauthenticatedError, "Supabase no longer takes the access token. Refresh the session or sign in again."
)
_early_token = partial(
    UpstreamUnavailableError,
    "The clocks of Supabase's services differ: its data API takes the access token for one of the future."
    " Wait for `Retry-After` seconds and send the request again.",
)

# What the data API or Postgres calls a failure: SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html),
# PostgREST's own codes (https://docs.postgrest.org/en/stable/references/errors.html), and what our SQL functions raise.
UPSTREAM_CODES: dict[str, Callable[[], ProblemError]] = {
    "": ConnectionLostError,  # Postgres went away under the statement, so there is no SQLSTATE
    "22P02": _refused_value,  # text that is not of the column's type
    "22P05": _refused_value,  # a character that Postgres cannot store
    "22003": _refused_value,  # number out of range
    "22001": _refused_value,  # text too long
    "22007": _refused_value,  # text that is not a date
    "22008": _refused_value,  # date out of range
    "22009": _refused_value,  # offset out of range
    "23502": _refused_value,  # not null
    "23503": _refused_value,  # foreign key
    "23505": DuplicateError,  # unique
    "23514": _refused_value,  # check
    "40P01": WriteConflictError,  # deadlock detected
    "53300": UpstreamUnavailableError,  # too many connections
    "55P03": WriteConflictError,  # lock not available
    "57014": DeadlineExceededError,  # statement timeout
    "57P01": UpstreamUnavailableError,  # the server is being shut down
    "57P02": UpstreamUnavailableError,  # the server is recovering from a crash; nothing was committed
    "57P03": UpstreamUnavailableError,  # the server is starting
    "PGRST000": UpstreamUnavailableError,  # no connection to the database
    "PGRST001": UpstreamUnavailableError,
    "PGRST002": UpstreamUnavailableError,  # the schema is being read
    "PGRST003": UpstreamUnavailableError,  # no free connection in time
    "PGRST116": NotFoundError,  # no row where one was asked for
    "PGRST301": _refused_token,  # the token is refused, in three wordings
    "PGRST302": _refused_token,
    "PGRST303": _refused_token,
}

# What the data API finds wrong with the moments in a token: PostgREST 13 and newer and the embedded stack, and before.
CLOCKS: dict[str, Callable[[], ProblemError]] = {
    "JWT expired": TokenExpiredError,
    "JWT not yet valid": _early_token,
    "JWTNotYetValid": _early_token,
    "JWT issued at future": _early_token,
    "JWTIssuedAtFuture": _early_token,
}

_SHAPE = (
    "`generated_content` has not the shape of the lab's type: see "
    + ", ".join(f"`{known.content.__name__}`" for known in LAB_TYPES.values())
    + " in the API's description. Types that are not known may hold anything."
)
# Constraints whose refusal means something more exact, among them every foreign key but those to the workspace.
CONSTRAINTS: dict[str, Callable[[], ProblemError]] = {
    "workspaces_owner_id_fkey": UnauthenticatedError,  # the account is gone
    "workspace_members_user_id_fkey": UnauthenticatedError,
    "workspace_copies_user_id_fkey": UnauthenticatedError,
    "lost_roles_user_id_fkey": UnauthenticatedError,
    "ai_usage_user_id_fkey": UnauthenticatedError,
    "lab_runs_lab_id_fkey": NotFoundError,  # the lab is gone
    "lab_solutions_lab_id_fkey": NotFoundError,
    "chat_messages_running_key": TurnRunningError,
    "labs_source_id_fkey": UnknownSourceError,
    "labs_generated_content_shape": partial(
        InvalidRequestError,
        _SHAPE,
        errors=[{"loc": ("body", "generated_content"), "msg": _SHAPE, "type": "content_shape"}],
    ),
    "edges_source_node_id_fkey": partial(UnknownNodeError, loc=("body", "source_node_id")),
    "edges_target_node_id_fkey": partial(UnknownNodeError, loc=("body", "target_node_id")),
}
# The words that our own SQL functions raise.
RAISED: dict[str, Callable[..., ProblemError]] = {
    "duplicate": DuplicateError,
    "duplicate_id": _refused_value,
    "duplicate_node": _refused_value,
    "id_taken": IdTakenError,
    "immutable_column": _refused_value,
    "malformed_document": _refused_value,
    "not_found": NotFoundError,
    "other_workspace": _refused_value,
    "refused_expiry": _refused_expiry,
    "refused_value": _refused_value,
    "stale_version": StaleVersionError,
    "too_long": _refused_value,
    "too_many_changes": _refused_value,
    "too_many_nodes": _refused_value,
    "unknown_edge": UnknownEdgeError,
    "unknown_kind": _refused_value,
    "unknown_node": UnknownNodeError,
    "unknown_source": UnknownSourceError,
    "workspace_not_found": NotFoundError,
    "source_not_found": NotFoundError,
    "path_outside_workspace": outside_workspace,
    "lab_not_found": NotFoundError,
    "lab_not_ready": LabNotReadyError,
    "no_solution": NoSolutionError,
    "solution_hidden": SolutionHiddenError,
    "message_not_found": NotFoundError,
    "quota_exceeded": QuotaExceededError,
    "turn_running": TurnRunningError,
    "lab_has_content": LabHasContentError,
    "read_only": ReadOnlyError,
    "owner_only": OwnerOnlyError,
    "owner_stays": OwnerStaysError,
    "member_not_found": NotFoundError,
    "invitation_not_found": NotFoundError,
    "invitation_expired": InvitationExpiredError,
    "invitation_used_up": InvitationUsedUpError,
    "limit_reached": LimitReachedError,
    "write_conflict": WriteConflictError,
}
FAULTS = {
    "duplicate": "The same edge is there already",
    "duplicate_id": "{id} is in the request twice",
    "duplicate_node": "{id} is in the request twice",
    "id_taken": "{id} is the id of another row",
    "in_trash": "{id} was deleted; `restore` brings it back",
    "other_content": "{id} is there already, with other content",
    "other_workspace": "This is not the workspace in the path",
    "refused_value": "The database does not take this value",
    "unknown_edge": "{id} is not an edge of this workspace",
    "unknown_node": "{id} is not a node of this workspace",
    "unknown_source": "{id} is not a source of this workspace",
}
"""What is wrong at a place that a function of ours names, by the `type` of the error there."""

PERHAPS_DONE = (BadUpstreamError, ConnectionLostError, UpstreamUnavailableError, DeadlineExceededError)
"""After one of these the write may have happened: files that its rows may name are kept."""

_SOON, _LATER = {"Retry-After": "5"}, {"Retry-After": "60"}
_unreached = partial(
    UpstreamUnavailableError,
    "The proxy in front of Supabase cannot reach it. Wait for `Retry-After` seconds; writes may be sent again with the"
    " same `id`.",
    headers=_SOON,
)
_proxy_waited = partial(
    DeadlineExceededError,
    "The proxy in front of Supabase waited too long for it. A write may have happened: send it again with the same"
    " `id`, or read first.",
    headers=_SOON,
)
_proxy_answered = partial(
    UpstreamUnavailableError,
    "A proxy in front of Supabase answered in its place, with a page that the gateway cannot read. Wait for"
    " `Retry-After` seconds; writes may be sent again with the same `id`.",
    headers=_SOON,
)

# What hosted Supabase and the proxies in front of it answer by themselves:
# https://supabase.com/docs/guides/platform/http-status-codes,
# https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
PROXIES: dict[int, Callable[[], ProblemError]] = {
    402: partial(
        UpstreamUnavailableError,
        "The Supabase project is restricted: it is over its quota, or a bill is overdue. Its owner sees which in the"
        " dashboard.",
        headers=_LATER,
    ),
    429: partial(
        UpstreamUnavailableError,
        "Supabase takes no more requests for now. Wait for `Retry-After` seconds.",
        headers=_SOON,
    ),
    502: _unreached,
    503: UpstreamUnavailableError,
    504: _proxy_waited,
    520: _proxy_answered,
    521: _unreached,
    522: _unreached,
    523: _unreached,
    524: _proxy_waited,
    525: _unreached,
    526: _unreached,
    530: _unreached,
    540: partial(
        UpstreamUnavailableError,
        "The Supabase project is paused. Its owner can restore it in the dashboard.",
        headers=_LATER,
    ),
    544: _proxy_waited,
}


class _Place(msgspec.Struct):
    """A place in the request, as our SQL functions name it in the details of what they raise."""

    loc: list[str | int]
    id: str
    type: str | None = None
    existing: str | None = None


_read_places = msgspec.json.Decoder(list[_Place]).decode
_CONSTRAINT = re.compile(r'(foreign key|unique|check) constraint "(\w+)"')


_KONG_REFUSED = "Invalid authentication credentials"


def is_page(body: bytes) -> bool:
    """Whether this is HTML, which Supabase's data API never answers."""
    return body.lstrip()[:1] == b"<"


def unreadable(body: bytes) -> ProblemError:
    """What a successful answer means that is not what was asked for."""
    return _proxy_answered() if is_page(body) else BadUpstreamError()


def _raised(word: str, details: object) -> ProblemError | None:
    """The problem that a function of ours has raised, if the word is one of ours."""
    if not (kind := RAISED.get(word)):
        return None
    try:
        places = _read_places(details) if word in FAULTS and isinstance(details, str) else []
    except msgspec.DecodeError:
        places = []
    if not places:
        return kind()
    errors = []
    for place in places:
        fault = place.type if place.type in FAULTS else word
        error = {"loc": ["body", *place.loc], "msg": FAULTS[fault].format(id=place.id), "type": fault}
        errors.append(error | ({"existing": place.existing} if place.existing else {}))
    return kind(errors=errors, existing=next((place.existing for place in places if place.existing), None))


def upstream_problem(status: int, body: bytes) -> ProblemError:
    """What an unsuccessful answer of the data API means to the caller.

    Reads only the code and what the refusal is about, and the places that our own functions name; nothing of the
    upstream's own wording goes on.
    """
    try:
        document = json.loads(body)
        code, message = str(document.get("code")), str(document.get("message"))
        details = document.get("details")
    except (ValueError, AttributeError, RecursionError):
        code = message = str(None)
        details = None
    if raised := _raised(message, details):
        return raised
    if problem := CLOCKS.get(message):
        return problem()
    constraint = _CONSTRAINT.search(message)
    if constraint and (problem := CONSTRAINTS.get(constraint[2])):
        return problem()
    if constraint and constraint[2].endswith("_pkey"):
        return IdTakenError()
    if constraint and constraint[2].endswith("_workspace_id_fkey"):
        return NotFoundError()  # the workspace went away
    if problem := UPSTREAM_CODES.get(code):
        return problem()
    # The embedded stack reports a failed check as 500 `SUP`, naming the constraint as Postgres does.
    if constraint and constraint[1] == "check":
        return _refused_value()
    # 42501 without "row-level security" is a missing grant: a fault of our migration, not of the caller.
    if code == "42501" and "row-level security" in message:
        return NotFoundError()
    if status in {401, 403} and ("API_KEY" in code or "api key" in message.lower() or message == _KONG_REFUSED):
        logger.error("Supabase refuses SUPABASE_PUBLISHABLE_KEY")
        return RefusedKeyError()
    if problem := PROXIES.get(status):
        return problem()
    if status >= 400 and is_page(body):
        logger.warning("a page in HTML came with status %d in place of an answer of Supabase", status)
        return _proxy_answered()
    logger.warning("Supabase's data API answered %d with an unknown code: %.32r", status, code)
    return BadUpstreamError()
