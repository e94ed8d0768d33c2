"""The language model: any that speaks OpenAI's API. What talks to it is imported when it is first used."""

import asyncio
import importlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from app import metrics
from app.config import Settings
from app.context import move
from app.errors import ProblemError
from app.lab_errors import (
    ModelNotConfiguredError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
    QuotaExceededError,
)
from app.services.db import Session

logger = logging.getLogger(__name__)

_MODULES = (
    "pydantic_ai",
    "pydantic_ai.direct",
    "pydantic_ai.tools",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "app.services.model_client",
)
_CHARACTERS_PER_TOKEN = 3
"""A guess on the safe side, for what is reserved and for models that count nothing."""
LOADING_SECONDS = 60.0
"""Within which the libraries are imported: a second or two, on a slow and busy machine many more."""
PROMPTS = Path(__file__).parents[1] / "prompts"
MAX_OBJECT = 1024 * 1024
"""Characters after which an object is not read on: none that can be kept is longer."""
_read_id = msgspec.json.Decoder(str).decode


class Message(msgspec.Struct, frozen=True):
    """A message of a conversation."""

    role: str
    """`user` or `assistant`."""
    content: str


@dataclass(slots=True)
class Allowance:
    """Tokens set aside for one turn."""

    session: Session
    id: str
    used: int = 0
    """What the model took, once that is known or guessed."""
    _settling: asyncio.Task[None] | None = None

    async def settle(self) -> None:
        """Tell the database what was used, even if the caller is cancelled meanwhile. When that fails, all that was set
        aside counts as used."""
        self._settling = asyncio.create_task(self._settle())
        await asyncio.shield(self._settling)

    async def _settle(self) -> None:
        try:
            await self.session.send(self.session.call("settle_tokens", {"reservation": self.id, "used": self.used}))
        except ProblemError as problem:
            logger.warning("used tokens could not be settled: %s", problem.code)
        metrics.ai_tokens.inc(self.used)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer is to look like."""

    name: str
    """A word, by which the model calls it."""
    description: str
    schema: dict[str, Any]
    """Its JSON Schema."""


class Model:
    """The language model of this gateway."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model: Any = None
        self._importing = asyncio.Lock()

    def instructions(self, part: str) -> str:
        """What the model is told of its part, such as `tutor`: the file of that name in PROMPTS_FOLDER, else ours."""
        own = self._settings.PROMPTS_FOLDER
        places = [folder / f"{part}.md" for folder in (own, PROMPTS) if folder]
        return next(place for place in places if place.exists()).read_text(encoding="utf-8")

    @asynccontextmanager
    async def allow(self, session: Session, characters: int, answers: int = 1) -> AsyncIterator[Allowance]:
        """Set tokens aside for a turn: for so many `answers`, and for requests of about so many `characters` in all.
        The turn settles them; when none begins, this does. Raises `QuotaExceededError`."""
        amount = answers * self._settings.AI_MAX_TOKENS + characters // _CHARACTERS_PER_TOKEN
        arguments = {"amount": amount, "per_day": self._settings.AI_TOKENS_PER_DAY}
        try:
            reserved = await session.read(session.call("reserve_tokens", arguments), _read_id, "reserve_tokens")
        except QuotaExceededError:
            now = datetime.now(UTC)
            midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            raise QuotaExceededError(headers={"Retry-After": str(int((midnight - now).total_seconds()) + 1)}) from None
        allowance = Allowance(session.detached(), reserved)
        try:
            yield allowance
        except BaseException:
            await allowance.settle()
            raise

    async def answer(
        self,
        instructions: str,
        messages: Sequence[Message],
        allowance: Allowance,
        tell: Callable[[str], None],
        most: int,
    ) -> None:
        """Have the model answer the last message, and `tell` each piece of text as it comes. After about `most`
        characters no more is read.

        Raises `ModelUnavailableError`, `ModelRateLimitedError` and `ModelRefusedError`.
        """
        await self._request(instructions, messages, None, allowance, tell, most)

    async def write(
        self,
        instructions: str,
        messages: Sequence[Message],
        shape: Shape,
        allowance: Allowance,
        begin: Callable[[], None],
    ) -> str:
        """Have the model answer with an object of this shape; its JSON, which may be of another shape after all.

        `begin` is called with each piece that comes: the model has not refused then. Raises as `answer` does.
        """
        return await self._request(instructions, messages, shape, allowance, lambda text: begin(), MAX_OBJECT)

    async def _request(
        self,
        instructions: str,
        messages: Sequence[Message],
        shape: Shape | None,
        allowance: Allowance,
        tell: Callable[[str], None],
        most: int,
    ) -> str:
        model = await self.open()
        from pydantic_ai import messages as parts
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.tools import ToolDefinition

        from app.services.model_client import hearing

        history: list[Any] = [parts.ModelRequest(parts=[parts.SystemPromptPart(instructions)])]
        for message in messages:
            if message.role == "user":
                history.append(parts.ModelRequest(parts=[parts.UserPromptPart(message.content)]))
            else:
                history.append(parts.ModelResponse(parts=[parts.TextPart(message.content)]))
        asked = None
        if shape:
            tool = ToolDefinition(
                name=shape.name,
                parameters_json_schema=shape.schema,
                description=shape.description,
                kind="output",
            )
            asked = ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
        read = len(instructions) + sum(len(message.content) for message in messages)
        said: list[str] = []
        written = used = 0
        has_begun = False

        def hear(text: str) -> bool:
            nonlocal written
            move(limit, self._settings.AI_TOKEN_TIMEOUT)
            if text := _storable(text):
                written += len(text)
                if shape:  # an answer is kept by whoever is told it
                    said.append(text)
                tell(text)
            return written < most

        # Of an object the libraries report every piece, in its order.
        hearing.set(None if shape else hear)
        try:
            async with asyncio.timeout(self._settings.AI_FIRST_TOKEN_TIMEOUT) as limit:
                settings: Any = {"max_tokens": self._settings.AI_MAX_TOKENS}
                async with model_request_stream(
                    model, history, model_settings=settings, model_request_parameters=asked
                ) as stream:
                    has_begun = True
                    async for event in stream:
                        if isinstance(event, parts.PartStartEvent) and isinstance(event.part, parts.ToolCallPart):
                            said.clear()  # what was said before the object is none of it
                        if not hear(_text_of(event, parts)):
                            break
                    used = stream.usage.total_tokens
        except TimeoutError:
            raise ModelUnavailableError("The language model did not go on in time. Ask again in a while.") from None
        except Exception as error:
            if not has_begun:
                read = 0  # it was refused, did not arrive, or nothing came of it
            raise self._problem(error) from None
        finally:
            allowance.used += used or (read + written) // _CHARACTERS_PER_TOKEN
        return "".join(said)

    async def open(self) -> Any:
        """What makes the requests; its libraries are imported for the first of them. Raises `ModelNotConfiguredError`
        when there is none."""
        if not self._settings.AI_MODEL:
            raise ModelNotConfiguredError
        async with self._importing:
            if self._model is None:
                started_at = time.perf_counter()
                for module in _MODULES:  # takes over a second, in which others are served
                    await asyncio.to_thread(importlib.import_module, module)
                self._model = self._build()
                logger.info("the model is ready after %.1f s", time.perf_counter() - started_at)
        return self._model

    async def close(self) -> None:
        """Close its connections, when no turn is left."""
        if self._model is not None:
            await self._model.client.close()

    def _build(self) -> Any:
        import openai
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        from app.services.model_client import open_client

        key = self._settings.AI_API_KEY
        client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else "unset",
            base_url=self._settings.AI_BASE_URL or "https://api.openai.com/v1",
            timeout=openai.Timeout(None, connect=self._settings.AI_CONNECT_TIMEOUT),
            max_retries=0,
            http_client=open_client(),
        )
        return OpenAIChatModel(self._settings.AI_MODEL or "", provider=OpenAIProvider(openai_client=client))

    def _problem(self, error: Exception) -> ProblemError:
        """What an error of the client means. Its text is never logged: it may hold what was asked."""
        from pydantic_ai import exceptions

        status = getattr(error, "status_code", None)
        logger.warning("the model failed: %s, status %s", type(error).__name__, status)
        if isinstance(error, exceptions.ModelRateLimitError):
            wait = error.retry_after
            return ModelRateLimitedError(headers={"Retry-After": str(max(1, round(wait)))} if wait else None)
        refusals = (exceptions.ModelRequestRejectedError, exceptions.ModelQuotaExceededError)
        return ModelRefusedError() if isinstance(error, refusals) else ModelUnavailableError()


def _text_of(event: Any, parts: Any) -> str:
    """The text or JSON that the event adds."""
    text: Any = ""
    added = getattr(event, "part", None) if isinstance(event, parts.PartStartEvent) else getattr(event, "delta", None)
    match added:
        case parts.TextPart():
            text = added.content
        case parts.ToolCallPart():
            text = added.args
        case parts.TextPartDelta():
            text = added.content_delta
        case parts.ToolCallPartDelta():
            text = added.args_delta
    if isinstance(text, dict):  # as some servers send arguments
        text = json.dumps(text)
    return text or ""


def _storable(text: str) -> str:
    """The text without what a column cannot hold."""
    return text.replace("\x00", "").encode(errors="ignore").decode()
