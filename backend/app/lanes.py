"""Lanes: kinds of requests that have limits of their own, so that long ones take no place from short ones."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import OverloadedError, TooManyRequestsError


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """The limits of one kind of request, in one worker."""

    seconds: float
    """Until a request is answered 504, unless its route moves the deadline."""
    places: int
    """Requests at the same time; one more is answered 503."""
    places_per_user: int
    """The same of one user; one more is answered 429."""
    body_bytes: int
    """The largest body; a larger one is answered 413."""
    streamed: bool = False
    """Whether routes take the body piece by piece. Else it is held whole, and counts as memory."""
    pattern: str = ""
    """Which requests belong to it: a regular expression for `METHOD /path`. The ordinary lane has none."""


class Lanes:
    """All lanes of an application. A request belongs to the first whose pattern fits it, else to the ordinary one."""

    def __init__(self, ordinary: Lane, others: Sequence[Lane]) -> None:
        self.ordinary = ordinary
        self._others = others
        self._pattern = re.compile("|".join(f"({lane.pattern})" for lane in others))

    def find(self, method: str, path: str) -> Lane:
        """The lane of this request."""
        found = self._pattern.fullmatch(f"{method} {path}")
        return self._others[found.lastindex - 1] if found and found.lastindex else self.ordinary

    def __iter__(self) -> Iterator[Lane]:
        yield self.ordinary
        yield from self._others


class Places:
    """Places for one kind of work, and who has them."""

    def __init__(self, most: int, most_of_user: int) -> None:
        self._most = most
        self._most_of_user = most_of_user
        self._taken = 0
        self._users: Counter[str] = Counter()

    @contextmanager
    def take(self, *, always: bool = False) -> Iterator[None]:
        """Hold a place. Raises `OverloadedError` when none is free, unless it is given `always`."""
        if self._taken >= self._most and not always:
            raise OverloadedError(
                f"The gateway serves {self._most} requests of this kind at once and has as many."
                " Wait for `Retry-After` seconds."
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @contextmanager
    def take_of_user(self, user_id: str) -> Iterator[None]:
        """Hold one of the user's own places. Raises `TooManyRequestsError` when none is free."""
        if self._users[user_id] >= self._most_of_user:
            raise TooManyRequestsError(
                f"You have {self._most_of_user} requests of this kind running, the most there may be."
                " Wait for `Retry-After` seconds."
            )
        self._users[user_id] += 1
        try:
            yield
        finally:
            self._users[user_id] -= 1
            if not self._users[user_id]:
                del self._users[user_id]
