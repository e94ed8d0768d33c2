"""What a turn shows to whoever listens."""

import asyncio
from typing import Any

from app.services.leases import AnswerRow, Snapshot
from app.turns import Turn

SESSION: Any = None


def test_who_is_slow_is_told_the_end_too() -> None:
    async def follow() -> list[tuple[str, str]]:
        turn = Turn(AnswerRow(SESSION, "1", "1"), Snapshot("streaming", content="one"), "complete")
        told = []
        async for state in turn.follow():
            assert state
            told.append((state.status, state.content))
            turn.show(status="complete", content="one two")  # while this listener was busy with the first
        return told

    assert asyncio.run(follow()) == [("streaming", "one"), ("complete", "one two")]
