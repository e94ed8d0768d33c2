"""Bounded memory: what a worker holds of bodies that are parsed and of answers that are buffered, all together."""

import asyncio
import time
from collections import deque

from app.errors import OverloadedError

UNCOUNTED_BYTES = 64 * 1024
"""The first bytes of each body and each answer are not counted: most have no more."""

_STRUCTURE = (b"{", b"[", b",", b'"')
_OBJECT_BYTES = 48


def weight(json: bytes) -> int:
    """About how many bytes of memory this piece of JSON takes until it is parsed, validated and written again.

    An object of Python costs tens of bytes however short its text is, so what counts is how many there are.
    """
    return 2 * len(json) + _OBJECT_BYTES * sum(map(json.count, _STRUCTURE))


class Memory:
    """So many bytes for all requests of a worker, given out in the order in which they are asked for.

    Requests that hold some and wait for more cannot wait for each other for ever: when nobody else is at work, the
    first in the queue gets what it asks for beyond the total, and keeps that right until it ends. So a request that
    needs more than there is runs alone.
    """

    def __init__(self, total: int, patience: float) -> None:
        """`total` is in bytes, `patience` the seconds that a request waits for its parts, in all."""
        self._total = total
        self._patience = patience
        self._held = 0
        self._at_work = 0
        """Requests that hold some and wait for nothing."""
        self._beyond: Share | None = None
        """The one request that may go beyond the total."""
        self._waiting: deque[tuple[Share, int, asyncio.Future[None]]] = deque()

    def share(self) -> "Share":
        """A request's part, empty at first."""
        return Share(self, self._patience)

    async def take(self, share: "Share", size: int) -> None:
        """Wait until there are `size` more bytes for the share. Raises `OverloadedError`."""
        if share is self._beyond:
            self._held += size
            share.size += size
            return
        self._at_work -= share.size > 0
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((share, size, turn))
        self._serve()
        if turn.done():
            return
        started_at = time.monotonic()
        try:
            async with asyncio.timeout(share.patience):
                await turn
        except TimeoutError:
            raise OverloadedError(
                f"The gateway holds {self._total} bytes of large bodies and answers at once, and has as many. Wait for"
                " `Retry-After` seconds."
            ) from None
        finally:
            share.patience -= time.monotonic() - started_at
            if turn.cancelled():
                self._at_work += share.size > 0
                self._serve()

    def give_back(self, share: "Share") -> None:
        """Take back all that the share holds."""
        if share.size:
            self._held -= share.size
            self._at_work -= 1
            share.size = 0
        if share is self._beyond:
            self._beyond = None
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            share, size, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if self._held + size > self._total:
                if self._at_work:
                    return
                self._beyond = share
            self._waiting.popleft()
            self._held += size
            self._at_work += 1
            share.size += size
            turn.set_result(None)


class Share:
    """What one request holds."""

    __slots__ = ("_memory", "patience", "size")

    def __init__(self, memory: Memory, patience: float) -> None:
        self._memory = memory
        self.patience = patience
        """Seconds that it is still going to wait, in all."""
        self.size = 0

    async def grow(self, size: int) -> None:
        """Hold so many bytes more. Raises `OverloadedError` when they are not to be had in time."""
        await self._memory.take(self, size)

    def release(self) -> None:
        """Hold nothing any more."""
        if self.size:
            self._memory.give_back(self)
