"""Turns when Supabase hangs or asks to be asked again, and those that end before they have begun."""

import asyncio
from typing import Any

import httpx
import pytest
import respx

from app import turns
from app.auth import Caller
from app.config import Settings
from app.services import db
from app.services.leases import AnswerRow, LabRow, Snapshot
from app.services.model import Model
from app.turns import Turn, Turns
from tests.answer_row import ROW_ID, RUNNING, TABLE, WORKSPACE_ID, tell, written
from tests.respx_server import hang

CONFLICT = httpx.Response(409, json={"code": "40P01", "message": "deadlock detected"})
ADA = Caller("ada", "token", 2**40)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn writes what it has at once, and gives a query up soon."""
    monkeypatch.setattr(turns, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(db, "DETACHED_SECONDS", 0.1)


async def no_work(turn: Turn) -> None:
    """Work that is done at once."""


async def forever(turn: Turn) -> None:
    """Work that has no end."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("dead", ["silent", "cut"])
def test_a_supabase_that_never_answers_keeps_no_turn(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    monkeypatch.setattr(turns, "LAST_WRITE_SECONDS", 0.2)
    silent: Any = hang if dead == "silent" else httpx.ReadError
    upstream.patch(TABLE).mock(side_effect=silent)
    upstream.get(TABLE).mock(side_effect=silent)

    async def story(row: AnswerRow) -> None:
        turn = Turn(row, Snapshot("streaming"), "complete")
        await turn.run(no_work, 10)
        assert (turn.state.status, turn.state.failure) == ("failed", "interrupted")

    tell(story)


def test_a_supabase_that_never_answers_keeps_no_tokens_from_being_settled(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.post("/rest/v1/rpc/reserve_tokens").respond(200, json="the-reservation")
    upstream.post("/rest/v1/rpc/settle_tokens").mock(side_effect=hang)
    monkeypatch.setattr(db, "DETACHED_SECONDS", 60.0)  # of the session that sets them aside

    async def story(row: AnswerRow) -> None:
        monkeypatch.setattr(db, "DETACHED_SECONDS", 0.1)
        async with asyncio.timeout(5), Model(Settings()).allow(row.session, 1000) as allowance:
            await allowance.settle()

    tell(story)


def test_a_write_that_hangs_is_sent_again(upstream: respx.Router) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return await hang(request) if len(asked) == 1 else httpx.Response(200, json=RUNNING)

    upstream.patch(TABLE).mock(side_effect=answer)

    async def story(row: AnswerRow) -> None:
        turn = Turn(row, Snapshot("streaming"), "complete")
        await turn.run(no_work, 10)
        assert turn.state.status == "complete"

    tell(story)


def test_an_end_that_meets_a_conflict_is_written_again(upstream: respx.Router) -> None:
    finished = upstream.post("/rest/v1/rpc/finish_generation")
    finished.mock(side_effect=[CONFLICT, CONFLICT, httpx.Response(200, json="in_progress")])

    async def work(turn: Turn) -> None:
        turn.result |= {"generated_content": {"cards": []}, "title": "Maps", "solution": None}

    async def story(row: AnswerRow) -> None:
        lab = LabRow(row.session, ROW_ID, WORKSPACE_ID, "the-turn")
        turn = Turn(lab, Snapshot("generating"), "in_progress")
        await turn.run(work, 10)
        assert turn.state.status == "in_progress"

    tell(story)
    assert len(finished.calls) == 3


@pytest.mark.parametrize(("why", "status"), [("stopped", "stopped"), ("interrupted", "failed")])
def test_a_turn_ends_as_it_was_told_to_before_its_first_step(upstream: respx.Router, why: Any, status: str) -> None:
    route = upstream.patch(TABLE).respond(200, json=RUNNING)

    async def story(row: AnswerRow) -> None:
        turn = Turn(row, Snapshot("streaming"), "complete")
        running = asyncio.create_task(turn.run(forever, 10))
        asyncio.get_running_loop().call_soon(turn.end, why)  # after `run` has begun, before its work has
        await running
        assert turn.state.status == status

    tell(story)
    assert written(route)[-1]["status"] == status


def test_a_turn_that_begins_after_the_grace_is_interrupted(upstream: respx.Router) -> None:
    upstream.patch(TABLE).respond(200, json=RUNNING)

    async def story(row: AnswerRow) -> None:
        worker = Turns(Settings(TURN_GRACE=0))
        with worker.admit(ADA) as places:
            worker.drain()
            await asyncio.sleep(0.01)  # the grace is over
            turn = Turn(row, Snapshot("streaming"), "complete")
            worker.start(turn, ADA, forever, places.pop_all())
        await turn.wait()
        assert turn.state.failure == "interrupted"

    tell(story)
