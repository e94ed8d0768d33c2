"""The generator: has a model write a lab from the text of its source, and lets nothing pass that was not validated."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from app.errors import ProblemError
from app.lab_errors import (
    FailingSolutionError,
    ImplausibleContentError,
    MalformedContentError,
    SlowSolutionError,
    WeakTestsError,
)
from app.labs.code_lab import CodeLabDraft, RunResult
from app.labs.draft import Draft, schema
from app.models.types import JsonObject, Title
from app.quotations import quote
from app.services.labs import run_tests
from app.services.material import MAX_CHARACTERS, Page, Plan, read_material
from app.services.model import Allowance, Message, Model, Shape
from app.services.runner import Ending, Runner
from app.turns import Turn, Work

TRIES = 3
MAX_COMPLAINT = 4000
"""Characters of what a model is told of a try that failed."""
ALL_CHARACTERS = 2 * TRIES * MAX_CHARACTERS
"""About what a model reads in all tries of one generation: each try repeats those before it."""

MISSHAPEN = "It has not the shape that was asked for. (Was it cut off? Then write less.) What is wrong:"

_content = TypeAdapter(JsonObject)
_title = TypeAdapter(Title)


class Fault(NamedTuple):
    """Why a draft is not shown."""

    problem: type[ProblemError]
    """What the learner is told, should it be the last one."""
    complaint: str
    """What the model is told."""


def request(plan: Plan, pages: Sequence[Page]) -> str:
    """What the model is asked for one lab."""
    wishes = [
        f"{name}: {value}"
        for name, value in (
            ("Difficulty", plan.config.difficulty),
            ("Language", None if plan.kind == "code_lab" else plan.config.language),
            ("How many, about", plan.config.count or (None if plan.kind == "code_lab" else 10)),
        )
        if value
    ]
    text = "\n\n".join([plan.heading, *(f"[page {page.number}]\n{page.text}" for page in pages)])
    return "\n".join([*wishes, "", "The text to work with, quoted from a document:", "", quote(text)])


def generating(model: Model, runner: Runner, allowance: Allowance, plan: Plan) -> Work:
    """The work of a turn that generates a lab."""
    shape = Shape(plan.kind, (plan.draft.__doc__ or "").strip(), schema(plan.draft))

    async def work(turn: Turn) -> None:
        try:
            pages = await read_material(turn.row.session, plan.source.id, plan.first, plan.last)
            instructions = model.instructions(plan.kind)
            said = [Message("user", request(plan, pages))]
            for attempt in count(1):
                turn.show(progress={"step": "writing", "attempt": attempt})
                text = await model.write(instructions, said, shape, allowance, turn.begin)
                turn.begin()
                turn.show(progress={"step": "checking", "attempt": attempt})
                judged = await judge(plan.draft, text, {page.number for page in pages}, runner)
                if isinstance(judged, Draft):
                    turn.result |= _columns(judged)
                    return
                if attempt == TRIES:
                    raise judged.problem
                complaint = (
                    f"That cannot be used. {judged.complaint[:MAX_COMPLAINT]}\n\nMend it, and write all of it again."
                )
                said += [Message("assistant", text[:MAX_CHARACTERS] or "(nothing)"), Message("user", complaint)]
        finally:
            await allowance.settle()

    return work


async def judge(kind: type[Draft], text: str, pages: set[int], runner: Runner) -> Draft | Fault:
    """What a model wrote, if it can be shown, else why not. Raises `RunnerUnavailableError`."""
    try:
        draft = kind.model_validate_json(_object_in(text))
        _content.validate_python(draft.content())
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
        return Fault(MalformedContentError, "\n".join([MISSHAPEN, *wrong[:20]]))
    if faults := draft.faults(pages):
        return Fault(ImplausibleContentError, "\n".join(faults[:20]))
    return await _solved(draft, runner) if isinstance(draft, CodeLabDraft) else draft


async def _solved(draft: CodeLabDraft, runner: Runner) -> Draft | Fault:
    """The draft, if its tests can be passed, and are not by the starter code."""
    solved = await run_tests(runner, draft.solution, draft.tests)
    if solved.ending == Ending.TIME_LIMIT:
        return Fault(SlowSolutionError, f"The solution does not end in time.\n{_report(solved.result)}")
    if solved.result["status"] != "pass":
        return Fault(FailingSolutionError, f"The solution does not pass the tests.\n{_report(solved.result)}")
    untouched = await run_tests(runner, draft.starter_code, draft.tests)
    if untouched.result["status"] == "pass":
        return Fault(WeakTestsError, "The starter code passes all tests already: it must fail them.")
    return draft


def _report(result: RunResult) -> str:
    failed = [
        f"{test['name']}: {test['status']}. {test['message']}" for test in result["tests"] if test["status"] != "pass"
    ]
    return "\n".join([result["message"], *failed])


def _object_in(text: str) -> str:
    """The first JSON object in a text, whatever is said around it."""
    begin = max(text.find("{"), 0)
    try:
        _, end = json.JSONDecoder().raw_decode(text, begin)
    except (ValueError, RecursionError):
        return text[begin:]
    return text[begin:end]


def _columns(draft: Draft) -> dict[str, Any]:
    try:
        title: str | None = _title.validate_python(draft.title)
    except ValidationError:  # a lab may go without
        title = None
    solution = draft.solution if isinstance(draft, CodeLabDraft) else None
    return {"generated_content": draft.content(), "title": title, "solution": solution}
