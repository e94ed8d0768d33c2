"""The language model: what it is asked, what is taken of its answers, what they cost, and what its refusals mean."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import respx
from aiohttp import web
from prometheus_client import REGISTRY

from app.config import Settings
from app.errors import ProblemError
from app.lab_errors import ModelNotConfiguredError, QuotaExceededError
from app.services import model as module
from app.services.db import Session
from app.services.model import Allowance, Message, Model, Shape
from dev.processes import free_port
from tests import scripted_model
from tests.answer_row import AWAY, open_row, written
from tests.conftest import server
from tests.model_answers import TOOL, call, streamed
from tests.routes.exchange import raised

BACKEND = Path(__file__).parents[2]
COMPLETIONS = "/v1/chat/completions"
QUESTION = [Message("user", "Why?" * 10)]
COST_OF_READING = (len("You are a tutor.") + len("Why?" * 10)) // 3
"""Tokens, where the model does not count."""
SHAPE = Shape(TOOL, "A quiz.", {"type": "object", "properties": {"a": {"type": "integer"}}})

Story = Callable[[Model, Allowance], Awaitable[None]]

pytestmark = pytest.mark.usefixtures("model_libraries")


def test_what_talks_to_the_model_is_not_imported_at_start() -> None:
    program = "import sys, app.main; sys.exit(any(name in sys.modules for name in ('pydantic_ai', 'openai')))"
    assert subprocess.run([sys.executable, "-c", program], cwd=BACKEND).returncode == 0


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[tuple[Model, Session]]:
    """A model that answers as the test's router says, or with the settings given, and a caller's session."""
    usual = {"AI_MODEL": "a-model", "AI_BASE_URL": f"{server.url}/v1", "AI_API_KEY": "the-key"}
    model = Model(Settings(**usual | settings))
    async with asyncio.timeout(20), open_row() as row:
        try:
            yield model, row.session
        finally:
            await model.close()


def tell(story: Story, **settings: Any) -> Allowance:
    """Run the story; what it has used."""

    async def run() -> Allowance:
        async with opened(**settings) as (model, session):
            allowance = Allowance(session, "the-reservation")
            await story(model, allowance)
            return allowance

    return asyncio.run(run())


@asynccontextmanager
async def scripted() -> AsyncIterator[str]:
    """The scripted model in this event loop: its address."""
    runner = web.AppRunner(scripted_model.create_app(), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def answering(told: list[str], most: int = 1000) -> Story:
    """The story of a question that is answered."""

    async def story(model: Model, allowance: Allowance) -> None:
        await model.answer("You are a tutor.", QUESTION, allowance, told.append, most)

    return story


def writing(written: list[str], begun: list[bool] | None = None) -> Story:
    """The story of an object that is asked for."""

    async def story(model: Model, allowance: Allowance) -> None:
        def begin() -> None:
            if begun is not None:
                begun.append(True)

        written.append(await model.write("You are a tutor.", QUESTION, SHAPE, allowance, begin))

    return story


def problem_of(story: Story, **settings: Any) -> tuple[ProblemError, int]:
    """What the story ends with, and what it has used by then."""
    found: list[Any] = []

    async def caught(model: Model, allowance: Allowance) -> None:
        with pytest.raises(ProblemError) as refusal:
            await story(model, allowance)
        found.append(refusal.value)

    used = tell(caught, **settings).used
    return found[0], used


def test_the_conversation_is_asked_as_it_is_and_the_answer_told_in_pieces(upstream: respx.Router) -> None:
    asked = upstream.post(COMPLETIONS).mock(return_value=streamed("Be", "cause.", tokens=42))
    told: list[str] = []

    async def story(model: Model, allowance: Allowance) -> None:
        said = [Message("user", "A map?"), Message("assistant", "Which?"), Message("user", "This.")]
        await model.answer("You are a tutor.", said, allowance, told.append, 1000)

    tell(story, AI_MAX_TOKENS=77)
    assert told == ["Be", "cause."]
    (body,) = written(asked)
    assert body["model"] == "a-model"
    assert body.get("max_completion_tokens", body.get("max_tokens")) == 77
    assert "tools" not in body
    assert [(each["role"], each["content"]) for each in body["messages"]] == [
        ("system", "You are a tutor."),
        ("user", "A map?"),
        ("assistant", "Which?"),
        ("user", "This."),
    ]
    assert asked.calls.last.request.headers["authorization"] == "Bearer the-key"


def test_an_object_is_asked_for_by_its_shape_and_nothing_else_is_allowed(upstream: respx.Router) -> None:
    asked = upstream.post(COMPLETIONS).mock(
        return_value=streamed(call('{"a"', begins=True), call(": 1}"), finish="tool_calls")
    )
    objects: list[str] = []
    begun: list[bool] = []
    tell(writing(objects, begun))
    assert objects == ['{"a": 1}']
    assert begun
    (body,) = written(asked)
    (tool,) = body["tools"]
    assert tool["function"]["name"] == "quiz_lab"
    assert tool["function"]["parameters"]["properties"] == SHAPE.schema["properties"]
    assert body["tool_choice"] == "required"


def test_a_folder_of_prompts_replaces_those_that_it_holds(tmp_path: Path) -> None:
    (tmp_path / "tutor.md").write_text("Be brief. 🙂", encoding="utf-8")
    own, ours = Model(Settings(PROMPTS_FOLDER=tmp_path)), Model(Settings())
    assert own.instructions("tutor") == "Be brief. 🙂"
    assert own.instructions("quiz_lab") == ours.instructions("quiz_lab")
    assert ours.instructions("tutor") != own.instructions("tutor")


def test_without_the_name_of_a_model_there_is_none() -> None:
    with pytest.raises(ModelNotConfiguredError):
        asyncio.run(Model(Settings(AI_MODEL=None)).open())


def test_all_who_come_first_wait_for_one_client() -> None:
    async def story(model: Model, allowance: Allowance) -> None:
        first, second = await asyncio.gather(model.open(), model.open())
        assert first is second is await model.open()

    tell(story)


def test_a_connection_has_a_time_of_its_own() -> None:
    async def story(model: Model, allowance: Allowance) -> None:
        times = (await model.open()).client.timeout
        assert (times.connect, times.read) == (3.5, None)

    tell(story, AI_CONNECT_TIMEOUT=3.5)


def object_in(upstream: respx.Router, *deltas: Any, finish: str = "tool_calls") -> str:
    """What is taken of an answer to a question for an object."""
    upstream.post(COMPLETIONS).mock(return_value=streamed(*deltas, finish=finish))
    objects: list[str] = []
    tell(writing(objects))
    (taken,) = objects
    return taken


def test_what_is_said_before_the_object_is_none_of_it(upstream: respx.Router) -> None:
    assert object_in(upstream, "Here {it} is: ", call('{"a": ', begins=True), call("1}")) == '{"a": 1}'


def test_what_is_said_after_the_object_follows_it(upstream: respx.Router) -> None:
    assert object_in(upstream, call('{"a": 1}', begins=True), " Enjoy!", finish="stop") == '{"a": 1} Enjoy!'


def test_arguments_that_come_as_an_object_are_taken_too(upstream: respx.Router) -> None:
    assert object_in(upstream, call({"a": 1}, begins=True)) == '{"a": 1}'


def test_a_text_instead_of_the_object_is_what_was_written(upstream: respx.Router) -> None:
    assert object_in(upstream, "I would ", "rather not.", finish="stop") == "I would rather not."


def test_what_a_column_cannot_hold_is_left_out(upstream: respx.Router) -> None:
    upstream.post(COMPLETIONS).mock(return_value=streamed("a\0b", "\0", "c\ud800d"))
    told: list[str] = []
    tell(answering(told))
    assert "".join(told) == "abcd"
    assert "" not in told


def test_a_model_without_end_is_left_when_there_is_enough() -> None:
    told: list[str] = []

    async def run() -> None:
        async with scripted() as url, opened(AI_BASE_URL=url, AI_MODEL="endless") as (model, session):
            await answering(told, most=500)(model, Allowance(session, "x"))

    asyncio.run(run())
    assert 500 <= len("".join(told)) < 600


def test_tokens_that_the_model_counts_are_those_that_were_used(upstream: respx.Router) -> None:
    upstream.post(COMPLETIONS).mock(return_value=streamed("Because.", tokens=42))
    assert tell(answering([])).used == 42


def test_tokens_that_nobody_counts_are_guessed_on_the_safe_side(upstream: respx.Router) -> None:
    upstream.post(COMPLETIONS).mock(return_value=streamed("x" * 300))
    assert tell(answering([])).used == COST_OF_READING + 100


def test_all_answers_of_a_turn_add_up(upstream: respx.Router) -> None:
    upstream.post(COMPLETIONS).mock(return_value=streamed("Because.", tokens=42))

    async def story(model: Model, allowance: Allowance) -> None:
        for _ in range(3):
            await answering([])(model, allowance)

    assert tell(story).used == 3 * 42


def reserving(upstream: respx.Router) -> tuple[respx.Route, respx.Route]:
    """Where tokens are set aside, and where it is said what was used."""
    reserved = upstream.post("/rest/v1/rpc/reserve_tokens").respond(200, json="the-reservation")
    return reserved, upstream.post("/rest/v1/rpc/settle_tokens").respond(204)


def test_what_a_turn_can_cost_is_set_aside_and_left_to_the_turn(upstream: respx.Router) -> None:
    reserved, settled = reserving(upstream)

    async def story(model: Model, allowance: Allowance) -> None:
        async with model.allow(allowance.session, 3000, answers=2) as own:
            assert (own.id, own.used) == ("the-reservation", 0)

    tell(story, AI_MAX_TOKENS=100, AI_TOKENS_PER_DAY=5000)
    assert written(reserved) == [{"amount": 2 * 100 + 1000, "per_day": 5000}]
    assert not settled.calls


def test_a_turn_that_cannot_begin_gives_its_tokens_back(upstream: respx.Router) -> None:
    _, settled = reserving(upstream)

    async def story(model: Model, allowance: Allowance) -> None:
        with pytest.raises(asyncio.CancelledError):
            async with model.allow(allowance.session, 0):
                raise asyncio.CancelledError

    tell(story)
    assert written(settled) == [{"reservation": "the-reservation", "used": 0}]


def test_what_was_used_is_said_and_counted(upstream: respx.Router, caplog: pytest.LogCaptureFixture) -> None:
    _, settled = reserving(upstream)
    before = REGISTRY.get_sample_value("aide_ai_tokens_total") or 0

    async def story(model: Model, allowance: Allowance) -> None:
        allowance.used = 42
        await allowance.settle()
        settled.mock(return_value=AWAY)
        await allowance.settle()

    tell(story)
    assert written(settled) == [{"reservation": "the-reservation", "used": 42}] * 2
    assert REGISTRY.get_sample_value("aide_ai_tokens_total") == before + 84
    assert "could not be settled" in caplog.text


class Frozen(datetime):
    """A clock that does not go."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 11, 24, 23, 59, 59, 500_000, UTC)


def test_who_has_used_up_the_day_may_come_again_after_midnight(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "datetime", Frozen)
    upstream.post("/rest/v1/rpc/reserve_tokens").mock(return_value=raised(429, "quota_exceeded"))

    async def story(model: Model, allowance: Allowance) -> None:
        async with model.allow(allowance.session, 0):
            pass

    refusal, _ = problem_of(story)
    assert isinstance(refusal, QuotaExceededError)
    assert refusal.headers == {"Retry-After": "1"}


def failing(status: int, code: str | None = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "secret", "code": code}}, headers=headers)


@pytest.mark.parametrize(
    ("answer", "code", "wait"),
    [
        (failing(401), "model_refused", None),
        (failing(400), "model_refused", None),
        (failing(402), "model_refused", None),
        (failing(429, "insufficient_quota"), "model_refused", None),
        (failing(429), "model_rate_limited", None),
        (failing(429, **{"Retry-After": "7"}), "model_rate_limited", "7"),
        (failing(429, **{"retry-after-ms": "100"}), "model_rate_limited", "1"),
        (failing(500), "model_unavailable", None),
        (failing(503), "model_unavailable", None),
    ],
)
def test_a_refusal_says_who_can_help_costs_nothing_and_is_not_repeated(
    upstream: respx.Router, caplog: pytest.LogCaptureFixture, answer: httpx.Response, code: str, wait: str | None
) -> None:
    asked = upstream.post(COMPLETIONS).mock(return_value=answer)
    caplog.set_level(logging.INFO)
    refusal, used = problem_of(answering([]))
    assert (refusal.code, used) == (code, 0)
    assert refusal.headers == ({"Retry-After": wait} if wait else type(refusal)().headers)
    assert len(asked.calls) == 1
    assert f"status {answer.status_code}" in caplog.text
    assert "secret" not in caplog.text


def test_a_model_that_is_not_reached_costs_nothing() -> None:
    refusal, used = problem_of(answering([]), AI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    assert (refusal.code, used) == ("model_unavailable", 0)


def test_an_answer_that_breaks_off_costs_what_was_read_and_written() -> None:
    told: list[str] = []

    async def run() -> tuple[str, int]:
        async with scripted() as url, opened(AI_BASE_URL=url, AI_MODEL="cut") as (model, session):
            allowance = Allowance(session, "x")
            with pytest.raises(ProblemError) as refusal:
                await answering(told)(model, allowance)
            return refusal.value.code, allowance.used

    code, used = asyncio.run(run())
    assert (code, told) == ("model_unavailable", ["w0 ", "w1 ", "w2 "])
    assert used == (len("You are a tutor.") + 40 + 9) // 3


@pytest.mark.parametrize(
    ("name", "timeout", "told"),
    [("silent", "AI_FIRST_TOKEN_TIMEOUT", []), ("words-4-0", "AI_TOKEN_TIMEOUT", ["w0 ", "w1 "])],
)
def test_a_model_that_does_not_go_on_is_given_up(name: str, timeout: str, told: list[str]) -> None:
    heard: list[str] = []

    async def run() -> str:
        async with (
            scripted() as url,
            opened(AI_BASE_URL=url, AI_MODEL=name, **{timeout: 0.3}) as (model, session),
        ):
            said = [Message("user", "Hold: me")]
            with pytest.raises(ProblemError, match="did not go on in time") as refusal:
                await model.answer("You are a tutor.", said, Allowance(session, "x"), heard.append, 1000)
            return refusal.value.code

    assert asyncio.run(run()) == "model_unavailable"
    assert heard == told
