"""Rows that turns write: an unfinished answer, or a lab that is being generated. The database leases such a row to its
writer with every write; one whose lease is over has lost its writer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec

from app.errors import NotFoundError
from app.services.db import Session, read_role, write_refusal
from app.sharing_errors import AskerOnlyError, ReadOnlyError

RUNNING = ("streaming", "stopping", "generating")
"""The statuses of a row that has a writer."""


class Snapshot(msgspec.Struct, frozen=True):
    """What a leased row holds: an answer has `content` and `sources`, a lab `progress`."""

    status: str
    failure: str | None = None
    content: str = ""
    sources: list[dict[str, Any]] = []
    progress: dict[str, Any] | None = None
    lease_until: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether somebody writes the row."""
        return self.status in RUNNING


_Answer: Any = msgspec.defstruct("Answer", [("id", str), ("status", str)])
_Status: Any = msgspec.defstruct("Status", [("status", str)])
_read_answers = msgspec.json.Decoder(list[_Answer]).decode
_read_statuses = msgspec.json.Decoder(list[_Status]).decode
_read_snapshots = msgspec.json.Decoder(list[Snapshot]).decode
_Lab: Any = msgspec.defstruct(
    "Lab", [("workspace_id", str), ("status", str), ("progress", dict[str, Any] | None, None)]
)
_read_labs = msgspec.json.Decoder(list[_Lab]).decode
_read_word = msgspec.json.Decoder(str | None).decode


class LeasedRow:
    """One row that a turn writes, as one caller may read and write it, also when the caller's request is over."""

    table: str
    _columns: str
    _mine: Mapping[str, str]
    """Filters of every write: they match only while the row is this turn's."""

    def __init__(self, session: Session, row_id: str, workspace_id: str) -> None:
        self.session = session.detached()
        self.id = row_id
        self.workspace_id = workspace_id

    def columns(self, state: Snapshot) -> dict[str, Any]:
        """The columns that are written while the turn runs."""
        raise NotImplementedError

    async def write(self, values: Mapping[str, Any]) -> str | None:
        """Write these columns, which renews the lease; the row's status, or None when it is no longer this turn's."""
        update = self.session.table(self.table).update(dict(values)).eq("id", self.id)
        for column, condition in self._mine.items():
            operator, _, value = condition.partition(".")
            update = update.filter(column, operator, value)
        rows = await self.session.read(update.select("status"), _read_statuses, self.table)
        return rows[0].status if rows else None

    async def read(self) -> Snapshot | None:
        """What the row holds, or None when it is gone."""
        select = self.session.table(self.table).select(self._columns).eq("id", self.id)
        rows = await self.session.read(select, _read_snapshots, self.table)
        return rows[0] if rows else None

    async def end_if_lapsed(self) -> None:
        """End the row if its lease is over, by the database's clock."""
        await end_lapsed_turns(self.session, self.workspace_id)


class AnswerRow(LeasedRow):
    """An unfinished answer."""

    table = "chat_messages"
    _columns = "status,failure,content,sources,lease_until"
    _mine: Mapping[str, str] = {"status": "in.(streaming,stopping)"}

    def columns(self, state: Snapshot) -> dict[str, Any]:
        """The text so far."""
        return {"content": state.content}


async def begin_answer(
    session: Session,
    workspace_id: UUID,
    chat_id: str,
    answer_id: str,
    *,
    question: Mapping[str, Any] | None,
    replaced_id: str | None,
) -> AnswerRow:
    """Add a question to a conversation and claim its answer, in one write.

    Without a question the last one is answered again. What is replaced goes, with all that follows it. Raises
    `NotFoundError`, `ReadOnlyError` and `TurnRunningError`.
    """
    arguments = {
        "workspace_id": str(workspace_id),
        "chat_id": chat_id,
        "answer_id": answer_id,
        "question": question,
        "replaced_id": replaced_id,
    }
    try:
        await session.send(session.call("begin_answer", arguments))
    except NotFoundError as refusal:
        raise await write_refusal(session, workspace_id, refusal) from None
    return AnswerRow(session, answer_id, str(workspace_id))


async def find_answer(session: Session, workspace_id: UUID, chat_id: str) -> AnswerRow | None:
    """The unfinished answer of a conversation, if there is one. Raises `NotFoundError` for a hidden workspace."""
    found = await _unfinished(session, workspace_id, chat_id)
    if not found:
        await _check_workspace(session, workspace_id)
        return None
    return AnswerRow(session, found[0].id, str(workspace_id))


async def stop_answer(session: Session, workspace_id: UUID, chat_id: str) -> str | None:
    """Ask whoever writes the conversation's answer to end it; its id, or None when nothing is being written. Raises
    `NotFoundError` for a hidden workspace, `ReadOnlyError` and `AskerOnlyError`."""
    update = session.table("chat_messages").update({"status": "stopping"})
    update = update.eq("workspace_id", workspace_id).eq("chat_id", chat_id).eq("status", "streaming")
    found = await session.read(update.select("id,status"), _read_answers, "chat_messages")
    if not found:
        await _check_workspace(session, workspace_id, writing=True)
        found = await _unfinished(session, workspace_id, chat_id)
        if not found:
            return None
        if found[0].status == "streaming":
            raise AskerOnlyError
    # Not by a write: to ask once more must not renew the lease of a writer that is dead.
    await end_lapsed_turns(session, str(workspace_id))
    return str(found[0].id)


async def _unfinished(session: Session, workspace_id: UUID, chat_id: str) -> list[Any]:
    select = session.table("chat_messages").select("id,status").eq("workspace_id", workspace_id).eq("chat_id", chat_id)
    return await session.read(select.in_("status", ["streaming", "stopping"]), _read_answers, "chat_messages")


class LabRow(LeasedRow):
    """A lab that is being generated."""

    table = "labs"
    _columns = "status,failure,progress,lease_until"

    def __init__(self, session: Session, row_id: str, workspace_id: str, turn: str) -> None:
        """`turn` is the id of the turn that may write it: another one may have begun since."""
        super().__init__(session, row_id, workspace_id)
        self._turn = turn
        self._mine = {"status": "eq.generating", "progress->>turn": f"eq.{turn}"}

    def columns(self, state: Snapshot) -> dict[str, Any]:
        """How far it has come."""
        return {"progress": {**(state.progress or {}), "turn": self._turn}}

    async def write(self, values: Mapping[str, Any]) -> str | None:
        """As that of `LeasedRow`; with the status `in_progress` by a function that writes all that was generated."""
        if values.get("status") != "in_progress":
            return await super().write({name: values[name] for name in _OF_LAB if name in values})
        arguments = {"lab_id": self.id, "turn": self._turn}
        arguments |= {name: values[name] for name in ("generated_content", "title", "solution")}
        finished = self.session.call("finish_generation", arguments)
        return await self.session.read(finished, _read_word, "finish_generation")


_OF_LAB = ("status", "failure", "progress")


async def begin_generation(session: Session, lab_id: str, workspace_id: str) -> LabRow:
    """Claim a lab without content. Raises `NotFoundError`, `ReadOnlyError`, `TurnRunningError` and
    `LabHasContentError`."""
    turn = str(uuid4())
    await session.perform("begin_generation", {"lab_id": lab_id, "turn": turn})
    return LabRow(session, lab_id, workspace_id, turn)


async def find_generation(session: Session, lab_id: UUID) -> LabRow | None:
    """The lab, if it is being generated. Raises `NotFoundError`."""
    lab = await _read_lab(session, lab_id)
    turn = (lab.progress or {}).get("turn")
    return LabRow(session, str(lab_id), lab.workspace_id, str(turn)) if lab.status == "generating" else None


async def release_lab(session: Session, lab_id: UUID) -> None:
    """Take the lab from whoever generates it: it is `pending` again. Raises `NotFoundError` and `ReadOnlyError`."""
    update = session.table("labs").update({"status": "pending"}).eq("id", lab_id).eq("status", "generating")
    if not await session.read(update.select("status"), _read_statuses, "labs"):
        lab = await _read_lab(session, lab_id)
        await _check_workspace(session, lab.workspace_id, writing=True)


async def end_lapsed_turns(session: Session, workspace_id: str) -> None:
    """End all turns of a workspace whose lease is over."""
    await session.send(session.call("end_lapsed_turns", {"workspace_id": workspace_id}))


async def _read_lab(session: Session, lab_id: UUID) -> Any:
    select = session.table("labs").select("workspace_id,status,progress").eq("id", lab_id)
    found = await session.read(select, _read_labs, "labs")
    if not found:
        raise NotFoundError
    return found[0]


async def _check_workspace(session: Session, workspace_id: UUID | str, *, writing: bool = False) -> None:
    role = await read_role(session, workspace_id)
    if role is None:
        raise NotFoundError
    if writing and role == "viewer":
        raise ReadOnlyError
