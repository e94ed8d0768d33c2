"""Turns: long answers, written by a task of their own into a row, and shown to whoever listens.

The row is the truth. A turn writes what it has to its row every half second, which renews the row's lease, and is shown
from memory in the worker that runs it; every other replica shows it by reading the row. Nobody who listens or leaves
changes what a turn does.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Literal

import msgspec

from app import metrics
from app.auth import Caller
from app.config import Settings
from app.errors import InternalError, OverloadedError, ProblemError, TokenExpiredError, WriteConflictError
from app.lab_errors import InterruptedTurnError, TurnTimeoutError
from app.lanes import Places
from app.services.leases import LeasedRow, Snapshot

logger = logging.getLogger(__name__)

BEGIN_SECONDS = 5.0
"""So long the first byte waits for the model's first word, so that its refusal is still a problem document."""
WRITE_SECONDS = 0.5
"""How often a turn writes what it has, and learns whether it was asked to stop."""
READ_SECONDS = 0.4
"""How often a replica reads the row of a turn that runs elsewhere."""
UNMOVED_SECONDS = 2.0
"""A lease that has not moved for so long may be over, which only the database can say."""
QUIET_SECONDS = 8.0
"""After so long without news a listener is told that there are none, so that nothing on the way gives up."""
LAST_WRITE_SECONDS = 12.0
"""How long a turn tries to write its end while Supabase does not answer. Soon after, its lease is over."""
MIN_TOKEN_SECONDS = 60.0
"""A token that ends sooner begins no turn."""
TOKEN_MARGIN = 15.0
"""So long before its token's end a turn ends, to be able to write that."""

Work = Callable[["Turn"], Awaitable[None]]
Ending = Literal["stopped", "interrupted", "lost"]


class Turn:
    """One row being written here."""

    def __init__(self, row: LeasedRow, state: Snapshot, complete: str) -> None:
        """`state` is what the row holds at first; `complete` the status that it ends with when all goes well."""
        self.row = row
        self.state = state
        self.problem: ProblemError | None = None
        """Why it failed."""
        self.result: dict[str, Any] = {}
        """Columns that are written only with its end."""
        self._complete = complete
        self._changed = asyncio.Event()
        self._begun = asyncio.Event()
        self._ending: Ending | None = None
        self._task: asyncio.Task[dict[str, Any]] | None = None

    def show(self, **values: Any) -> None:
        """Change what the row is going to hold, and what listeners see at once."""
        self.state = msgspec.structs.replace(self.state, **values)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def begin(self) -> None:
        """Say that the work is past what could have been refused."""
        self._begun.set()

    async def wait_for_begin(self) -> None:
        """Wait until it has begun or ended, at most `BEGIN_SECONDS`. Raises the problem that it failed with before it
        began."""
        waiting = [asyncio.ensure_future(self._begun.wait()), asyncio.ensure_future(self.wait())]
        try:
            await asyncio.wait(waiting, timeout=BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
        if self.problem and not self._begun.is_set():
            raise self.problem

    def end(self, why: Ending) -> None:
        """End it early: because it was asked to stop, because the gateway ends, or because the row is no longer its."""
        if self._task and self._ending is None:
            self._ending = why
            self._task.cancel()

    async def wait(self) -> None:
        """Wait until it has ended, its last write included."""
        while self.state.is_running:
            await self._changed.wait()

    async def follow(self) -> AsyncIterator[Snapshot | None]:
        """What it shows, each time that it changes, to its end; None when there is no news for a while."""
        while True:
            changed, state = self._changed, self.state
            yield state  # it may have ended by the time that this is sent
            if not state.is_running:
                return
            while not changed.is_set():
                try:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    yield None

    async def run(self, work: Work, seconds: float) -> None:
        """Do the work and write its end, whatever comes of it."""
        self._task = asyncio.create_task(self._work(work, seconds))
        writer = asyncio.create_task(self._keep_writing())
        try:
            end = await self._task
        except asyncio.CancelledError:  # before its first step
            end = self._cut_short()
        finally:
            writer.cancel()
        await self._write_end(end)

    async def _work(self, work: Work, seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                await work(self)
            return {"status": self._complete}
        except asyncio.CancelledError:
            return self._cut_short()
        except TimeoutError:
            return self._failed(TurnTimeoutError())
        except ProblemError as problem:
            return self._failed(problem)
        except Exception as error:
            # Its text may be of a prompt or a document, so that its kind and place alone are logged.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("a turn failed: %s in %s:%s", type(error).__name__, place.filename, place.lineno)
            return self._failed(InternalError())

    def _cut_short(self) -> dict[str, Any]:
        return {"status": "stopped"} if self._ending == "stopped" else self._failed(InterruptedTurnError())

    def _failed(self, problem: ProblemError) -> dict[str, Any]:
        self.problem = problem
        return {"status": "failed", "failure": problem.code}

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                status = await self.row.write(self.row.columns(self.state))
            except ProblemError as problem:
                logger.warning("a turn could not be written: %s", problem.code)
                continue
            if status is None:
                self.end("lost")
            elif status == "stopping":
                self.end("stopped")

    async def _write_end(self, end: dict[str, Any]) -> None:
        values = self.row.columns(self.state) | self.result | end
        give_up_at = time.monotonic() + LAST_WRITE_SECONDS
        written = self._ending == "lost"
        while not written:
            try:
                written = True
                if await self.row.write(values) is None:
                    self._ending = "lost"
            except ProblemError as problem:
                may_repeat = problem.status >= 500 or isinstance(problem, WriteConflictError)
                if not may_repeat or time.monotonic() > give_up_at:
                    logger.warning("the end of a turn could not be written: %s", problem.code)
                    self._ending = "lost"
                else:
                    written = False
                    await asyncio.sleep(WRITE_SECONDS)
        if self._ending == "lost":
            end = await self._found()
        metrics.turns.labels(self.row.table, end["status"]).inc()
        self.show(**{name: value for name, value in (values | end).items() if name in _SHOWN})

    async def _found(self) -> dict[str, Any]:
        """How the row has ended, which somebody else has written."""
        try:
            found = await self.row.read()
        except ProblemError:
            found = None
        if found is None or found.is_running:
            return self._failed(InterruptedTurnError())
        self.problem = None
        return {"status": found.status, "failure": found.failure}


_SHOWN = frozenset(Snapshot.__struct_fields__)


class Turns:
    """The turns that this worker runs."""

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.TURN_TIMEOUT
        self._grace = settings.TURN_GRACE
        self._places = Places(settings.MAX_TURNS, settings.MAX_TURNS_PER_USER)
        self._turns: dict[str, Turn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends_at: float | None = None

    def admit(self, caller: Caller) -> ExitStack:
        """Hold a place for a turn of the caller's, until the stack is closed. Raises `OverloadedError`,
        `TooManyRequestsError` and `TokenExpiredError`."""
        if caller.expires_at - time.time() < MIN_TOKEN_SECONDS:
            raise TokenExpiredError(
                f"The access token ends in less than {MIN_TOKEN_SECONDS:g} seconds, too soon for a long answer. Refresh"
                " the session and send the request again with the new token."
            )
        if self._ends_at is not None:
            raise OverloadedError("This gateway is shutting down. Wait for `Retry-After` seconds and ask again.")
        with ExitStack() as places:
            places.enter_context(self._places.take())
            places.enter_context(self._places.take_of_user(caller.id))
            return places.pop_all()

    def start(self, turn: Turn, caller: Caller, work: Work, places: ExitStack) -> None:
        """Run the turn in a task of its own, which holds the places until it has ended."""
        seconds = min(self._seconds, caller.expires_at - time.time() - TOKEN_MARGIN)
        self._turns[turn.row.id] = turn

        async def run() -> None:
            with places:
                try:
                    await turn.run(work, seconds)
                finally:
                    if self.find(turn.row.id) is turn:  # a stopped one may have been begun again
                        del self._turns[turn.row.id]

        task = asyncio.create_task(run())
        if self._ends_at is not None:  # it was admitted just before
            asyncio.get_running_loop().call_at(self._ends_at, turn.end, "interrupted")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def find(self, row_id: str) -> Turn | None:
        """The turn that writes this row, if it runs here."""
        return self._turns.get(row_id)

    def follow(self, row: LeasedRow) -> AsyncIterator[Snapshot | None]:
        """What the row shows from now to its end, whoever writes it; None when there is no news for a while."""
        turn = self.find(row.id)
        return turn.follow() if turn else follow_row(row)

    def drain(self) -> None:
        """Begin no more turns, and end those that are left when the grace is over. To be called at SIGTERM."""
        if self._ends_at is None:
            loop = asyncio.get_running_loop()
            self._ends_at = loop.time() + self._grace
            loop.call_at(self._ends_at, self._interrupt)

    def _interrupt(self) -> None:
        for turn in self._turns.values():
            turn.end("interrupted")

    async def close(self) -> None:
        """Wait until all turns have ended, which `drain` bounds."""
        self.drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace + LAST_WRITE_SECONDS)


async def follow_row(row: LeasedRow) -> AsyncIterator[Snapshot | None]:
    """What a row that is written elsewhere shows, each time that it changes, to its end; None when there is no news for
    a while. Ends the row when it has lost its writer."""
    shown: Snapshot | None = None
    lease: str | None = None
    loop = asyncio.get_running_loop()
    moved_at = told_at = loop.time()
    while True:
        visible = shown
        try:
            found = await row.read()
            if found is None:
                return
            visible = msgspec.structs.replace(found, lease_until=None)
            if found.lease_until != lease:
                lease, moved_at = found.lease_until, loop.time()
            elif found.is_running and loop.time() - moved_at > UNMOVED_SECONDS:
                moved_at = loop.time()
                await row.end_if_lapsed()
                continue
        except ProblemError as problem:
            if problem.status < 500:
                raise
            # Else Supabase is away for a moment.
        if visible != shown:
            shown, told_at = visible, loop.time()
            yield shown
        elif loop.time() - told_at > QUIET_SECONDS:
            told_at = loop.time()
            yield None
        if shown and not shown.is_running:
            return
        await asyncio.sleep(READ_SECONDS)
