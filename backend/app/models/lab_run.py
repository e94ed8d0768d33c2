"""Runs of labs: what a learner ran, and what came of it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.labs.code_lab import Code, TestResult
from app.models.page import PageQuery
from app.models.types import Input, Row, Timestamp, examples


class LabRun(Row):
    """One run of code against the tests of a lab."""

    model_config = examples(
        {
            "id": "0f3a5a52-3f8e-4d0a-9c39-0a0a3a1f8a77",
            "user_id": "3b1f8a0e-5a4a-4b0c-8a51-6f0f3a9d1c22",
            "status": "fail",
            "message": "0 of 1 tests passed.",
            "tests": [
                {
                    "name": "test_twice",
                    "status": "fail",
                    "message": "tests.py, line 5: assert rank([[1, 2], [2, 4]]) == 1\nrank([[1, 2], [2, 4]]) is 2",
                    "output": "",
                }
            ],
            "output": "",
            "seconds": 0.031,
            "code": "def rank(matrix):\n    return len(matrix)\n",
            "created_at": "2026-11-23T10:02:33.877000Z",
        }
    )

    user_id: Annotated[UUID, Field(description="Who ran it.")]
    status: Annotated[
        Literal["pass", "fail", "error"],
        Field(
            description="`pass`: every test passed. `fail`: some did not. `error`: they could not be run to their end."
        ),
    ]
    message: Annotated[str, Field(description="What came of it, for the learner.")]
    tests: Annotated[list[TestResult], Field(description="How each test ended.")]
    output: Annotated[str, Field(description="What was printed: its beginning, when it is long.")]
    seconds: Annotated[float | None, Field(description="By the clock of the runner, where it says so.")]
    code: Annotated[str, Field(description="What was run.")]
    created_at: Timestamp


class LabRunCreate(Input):
    """What to run."""

    model_config = examples({"code": "def rank(matrix):\n    return len(matrix)\n"})

    code: Annotated[Code, Field(description="The learner's file, the module `solution`: at most 64 KiB in UTF-8.")]


class LabRunQuery(PageQuery):
    """Which runs of a lab to list."""

    order: Literal["-created_at", "created_at"] = "-created_at"


class Solution(Input):
    """The reference solution of a lab."""

    model_config = examples({"solution": "def rank(matrix):\n    ...\n"})

    solution: Annotated[str, Field(description="A whole file that passes the tests.")]
