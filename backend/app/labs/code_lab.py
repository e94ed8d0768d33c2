"""Code labs: an exercise, what the learner starts from, and the tests that decide when it is done."""

import ast
import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from typing_extensions import TypedDict

from app.labs.draft import Draft
from app.labs.export import Export
from app.models.types import NO_NUL, Input, examples

MAX_CODE_BYTES = 64 * 1024
MAX_TESTS = 500
MAX_NAMES = 64 * 1024
"""Characters of the names of all tests together."""


def _code(value: str) -> str:
    if len(value.encode()) > MAX_CODE_BYTES:
        raise ValueError("longer than 64 KiB in UTF-8")
    return value


Code = Annotated[
    str,
    StringConstraints(max_length=MAX_CODE_BYTES, pattern=NO_NUL),
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


class CodeLabDraft(Draft):
    """A coding exercise with its solution."""

    instructions: Annotated[Code, Field(description="What to do, in Markdown. Does not give the solution away.")]
    starter_code: Annotated[Code, Field(description="What the learner's file holds at first. Fails the tests.")]
    tests: Annotated[Code, Field(description="Functions `test_...` with `assert`, which import from `solution`.")]
    solution: Annotated[Code, Field(description="The whole file of somebody who has solved it. Passes the tests.")]

    @field_validator("tests")
    @classmethod
    def _usable(cls, tests: str) -> str:
        find_tests(tests)
        return tests

    def content(self) -> dict[str, Any]:
        """Without the solution, which is kept apart."""
        return {**self.model_dump(exclude={"title", "solution"}), "language": "python"}

    def faults(self, pages: Collection[int]) -> list[str]:
        """None: that is for the tests to say."""
        return []


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
    inherited = 0
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test_"):
            names[statement.name] = None
        elif isinstance(statement, ast.ClassDef):
            bases = [getattr(base, "attr", getattr(base, "id", "")) for base in statement.bases]
            found = [method for base in bases for method in methods.get(base, [])]
            inherited += len(found)
            found += [
                item.name
                for item in statement.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("test")
            ]
            if max(len(found), inherited) > MAX_TESTS:  # a few lines can inherit millions
                raise TestsError(f"there are more than {MAX_TESTS} tests")
            methods[statement.name] = list(dict.fromkeys(found))
            if any(base.endswith("TestCase") or base in cases for base in bases):
                cases.add(statement.name)
                names |= {f"{statement.name}.{method}": None for method in methods[statement.name]}
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            imported = [getattr(statement, "module", None) or "", *(alias.name for alias in statement.names)]
            if any(name.partition(".")[0] == "pytest" for name in imported):
                raise TestsError("pytest is not there when the tests run: use assert, or unittest")
    if not names:
        raise TestsError("there is no test: write functions test_..., or classes of unittest.TestCase")
    if len(names) > MAX_TESTS:
        raise TestsError(f"there are more than {MAX_TESTS} tests")
    if sum(map(len, names)) > MAX_NAMES:
        raise TestsError("the names of the tests are too long")
    return list(names)


class TestResult(TypedDict):
    """How one test ended."""

    name: Annotated[str, Field(description="What it is called in the lab's `tests`.")]
    status: Annotated[Literal["pass", "fail", "error"], Field(description="`error`: it could not be run to its end.")]
    message: Annotated[str, Field(description="What went wrong, for the learner.")]
    output: Annotated[str, Field(description="What it printed: its beginning, when that is long.")]


class RunResult(TypedDict):
    """How a run ended: `pass` when every test passed, `fail` when some did not, `error` when they could not be run."""

    status: Literal["pass", "fail", "error"]
    message: str
    tests: list[TestResult]
    output: str
    seconds: float | None


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


def export(content: CodeLabContent, lab_id: str, user_state: Mapping[str, Any]) -> Export:
    """A zip that runs with plain Python, any from 3.8 on: `python run_tests.py`. Its `solution.py` is the learner's
    draft (`user_state.code`), else the starter code."""
    try:
        functions = [name for name in find_tests(content.tests) if "." not in name]
    except TestsError:  # as they are: whoever downloads them may repair them
        functions = []
    draft = user_state.get("code")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {
            "instructions.md": content.instructions,
            "solution.py": draft if isinstance(draft, str) else content.starter_code,
            "tests.py": content.tests,
            "run_tests.py": RUN_TESTS.replace("FUNCTIONS", repr(functions)),
        }.items():
            # The same lab is the same file, whenever it is downloaded.
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text.encode())
    return Export(buffer.getvalue(), "application/zip", ".zip")
