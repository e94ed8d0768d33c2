"""The turns of one gateway: who may begin one, where it is found, and how all end with the gateway or a token."""

import asyncio
import time

import pytest
import respx

from app import turns
from app.auth import Caller
from app.config import Settings
from app.errors import OverloadedError, TokenExpiredError, TooManyRequestsError
from app.lab_errors import TurnTimeoutError
from app.services.leases import AnswerRow
from app.turns import Turn, Turns
from tests.answer_row import RUNNING, TABLE, begun, forever, tell


@pytest.fixture
def writes(upstream: respx.Router) -> respx.Route:
    """What is written to the row, which the data API takes."""
    return upstream.patch(TABLE).respond(200, json=RUNNING)


def caller(seconds: float = 3600, user: str = "ada") -> Caller:
    return Caller(user, "token", int(time.time() + seconds))


def started(worker: Turns, user: Caller, row: AnswerRow) -> Turn:
    """A turn that the worker runs for ever."""
    turn = begun(row)
    with worker.admit(user) as places:
        worker.start(turn, user, forever, places.pop_all())
    return turn


@pytest.fixture
def settings() -> Settings:
    return Settings(MAX_TURNS=3, MAX_TURNS_PER_USER=2, TURN_GRACE=0.01)


def test_a_turn_holds_its_place_to_its_end(writes: respx.Route, settings: Settings) -> None:
    async def story(row: AnswerRow) -> None:
        worker, ada = Turns(settings), caller()
        turn = started(worker, ada, row)
        with worker.admit(ada):
            with pytest.raises(TooManyRequestsError):
                worker.admit(ada)
            with worker.admit(caller(user="bob")), pytest.raises(OverloadedError):
                worker.admit(caller(user="cyd"))
        assert worker.find(row.id) is turn
        await turn.wait_for_begin()
        turn.end("stopped")
        await worker.close()
        assert worker.find(row.id) is None
        assert turn.state.status == "stopped"

    tell(story)


def test_who_is_refused_for_himself_takes_nobodys_place(settings: Settings) -> None:
    async def story(row: AnswerRow) -> None:
        worker = Turns(settings)
        with worker.admit(caller()), worker.admit(caller()):
            for _ in range(3):
                with pytest.raises(TooManyRequestsError):
                    worker.admit(caller())
            with worker.admit(caller(user="bob")):
                pass

    tell(story)


@pytest.mark.parametrize(("seconds", "refused"), [(58, True), (63, False)])
def test_a_token_that_ends_soon_begins_no_turn(settings: Settings, seconds: float, refused: bool) -> None:
    async def story(row: AnswerRow) -> None:
        if refused:
            with pytest.raises(TokenExpiredError, match="60 seconds"):
                Turns(settings).admit(caller(seconds))
        else:
            Turns(settings).admit(caller(seconds)).close()

    tell(story)


def test_a_turn_ends_before_its_token(writes: respx.Route, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TOKEN_MARGIN", 3600.0)

    async def story(row: AnswerRow) -> None:
        worker, ada = Turns(settings), caller(3599)
        turn = started(worker, ada, row)
        await turn.wait()
        assert turn.state.failure == TurnTimeoutError.code
        await worker.close()

    tell(story)


def test_a_gateway_that_ends_begins_no_turn_and_interrupts_those_there_are(
    writes: respx.Route, settings: Settings
) -> None:
    async def story(row: AnswerRow) -> None:
        worker, ada = Turns(settings), caller()
        turn = started(worker, ada, row)
        worker.drain()
        with pytest.raises(OverloadedError):
            worker.admit(ada)
        await worker.close()
        assert (turn.state.content, turn.state.failure) == ("Well", "interrupted")

    tell(story)


def test_a_row_is_followed_where_it_is_written(writes: respx.Route, settings: Settings) -> None:
    async def story(row: AnswerRow) -> None:
        worker, ada = Turns(settings), caller()
        turn = started(worker, ada, row)
        await turn.wait_for_begin()
        shown = []
        async for state in worker.follow(row):
            shown.append(state and state.status)
            turn.end("stopped")
        assert shown == ["streaming", "stopped"]
        await worker.close()

    tell(story)
    assert {call.request.method for call in writes.calls} == {"PATCH"}


def test_a_turn_that_was_begun_again_is_the_one_that_is_found(writes: respx.Route, settings: Settings) -> None:
    async def story(row: AnswerRow) -> None:
        worker, ada = Turns(settings), caller()
        first = started(worker, ada, row)
        await first.wait_for_begin()
        second = started(worker, ada, row)
        await second.wait_for_begin()
        first.end("stopped")
        await first.wait()
        await asyncio.sleep(0)
        assert worker.find(row.id) is second
        await worker.close()

    tell(story)
