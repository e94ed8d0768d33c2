"""Submissions: programs that wait for a slot, that run, and whose results are kept for a while."""

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field

from runner.sandbox import ACCEPTED, DESCRIPTIONS, IN_QUEUE, PROCESSING, WRONG_ANSWER, Ending, Limits, Sandbox
from runner.settings import Settings

log = logging.getLogger("runner")


@dataclass
class Submission:
    """A program, and what has become of it."""

    source_code: bytes
    stdin: bytes
    expected_output: bytes | None
    limits: Limits
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int = IN_QUEUE
    ending: Ending | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    finished_at: float = 0.0

    @property
    def weight(self) -> int:
        """Bytes it holds."""
        output = len(self.ending.stdout) + len(self.ending.stderr) if self.ending else 0
        return len(self.source_code) + len(self.stdin) + len(self.expected_output or b"") + output


class QueueFullError(Exception):
    """More submissions wait than may."""


class Submissions:
    """Runs submissions in the order in which they came, and keeps their results for a while."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._slots = asyncio.Semaphore(settings.slots)
        self._waiting = 0
        self._kept: dict[str, Submission] = {}
        self._running: dict[str, Submission] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, submission: Submission) -> None:
        """Put it into the queue. Raises `QueueFullError`."""
        if self._slots.locked() and self._waiting >= self._settings.queue:
            raise QueueFullError
        self._running[submission.token] = submission
        self._waiting += 1
        task = asyncio.create_task(self._run(submission))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def find(self, token: str) -> Submission | None:
        """One that is waiting, running, or kept."""
        self._evict()
        return self._running.get(token) or self._kept.get(token)

    async def _run(self, submission: Submission) -> None:
        try:
            async with self._slots:
                self._waiting -= 1
                submission.status = PROCESSING
                ending = await self._sandbox.run(submission.source_code, submission.stdin, submission.limits)
            expected = submission.expected_output
            wrong = ending.status == ACCEPTED and expected is not None and _lines(expected) != _lines(ending.stdout)
            submission.ending = ending
            submission.status = WRONG_ANSWER if wrong else ending.status
            log.info(
                "ran a submission",
                extra={
                    "fields": {
                        "token": submission.token,
                        "status": DESCRIPTIONS[submission.status],
                        "exit_code": ending.exit_code,
                        "exit_signal": ending.exit_signal,
                        "seconds": ending.wall_seconds,
                        "cpu_seconds": ending.cpu_seconds,
                        "memory_kib": ending.memory_kib,
                    }
                },
            )
        finally:
            submission.finished_at = time.monotonic()
            self._running.pop(submission.token, None)
            self._kept[submission.token] = submission
            self._evict()
            submission.done.set()

    def _evict(self) -> None:
        too_old = time.monotonic() - self._settings.kept_seconds
        weight = sum(kept.weight for kept in self._kept.values())
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if (
                oldest.finished_at >= too_old
                and len(self._kept) <= self._settings.kept_results
                and weight <= self._settings.kept_bytes
            ):
                return
            weight -= oldest.weight
            del self._kept[oldest.token]

    async def close(self) -> None:
        """End what runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _lines(text: bytes) -> list[bytes]:
    """As Judge0 compares output: white space at the ends of lines and of the whole does not count."""
    return [line.rstrip() for line in text.rstrip().split(b"\n")]
