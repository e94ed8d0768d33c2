"""The code runner: Judge0's API, as its documentation and its source say (judge0/judge0, app/controllers).

Submit, then poll: waiting within one request may be turned off (`ENABLE_WAIT_RESULT`). Texts go in base64, since Judge0
refuses to answer others that are not UTF-8. Languages are found by name, since their ids differ per instance.
"""

import asyncio
import base64
import binascii
import re
import time
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

import httpx

from app.config import Settings

FIRST_POLL, SLOWEST_POLL = 0.02, 1.0
"""Seconds before the first question for a result, and at most between two."""
FAILED_POLLS = 4
"""Questions in a row that may fail before a result is given up."""
LANGUAGES_SECONDS = 600.0
ANSWER_SECONDS = 10.0
"""Within which the runner has to answer one request."""
MAX_ANSWER_BYTES = 2 * 1024 * 1024

PYTHON = re.compile(r"Python \((\d+)\.(\d+)(?:\.\d+)?\b.*\)")
"""`Python (3.8.1)`, `Python (3.11.3 for WebAssembly)`; not `Python for ML (3.7.7)`."""
OLDEST_PYTHON = (3, 8)


class RunnerError(Exception):
    """The runner cannot be used now; whatever was to run is not to blame. The message is for the log."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds, when the runner has said so."""


class Ending(Enum):
    """How a program ended."""

    EXIT = "exit"
    """By itself, whatever its exit code."""
    TIME_LIMIT = "time limit"
    OUTPUT_LIMIT = "output limit"
    STACK_OVERFLOW = "stack overflow"
    CRASH = "crash"


# Judge0's statuses that end a submission (app/enumerations/status.rb); 1 and 2 say that it waits or runs. 13 and 14 are
# faults of the instance.
ENDINGS = {
    3: Ending.EXIT,  # Accepted
    4: Ending.EXIT,  # Wrong Answer
    5: Ending.TIME_LIMIT,
    6: Ending.CRASH,  # Compilation Error: scripts have none
    7: Ending.STACK_OVERFLOW,  # SIGSEGV
    8: Ending.OUTPUT_LIMIT,  # SIGXFSZ
    9: Ending.CRASH,  # SIGFPE
    10: Ending.CRASH,  # SIGABRT
    11: Ending.EXIT,  # NZEC
    12: Ending.CRASH,  # Other: SIGKILL for want of memory
}
PENDING = {1, 2}


@dataclass(frozen=True)
class Outcome:
    """What came of a program."""

    ending: Ending
    stdout: bytes
    seconds: float | None
    """By the clock, where the runner says so, else of CPU."""


class Runner:
    """Runs Python programs on a Judge0. As a context it closes `client`.

    `client` has the instance's address as its `base_url` and does not follow redirects. Without one there is no runner,
    and every run says so.
    """

    def __init__(self, client: httpx.AsyncClient | None, token: str | None = None, seconds: float = 20.0) -> None:
        """`seconds` are those that a run may take in all, waiting for its turn included."""
        self._client = client
        self._seconds = seconds
        self._headers = {"X-Auth-Token": token} if token else {}
        self._language: tuple[int, float] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The runner that the settings name."""
        if not settings.RUNNER_URL:
            return cls(None)
        client = httpx.AsyncClient(
            base_url=settings.RUNNER_URL,
            headers={"Accept-Encoding": "identity"},  # so that what is read is what is held
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=settings.CONNECT_TIMEOUT),
            limits=httpx.Limits(max_connections=settings.MAX_RUNS),
            proxy=settings.proxy_to(settings.RUNNER_URL),
            trust_env=False,
        )
        token = settings.RUNNER_TOKEN
        return cls(client, token.get_secret_value() if token else None, settings.RUN_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client:
            await self._client.aclose()

    async def run(
        self, source: str, stdin: str, *, cpu_seconds: float, wall_seconds: float, memory_kib: int
    ) -> Outcome:
        """Run a program to its end. Raises `RunnerError`."""
        submission = {
            "source_code": _encode(source),
            "stdin": _encode(stdin),
            "cpu_time_limit": cpu_seconds,
            "wall_time_limit": wall_seconds,
            "memory_limit": memory_kib,
        }
        try:
            async with asyncio.timeout(self._seconds):
                return await self._result(await self._submit(submission))
        except TimeoutError:
            raise RunnerError(f"the runner has given no result within {self._seconds:g} s") from None

    async def check(self) -> None:
        """Ask whether it could run something now. Raises `RunnerError`."""
        self._language = None
        await self._python()

    async def _submit(self, submission: dict[str, Any]) -> str:
        cached = self._language is not None
        answer = await self._call(
            "POST", "/submissions?base64_encoded=true&wait=false", submission | {"language_id": await self._python()}
        )
        if answer.status_code == 422 and cached and "language_id" in answer.text:
            self._language = None  # another instance, or another version, answers now
            return await self._submit(submission)
        token = _json(answer).get("token") if answer.status_code == 201 else None
        if not isinstance(token, str) or not re.fullmatch(r"[\w-]{1,64}", token):
            raise _refused("a submission", answer)
        return token

    async def _result(self, token: str) -> Outcome:
        path = f"/submissions/{token}?base64_encoded=true&fields=status,stdout,time,wall_time,message"
        pause, failed = FIRST_POLL, 0
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_POLL)
            try:
                answer = await self._call("GET", path)
                if answer.status_code >= 500:
                    raise _refused("a question for a result", answer)
            except RunnerError:
                failed += 1
                if failed == FAILED_POLLS:
                    raise
                continue
            failed = 0
            if answer.status_code != 200:
                raise _refused("a question for a result", answer)
            body = _json(answer)
            status = body.get("status")
            number = status.get("id") if isinstance(status, dict) else None
            if number in PENDING:
                continue
            if number not in ENDINGS:
                message = _decode(body.get("message")).decode(errors="replace")[:200]
                raise RunnerError(f"the runner has failed with status {number}: {message}")
            return Outcome(
                ENDINGS[number],
                _decode(body.get("stdout")),
                _seconds(body.get("wall_time")) or _seconds(body.get("time")),
            )

    async def _python(self) -> int:
        now = time.monotonic()
        if self._language and now < self._language[1]:
            return self._language[0]
        answer = await self._call("GET", "/languages")
        languages = _parsed(answer) if answer.status_code == 200 else None
        if not isinstance(languages, list):
            raise _refused("the list of languages", answer)
        versions = {}
        for language in languages:
            if not isinstance(language, dict) or not isinstance(language.get("id"), int):
                continue
            match = PYTHON.fullmatch(str(language.get("name")))
            if match and (version := (int(match[1]), int(match[2]))) >= OLDEST_PYTHON:
                versions[version] = language["id"]
        if not versions:
            raise RunnerError("the runner has no Python of version 3.8 or newer")
        self._language = (versions[max(versions)], now + LANGUAGES_SECONDS)
        return self._language[0]

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        if self._client is None:
            raise RunnerError("RUNNER_URL is not set")
        try:
            async with self._client.stream(method, path, json=body, headers=self._headers) as answer:
                content = bytearray()
                async for piece in answer.aiter_raw():
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        raise RunnerError(f"the runner has answered with more than {MAX_ANSWER_BYTES} bytes")
        except httpx.HTTPError as error:
            raise RunnerError(f"the runner cannot be reached: {type(error).__name__} {error}") from error
        retry_after = {"Retry-After": answer.headers["Retry-After"]} if "Retry-After" in answer.headers else None
        return httpx.Response(answer.status_code, headers=retry_after, content=bytes(content))


def _refused(what: str, answer: httpx.Response) -> RunnerError:
    retry_after = answer.headers.get("Retry-After", "")
    return RunnerError(
        f"the runner has answered {what} with {answer.status_code}: {answer.text[:200]}",
        retry_after=float(retry_after) if re.fullmatch(r"\d{1,4}", retry_after) else None,
    )


def _parsed(answer: httpx.Response) -> Any:
    """The JSON of an answer, or None when it is none that can be read."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _json(answer: httpx.Response) -> dict[str, Any]:
    body = _parsed(answer)
    if not isinstance(body, dict):
        raise _refused("a request", answer)
    return body


def _encode(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode()


def _decode(text: object) -> bytes:
    """Judge0 breaks base64 into lines of 60 characters."""
    try:
        return base64.b64decode(text) if isinstance(text, str) else b""
    except binascii.Error:
        return b""


def _seconds(value: object) -> float | None:
    """Judge0 writes decimals as strings."""
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
