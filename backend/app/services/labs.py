"""What labs do: run code against their tests, be downloaded, give out their solution."""

import logging
from hashlib import md5
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from pydantic import ValidationError

from app.lab_errors import LabNotReadyError, RunnerUnavailableError, WrongLabTypeError
from app.labs import LAB_TYPES
from app.labs.code_lab import RunResult, TestsError
from app.labs.export import Export
from app.services import code_runs
from app.services.db import Session
from app.services.runner import Ending, Runner, RunnerError

logger = logging.getLogger(__name__)


async def run_code(runner: Runner, lab: Any, code: str) -> dict[str, Any]:
    """Run code against the tests of a lab; the arguments of `record_run`, which keeps the result.

    `lab` is a row of the table `labs`. Raises `WrongLabTypeError`, `LabNotReadyError` and `RunnerUnavailableError`.
    """
    kind, content = map(msgspec.json.decode, (lab.type, lab.generated_content))
    if kind != "code_lab":
        raise WrongLabTypeError(f"This lab is a `{kind}`. Only code labs run.")
    if content is None:
        raise LabNotReadyError
    tests = str(content.get("tests", ""))
    return {
        "lab_id": lab.id,
        "code": code,
        "result": (await run_tests(runner, code, tests)).result,
        # Says which tests these were, should the lab's be replaced meanwhile.
        "tests_md5": md5(tests.encode(), usedforsecurity=False).hexdigest(),
    }


class Trial(NamedTuple):
    """One run of code against tests."""

    result: RunResult
    ending: Ending | None = None
    """How the program ended, if it was run at all."""


async def run_tests(runner: Runner, code: str, tests: str) -> Trial:
    """Run code against exactly these tests. Raises `RunnerUnavailableError`."""
    try:
        run = code_runs.prepare(code, tests)
    except TestsError as error:
        return Trial(code_runs.broken_tests(error))
    try:
        outcome = await runner.run(
            run.source,
            run.stdin,
            cpu_seconds=code_runs.CPU_SECONDS,
            wall_seconds=code_runs.WALL_SECONDS,
            memory_kib=code_runs.MEMORY_KIB,
        )
    except RunnerError as error:
        raise _unavailable(error) from None
    return Trial(code_runs.read_result(run, outcome), outcome.ending)


async def check_runner(runner: Runner) -> None:
    """Raise `RunnerUnavailableError` when nothing can be run now."""
    try:
        await runner.check()
    except RunnerError as error:
        raise _unavailable(error) from None


def _unavailable(error: RunnerError) -> RunnerUnavailableError:
    logger.warning("a lab is not run: %s", error)
    headers = {"Retry-After": f"{error.retry_after:.0f}"} if error.retry_after else None
    return RunnerUnavailableError(headers=headers)


def export(lab: Any) -> tuple[str, Export]:
    """The name and the content of a lab's download. `lab` is a row of the table `labs`. Raises `WrongLabTypeError` and
    `LabNotReadyError`."""
    kind, title, content, state = map(msgspec.json.decode, (lab.type, lab.title, lab.generated_content, lab.user_state))
    known = LAB_TYPES.get(kind)
    if known is None or known.export is None:
        downloaded = ", ".join(f"`{name}`" for name, each in LAB_TYPES.items() if each.export)
        raise WrongLabTypeError(f"This lab is a `{kind}`. Those that can be downloaded are {downloaded}.")
    if content is None:
        raise LabNotReadyError
    try:
        made = known.export(known.content.model_validate(content), lab.id, state)
    except ValidationError:  # the database takes text that is not quite what the models take, such as half a character
        raise LabNotReadyError(
            "The content of this lab has not the shape that its type asks for. Write its `generated_content` anew."
        ) from None
    return (title or kind) + made.suffix, made


async def read_solution(session: Session, lab_id: UUID) -> bytes:
    """The reference solution, as JSON. Raises `NotFoundError`, `NoSolutionError` and `SolutionHiddenError`."""
    query = session.call("lab_solution", {"lab_id": str(lab_id)}, read_only=True)
    return msgspec.json.encode({"solution": await session.read(query, _read_solution, "lab_solution")})


_read_solution = msgspec.json.Decoder(str).decode
