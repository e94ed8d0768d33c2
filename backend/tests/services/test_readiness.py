"""One question to Supabase serves all who ask at the same time."""

import asyncio
from typing import Any, cast

from app.services.db import SCHEMA_VERSION
from app.services.readiness import Readiness


class Supabase:
    """Both parts of it, which answer once they may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked = 0

    async def check(self) -> None:
        await self.may_answer.wait()

    async def schema_version(self) -> str:
        self.asked += 1
        await self.may_answer.wait()
        return SCHEMA_VERSION


def test_one_who_goes_away_takes_the_answer_from_nobody_else() -> None:
    async def run() -> tuple[str | None, int]:
        supabase = Supabase()
        readiness = Readiness(cast("Any", supabase), cast("Any", supabase))
        first, second = (asyncio.create_task(readiness.fault()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        supabase.may_answer.set()
        return await second, supabase.asked

    assert asyncio.run(run()) == (None, 1)
