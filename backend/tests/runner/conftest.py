"""The real runner: a service process of its own, Python for WebAssembly and all."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.labs import code_lab
from app.services.runner import Runner
from dev.processes import Supervisor, free_port
from dev.runner import CodeRunner, start_runner

Attempt = Callable[..., code_lab.RunResult]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeRunner]:
    log = tmp_path_factory.mktemp("runner") / "runner.log"
    with Supervisor() as supervisor:
        runner = start_runner(supervisor, port=free_port(), output=log, RUNNER_QUEUE="200")
        supervisor.wait_until(runner.answers, "the code runner", seconds=180)
        yield runner


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
                prepared = code_lab.prepare(code, tests)
                outcome = await Runner(client).run(
                    prepared.source,
                    prepared.stdin,
                    cpu_seconds=cpu_seconds,
                    wall_seconds=wall_seconds,
                    memory_kib=code_lab.MEMORY_KIB,
                )
                return code_lab.read_result(prepared, outcome)

        return asyncio.run(run())

    return attempt


def paths_of_the_host() -> list[str]:
    """What no answer may hold."""
    return [str(Path(__file__).parents[2]), str(Path.home()), "site-packages", "<string>", "harness"]
