"""Code labs: an exercise, what the learner starts from, and the tests that decide when it is done."""

import ast
import base64
import binascii
import io
import json
import re
import secrets
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from typing_extensions import TypedDict

from app.models.types import Input, examples
from app.services.runner import Ending, Outcome

MAX_CODE_BYTES = 64 * 1024
CPU_SECONDS, WALL_SECONDS, MEMORY_KIB = 5.0, 10.0, 128_000
"""What a run may take: a Judge0's own defaults, which every instance allows."""


def _code(value: str) -> str:
    if len(value.encode()) > MAX_CODE_BYTES:
        raise ValueError("longer than 64 KiB in UTF-8")
    return value


Code = Annotated[
    str,
    StringConstraints(max_length=MAX_CODE_BYTES, pattern=r"^[^\x00]*$", strip_whitespace=False),
    AfterValidator(_code),
    Field(description="At most 64 KiB in UTF-8; kept byte for byte."),
]


class CodeLabContent(Input):
    """`generated_content` of a `code_lab`."""

    model_config = examples(
        {
            "instructions": "Write `rank(matrix)`: how many rows are independent.",
            "starter_code": "def rank(matrix):\n    ...\n",
            "tests": "from solution import rank\n\n\ndef test_twice():\n    assert rank([[1, 2], [2, 4]]) == 1\n",
            "language": "python",
        }
    )

    instructions: Annotated[Code, Field(description="What to do, in Markdown.")]
    starter_code: Annotated[Code, Field(description="What the learner's file holds at first.")]
    tests: Annotated[
        Code,
        Field(
            description="Functions `test_...` with `assert`, or `unittest.TestCase` classes; they import what they test"
            " from the module `solution`."
        ),
    ]
    language: Literal["python"]


class TestsError(ValueError):
    """The tests of a lab cannot be used; the message says why."""

    __test__ = False  # not for pytest


def find_tests(tests: str) -> list[str]:
    """The names of the tests, in their order, read from the text alone: no code runs, least of all the learner's.

    `test_one` for a function, `TestCase.test_one` for a method, inherited ones included. Raises `TestsError`.
    """
    try:
        module = ast.parse(tests, "tests.py")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise TestsError(f"the tests are not valid Python{where}") from None
    names: dict[str, None] = {}
    methods: dict[str, list[str]] = {}
    cases: set[str] = set()
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test_"):
            names[statement.name] = None
        elif isinstance(statement, ast.ClassDef):
            bases = [getattr(base, "attr", getattr(base, "id", "")) for base in statement.bases]
            own = [
                item.name
                for item in statement.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("test")
            ]
            inherited = [method for base in bases for method in methods.get(base, [])]
            methods[statement.name] = list(dict.fromkeys([*inherited, *own]))
            if any(base.endswith("TestCase") or base in cases for base in bases):
                cases.add(statement.name)
                names |= {f"{statement.name}.{method}": None for method in methods[statement.name]}
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            imported = [getattr(statement, "module", None) or "", *(alias.name for alias in statement.names)]
            if any(name.partition(".")[0] == "pytest" for name in imported):
                raise TestsError("pytest is not there when the tests run: use assert, or unittest")
    if not names:
        raise TestsError("there is no test: write functions test_..., or classes of unittest.TestCase")
    return list(names)


class TestResult(TypedDict):
    """How one test ended."""

    name: str
    status: Literal["pass", "fail", "error"]
    message: str
    output: str


class RunResult(TypedDict):
    """How a run ended: `pass` when every test passed, `fail` when some did not, `error` when they could not be run."""

    status: Literal["pass", "fail", "error"]
    message: str
    tests: list[TestResult]
    output: str
    seconds: float | None


@dataclass(frozen=True)
class Run:
    """One run of code against tests: what is sent to the runner, and how its answer is read."""

    names: list[str]
    nonce: str
    source: str
    stdin: str


@lru_cache
def _harness() -> str:
    return Path(__file__).with_name("harness.py").read_text()


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
        "message": message or f"{passed} of {len(tests)} tests passed.",
        "tests": tests,
        "output": output,
        "seconds": outcome.seconds,
    }


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
                found.append((parts[1].decode(), int(parts[2]), parts[3].decode(), message, output))
            except (binascii.Error, ValueError):
                continue
    return [
        (kind, number, status, _storable(message), _storable(output)) for kind, number, status, message, output in found
    ]


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


RUN_TESTS = '''"""Runs the tests: python run_tests.py"""

import asyncio
import inspect
import unittest

import tests


def call(function):
    value = function()
    if inspect.iscoroutine(value):
        asyncio.run(value)


suite = unittest.defaultTestLoader.loadTestsFromModule(tests)
for name in FUNCTIONS:
    function = getattr(tests, name)
    suite.addTest(unittest.FunctionTestCase(lambda function=function: call(function), description=name))
raise SystemExit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
'''
"""`python -m unittest` runs nothing but test cases, so a download has a program of its own."""


def export(content: CodeLabContent, code: str | None = None) -> bytes:
    """A zip that runs with plain Python, any from 3.8 on: `python run_tests.py`.

    `code` is the learner's draft; without it the file holds the starter code.
    """
    functions = [name for name in find_tests(content.tests) if "." not in name]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {
            "instructions.md": content.instructions,
            "solution.py": content.starter_code if code is None else code,
            "tests.py": content.tests,
            "run_tests.py": RUN_TESTS.replace("FUNCTIONS", repr(functions)),
        }.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text.encode())
    return buffer.getvalue()
