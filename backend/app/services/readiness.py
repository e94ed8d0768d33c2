"""Whether each part of Supabase can serve."""

import asyncio
import time
from collections.abc import Awaitable

from app.auth import Verifier
from app.errors import NotReadyError, ProblemError
from app.services.db import SCHEMA_VERSION, Database

READY_TIMEOUT = 1.5
"""Seconds that each part has to answer; both are asked at the same time."""
READY_SECONDS = 1.0
"""How long an answer is given to whoever asks next."""


class Readiness:
    """What keeps Supabase from serving, if anything. Anybody may want to know, without a token and as often as they
    like: so Supabase is asked once at a time, and its answer is good for `READY_SECONDS`."""

    def __init__(self, database: Database, verifier: Verifier) -> None:
        self._database = database
        self._verifier = verifier
        self._asking: asyncio.Task[str | None] | None = None
        self._answered_at = 0.0

    async def fault(self) -> str | None:
        """What is wrong, or None."""
        is_old = time.monotonic() - self._answered_at > READY_SECONDS
        if not self._asking or (self._asking.done() and is_old):
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str | None:
        faults = await asyncio.gather(
            _fault("login service", self._verifier.check()), _fault("data API", self._check_schema())
        )
        self._answered_at = time.monotonic()
        return next(filter(None, faults), None)

    async def _check_schema(self) -> None:
        version = await self._database.schema_version()
        if version < SCHEMA_VERSION:
            raise NotReadyError(
                f"The database is at migration {version}, not {SCHEMA_VERSION}: `make migrate` applies it."
            )


async def _fault(part: str, check: Awaitable[None]) -> str | None:
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await check
    except NotReadyError as error:
        return error.detail
    except ProblemError as error:
        return f"Supabase's {part} does not serve: {error.detail}"
    except Exception as error:
        return f"Supabase's {part} does not answer ({type(error).__name__})."
    return None
