"""Runs of code labs: what is sent to the runner, and what a learner is told of its answer."""

import base64
import binascii
import json
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app import labs
from app.labs.code_lab import RunResult, TestResult, TestsError, find_tests
from app.services.runner import Ending, Outcome

CPU_SECONDS, WALL_SECONDS, MEMORY_KIB = 5.0, 10.0, 128_000
"""What a run may take: a Judge0's own defaults, which every instance allows."""
MAX_MESSAGE, MAX_OUTPUT, MAX_TEXTS = 5_000, 20_000, 96 * 1024
"""Characters of a message, of what was printed, and of the messages and outputs of all tests together: a little more
than the harness sends, and less than the table takes."""


@dataclass(frozen=True)
class Run:
    """One run of code against tests: what is sent to the runner, and how its answer is read."""

    names: list[str]
    nonce: str
    source: str
    stdin: str


@lru_cache
def _harness() -> str:
    return (Path(labs.__file__).parent / "harness.py").read_text()


def prepare(code: str, tests: str) -> Run:
    """What to send to the runner. Raises `TestsError`."""
    names = find_tests(tests)
    nonce = secrets.token_hex(16)
    stdin = json.dumps({"nonce": nonce, "code": code, "tests": tests, "names": names})
    return Run(names, nonce, _harness(), stdin)


def read_result(run: Run, outcome: Outcome) -> RunResult:
    """The result of a run. Nothing but lines with the nonce counts, and every test must have been reported once."""
    lines = _lines(outcome.stdout, run.nonce)
    results: dict[int, TestResult] = {}
    started = None
    loaded = ended = False
    doubled = False
    failure = output = ""
    for kind, number, status, message, printed in lines:
        if kind == "loaded":
            loaded = True
        elif kind == "start":
            started = number
        elif kind == "test" and 0 <= number < len(run.names) and status in {"pass", "fail", "error"}:
            doubled |= number in results
            results[number] = _test(run.names[number], status, message, printed)
        elif kind == "error":
            failure = message
        elif kind == "end":
            ended, output = True, printed
    whole = ended and loaded and not failure and not doubled and len(results) == len(run.names)
    message = ""
    if not whole:
        current = (
            run.names[started]
            if started is not None and 0 <= started < len(run.names) and started not in results
            else None
        )
        message = _broken(outcome, current, loaded, ended, failure)
        if current is not None and started is not None:
            results[started] = _test(current, "error", message, "")
    tests = [results.get(number) or _test(name, "error", "Not run.", "") for number, name in enumerate(run.names)]
    passed = sum(test["status"] == "pass" for test in tests)
    overall: Literal["pass", "fail", "error"] = "error" if not whole else "pass" if passed == len(tests) else "fail"
    return {
        "status": overall,
        "message": message[:MAX_MESSAGE] or f"{passed} of {len(tests)} tests passed.",
        "tests": _bounded(tests),
        "output": output[:MAX_OUTPUT],
        "seconds": outcome.seconds,
    }


def broken_tests(error: TestsError) -> RunResult:
    """The result of a run of tests that cannot be used."""
    message = f"The lab's tests cannot be used: {error}. Nothing is wrong with your code."
    return {"status": "error", "message": message, "tests": [], "output": "", "seconds": None}


def _bounded(tests: list[TestResult]) -> list[TestResult]:
    room = MAX_TEXTS
    for test in tests:
        test["message"] = test["message"][: min(room, MAX_MESSAGE)]
        room -= len(test["message"])
        test["output"] = test["output"][: min(room, MAX_OUTPUT)]
        room -= len(test["output"])
    return tests


def _test(name: str, status: str, message: str, output: str) -> TestResult:
    known: dict[str, Literal["pass", "fail", "error"]] = {"pass": "pass", "fail": "fail", "error": "error"}
    return {"name": name, "status": known[status], "message": with_hint(message), "output": output}


def _lines(stdout: bytes, nonce: str) -> list[tuple[str, int, str, str, str]]:
    found = []
    for line in stdout.split(b"\n"):
        parts = line.split(b" ")
        if len(parts) == 6 and parts[0] == nonce.encode():
            try:
                message, output = (
                    base64.b64decode(part, validate=True).decode("utf-8", "replace") for part in parts[4:]
                )
                kind, number, status = parts[1].decode(), int(parts[2]), parts[3].decode()
                found.append((kind, number, status, _storable(message), _storable(output)))
            except (binascii.Error, ValueError):
                continue
    return found


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _broken(outcome: Outcome, current: str | None, loaded: bool, ended: bool, failure: str) -> str:
    """Why not every test was reported."""
    where = f"While {current} ran: " if current else "" if loaded else "While the code was loaded: "
    if outcome.ending == Ending.TIME_LIMIT:
        return f"{where}it did not end within {CPU_SECONDS:g} seconds. Is there a loop that never ends?"
    if outcome.ending == Ending.OUTPUT_LIMIT:
        return f"{where}it wrote more than can be kept. Is there a print in a loop that never ends?"
    if outcome.ending == Ending.STACK_OVERFLOW:
        return f"{where}too many calls within calls. Does a function call itself without an end?"
    if outcome.ending == Ending.CRASH:
        return f"{where}Python itself ended, perhaps for want of memory."
    if failure:
        return with_hint(failure)
    if not ended:
        return f"{where}the program was ended early, by os._exit() or the like. Tests must run to their end."
    return "The tests that ran are not the tests of this lab."


HINTS = {
    r"^EOFError: EOF when reading": "input() has nothing to read here: the tests call your functions with arguments.",
    r"^RecursionError|^SystemError: error return": "A function calls itself without an end: when should it stop?",
    r"^MemoryError": "The code needs more memory than a run may take.",
    r"can't start new thread": "There are no threads here.",
    r"^ModuleNotFoundError: No module named '_?(socket|ssl|posixsubprocess|ctypes|multiprocessing)": (
        "Network, other programs and C libraries are not available here."
    ),
    r"^ModuleNotFoundError: No module named 'solution'": "The learner's code is the module `solution`.",
    r"^ModuleNotFoundError": "Only Python's standard library is available. Is the name spelled right?",
    r"^ImportError: cannot import name .* from 'solution'": (
        "The tests look for this name in your code: is it defined, and spelled the same?"
    ),
    r"^SystemExit": "Tests need the program to go on: return from the function instead.",
    r"^(FileNotFoundError|PermissionError|OSError: \[Errno (44|58|63|69|76)\])": (
        "There are no files here but Python's own library."
    ),
}
"""What a beginner should know about a message: a pattern for one of its lines, and the sentence that is added."""


def with_hint(message: str) -> str:
    """A message, with a sentence that helps where we know one."""
    for pattern, hint in HINTS.items():
        if re.search(pattern, message, re.MULTILINE):
            return f"{message}\n{hint}"
    return message
