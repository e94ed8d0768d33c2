"""The real runner, and ways to use it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.labs import code_lab
from app.services import code_runs
from app.services.runner import Runner
from dev.runner import CodeRunner

Attempt = Callable[..., code_lab.RunResult]


@pytest.fixture(scope="session")
def judge(service: CodeRunner) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


@pytest.fixture
def submit(judge: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Runs a program, and gives Judge0's answer."""

    def submit(source: str, **fields: Any) -> dict[str, Any]:
        body = {"source_code": source, "language_id": 71, "cpu_time_limit": 5, "wall_time_limit": 10} | fields
        answer = judge.post("/submissions?wait=true&fields=*", json=body)
        assert answer.status_code == 201, answer.text
        result: dict[str, Any] = answer.json()
        return result

    return submit


@pytest.fixture
def attempt(service: CodeRunner) -> Attempt:
    """Runs a learner's code against tests, as the gateway does."""

    def attempt(code: str, tests: str, *, cpu_seconds: float = 5, wall_seconds: float = 10) -> code_lab.RunResult:
        async def run() -> code_lab.RunResult:
            async with httpx.AsyncClient(base_url=service.url) as client:
                prepared = code_runs.prepare(code, tests)
                outcome = await Runner(client).run(
                    prepared.source,
                    prepared.stdin,
                    cpu_seconds=cpu_seconds,
                    wall_seconds=wall_seconds,
                    memory_kib=code_runs.MEMORY_KIB,
                )
                return code_runs.read_result(prepared, outcome)

        return asyncio.run(run())

    return attempt


def paths_of_the_host() -> list[str]:
    """What no answer may hold."""
    return [str(Path(__file__).parents[2]), str(Path.home()), "site-packages", "<string>", "harness"]
