"""Turns over a data API by script: how each one ends, who is told, and what is written to its row."""

import asyncio
import threading

import httpx
import pytest
import respx

from app import turns
from app.lab_errors import ModelRefusedError, TurnTimeoutError
from app.services.leases import AnswerRow, Snapshot
from app.turns import Turn
from app.wire import stream_answer
from tests.answer_row import AWAY, REFUSED, ROW_ID, RUNNING, TABLE, begun, forever, tell, written


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn writes what it has at once."""
    monkeypatch.setattr(turns, "WRITE_SECONDS", 0.01)


@pytest.fixture
def writes(upstream: respx.Router) -> respx.Route:
    """What is written to the row, which the data API takes."""
    return upstream.patch(TABLE).respond(200, json=RUNNING)


def test_what_was_said_is_written_with_the_end_and_its_result(writes: respx.Route) -> None:
    async def work(turn: Turn) -> None:
        turn.show(content="Because.")
        turn.result["tokens"] = 7

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(work, 10)
        assert (turn.state.status, turn.state.content, turn.problem) == ("complete", "Because.", None)

    tell(story)
    assert written(writes)[-1] == {"content": "Because.", "tokens": 7, "status": "complete"}
    assert dict(writes.calls.last.request.url.params) == {
        "id": f"eq.{ROW_ID}",
        "status": "in.(streaming,stopping)",
        "select": "status",
    }


def test_what_there_is_is_written_meanwhile(upstream: respx.Router) -> None:
    asked = threading.Event()

    def take(request: httpx.Request) -> httpx.Response:
        asked.set()
        return httpx.Response(200, json=RUNNING)

    writes = upstream.patch(TABLE).mock(side_effect=take)

    async def work(turn: Turn) -> None:
        turn.show(content="Be")
        assert await asyncio.to_thread(asked.wait, 10)
        turn.show(content="Because.")

    tell(lambda row: begun(row).run(work, 10))
    assert written(writes)[0] == {"content": "Be"}
    assert written(writes)[-1]["content"] == "Because."


def test_a_refusal_before_it_begins_is_raised_and_written(writes: respx.Route) -> None:
    async def work(turn: Turn) -> None:
        raise ModelRefusedError

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        running = asyncio.create_task(turn.run(work, 10))
        with pytest.raises(ModelRefusedError):
            await turn.wait_for_begin()
        await running
        assert (turn.state.status, turn.state.failure) == ("failed", ModelRefusedError.code)

    tell(story)
    assert written(writes)[-1] == {"content": "", "status": "failed", "failure": ModelRefusedError.code}


def test_a_failure_after_it_began_is_for_its_listeners_alone(writes: respx.Route) -> None:
    async def work(turn: Turn) -> None:
        turn.begin()
        raise ModelRefusedError

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(work, 10)
        await turn.wait_for_begin()
        assert turn.state.failure == ModelRefusedError.code

    tell(story)


def test_nobody_waits_long_for_a_beginning(writes: respx.Route, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BEGIN_SECONDS", 0.01)

    async def work(turn: Turn) -> None:
        await asyncio.Event().wait()

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        running = asyncio.create_task(turn.run(work, 60))
        await turn.wait_for_begin()
        assert turn.state.is_running
        turn.end("stopped")
        await running

    tell(story)


def test_what_takes_too_long_fails(writes: respx.Route) -> None:
    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(forever, 0.05)
        assert (turn.state.content, turn.state.failure) == ("Well", TurnTimeoutError.code)

    tell(story)


def test_of_a_fault_of_ours_nothing_is_told_or_logged_but_its_kind(
    writes: respx.Route, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(turn: Turn) -> None:
        raise RuntimeError("a prompt")

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(work, 10)
        assert turn.state.failure == "internal_error"

    tell(story)
    assert "RuntimeError" in caplog.text
    assert "a prompt" not in caplog.text


def test_a_turn_that_is_asked_to_stop_by_its_row_stops(upstream: respx.Router) -> None:
    route = upstream.patch(TABLE).respond(200, json=[{"status": "stopping"}])

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(forever, 60)
        assert (turn.state.status, turn.state.content, turn.problem) == ("stopped", "Well", None)

    tell(story)
    assert written(route)[-1] == {"content": "Well", "status": "stopped"}


def test_a_turn_whose_row_is_taken_shows_how_that_ended_and_writes_no_more(upstream: respx.Router) -> None:
    route = upstream.patch(TABLE).respond(200, json=[])
    upstream.get(TABLE).respond(200, json=[{"status": "failed", "failure": "interrupted"}])

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(forever, 60)
        assert (turn.state.status, turn.state.failure) == ("failed", "interrupted")

    tell(story)
    assert written(route) == [{"content": "Well"}]


@pytest.mark.parametrize("found", [httpx.Response(200, json=[]), httpx.Response(200, json=RUNNING), AWAY])
def test_a_turn_whose_row_cannot_be_found_ended_was_interrupted(upstream: respx.Router, found: httpx.Response) -> None:
    upstream.patch(TABLE).respond(200, json=[])
    upstream.get(TABLE).mock(return_value=found)

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(forever, 60)
        assert (turn.state.status, turn.state.failure) == ("failed", "interrupted")
        assert turn.problem

    tell(story)


def test_a_failure_is_none_when_the_row_was_completed_by_somebody_else(upstream: respx.Router) -> None:
    upstream.patch(TABLE).respond(200, json=[])
    upstream.get(TABLE).respond(200, json=[{"status": "complete"}])

    async def work(turn: Turn) -> None:
        raise ModelRefusedError

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(work, 10)
        await turn.wait_for_begin()
        assert (turn.state.status, turn.state.failure) == ("complete", None)

    tell(story)


async def no_work(turn: Turn) -> None:
    """Work that is done at once."""


def test_the_end_is_written_again_until_supabase_is_back(upstream: respx.Router) -> None:
    route = upstream.patch(TABLE).mock(side_effect=[AWAY, AWAY, httpx.Response(200, json=RUNNING)])

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(no_work, 10)
        assert turn.state.status == "complete"

    tell(story)
    assert [each["status"] for each in written(route)] == ["complete"] * 3


def test_while_supabase_is_away_a_turn_goes_on(upstream: respx.Router) -> None:
    asked_twice = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if len(route.calls) > 1:
            asked_twice.set()
        return httpx.Response(200, json=RUNNING) if asked_twice.is_set() else AWAY

    route = upstream.patch(TABLE).mock(side_effect=answer)

    async def work(turn: Turn) -> None:
        assert await asyncio.to_thread(asked_twice.wait, 10)

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(work, 10)
        assert turn.state.status == "complete"

    tell(story)


@pytest.mark.parametrize(("answer", "seconds"), [(AWAY, 0.0), (REFUSED, 60.0)])
def test_an_end_that_cannot_be_written_is_given_up(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, seconds: float
) -> None:
    monkeypatch.setattr(turns, "LAST_WRITE_SECONDS", seconds)
    route = upstream.patch(TABLE).mock(return_value=answer)
    upstream.get(TABLE).respond(200, json=[{"status": "stopped"}])

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        await turn.run(no_work, 10)
        assert turn.state.status == "stopped"

    tell(story)
    assert len(route.calls) == 1


def test_listeners_see_each_change_to_the_end_and_are_told_of_silence(
    writes: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUIET_SECONDS", 0.01)
    told: list[str] = []

    async def story(row: AnswerRow) -> None:
        is_quiet = asyncio.Event()

        async def work(turn: Turn) -> None:
            turn.show(content="a")
            await is_quiet.wait()
            turn.show(content="ab")

        turn = begun(row)
        running = asyncio.create_task(turn.run(work, 10))
        async for state in turn.follow():
            if state:
                told.append(f"{state.status} {state.content}")
            else:
                is_quiet.set()
        await running

    tell(story)
    assert (told[0], told[-1]) == ("streaming ", "complete ab")
    assert "streaming a" in told
    assert len(told) == len(set(told))


def test_words_that_come_together_are_sent_together(writes: respx.Route) -> None:
    async def work(turn: Turn) -> None:
        for count in range(100):
            turn.show(content="word " * count)
            await asyncio.sleep(0)

    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        running = asyncio.create_task(turn.run(work, 10))
        sent = [piece async for piece in stream_answer(row.id, turn.follow()).body_iterator]
        assert sum(b"text-delta" in piece for piece in sent if isinstance(piece, bytes)) <= 10
        await running

    tell(story)


def test_a_first_end_is_the_one_that_counts(writes: respx.Route) -> None:
    async def story(row: AnswerRow) -> None:
        turn = begun(row)
        running = asyncio.create_task(turn.run(forever, 60))
        await turn.wait_for_begin()
        turn.end("stopped")
        turn.end("interrupted")
        await running
        assert turn.state.status == "stopped"

    tell(story)


def test_who_is_slow_is_told_the_end_too() -> None:
    async def story(row: AnswerRow) -> None:
        turn = Turn(row, Snapshot("streaming", content="one"), "complete")
        told = []
        async for state in turn.follow():
            assert state
            told.append((state.status, state.content))
            turn.show(status="complete", content="one two")  # while this listener was busy with the first
        assert told == [("streaming", "one"), ("complete", "one two")]

    tell(story)
