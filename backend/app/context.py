"""What is known of one request: one typed object, made by the middleware, for whoever has the request."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import Scope

from app.auth import Caller
from app.lanes import Lane
from app.memory import Share


@dataclass(slots=True)
class Context:
    """One request, from its first byte to its log line."""

    id: str
    """`X-Request-ID`: the client's own where it is well formed, else made here."""
    path: str
    """The path as the routes know it, without what a proxy takes off."""
    lane: Lane
    memory: Share
    deadline: asyncio.Timeout
    """When the request is answered 504, or cut off once its answer has begun."""
    is_head: bool = False
    """Whether only the headers of the answer are wanted. Routes see a GET."""
    trace: str | None = None
    """`traceparent`, where it is one (W3C Trace Context)."""
    code: str | None = None
    """The code of the problem that it was answered with."""
    upstream_seconds: float = 0.0
    """How long Supabase took over this request's queries, in all."""
    caller: Caller = field(init=False, repr=False)
    """Who sends it, once the token was verified: every route under `/v1` has one, and no other route."""

    @staticmethod
    def of(scope: Scope) -> "Context":
        """The context of this request."""
        context: Context = scope["state"]["context"]
        return context

    def identity(self) -> dict[str, str]:
        """The headers that say to Supabase who asks, and by which request."""
        headers = {"Authorization": f"Bearer {self.caller.token}", "X-Request-ID": self.id}
        if self.trace:
            headers["traceparent"] = self.trace
        return headers

    def allow(self, seconds: float) -> None:
        """Move the deadline: so many seconds from now."""
        move(self.deadline, seconds)

    @contextmanager
    def allowing(self, seconds: float) -> Iterator[None]:
        """Within it the deadline is so many seconds from now, and after it the lane's own, from then."""
        self.allow(seconds)
        yield
        self.allow(self.lane.seconds)


def move(deadline: asyncio.Timeout, seconds: float) -> None:
    """Move a deadline to so many seconds from now, give or take a tenth: an answer of a model moves its deadlines with
    every word, and each move costs as much as the word."""
    moment = asyncio.get_running_loop().time() + seconds
    set_to = deadline.when()
    if set_to is None or abs(moment - set_to) > seconds / 10:
        deadline.reschedule(moment)
