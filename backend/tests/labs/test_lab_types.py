"""What labs of the known types hold, and what they are exported as."""

import io
import re
import subprocess
import sys
import zipfile
from base64 import b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.labs import LAB_TYPES, code_lab, flashcard_lab
from app.labs.code_lab import CodeLabContent, RunResult, TestsError, find_tests
from app.labs.draft import doubles
from app.services.code_runs import MAX_MESSAGE, MAX_OUTPUT, MAX_TEXTS, prepare, read_result
from app.services.runner import Ending, Outcome

CODE = {"instructions": "", "starter_code": "", "tests": "", "language": "python"}
CARD = {"front": "a", "back": "b"}
QUESTION = {"question": "Why?", "choices": ["a", "b"], "answer": 1, "explanation": "So."}

# The same values as in supabase/tests/lab_content.sql.
GOOD: list[tuple[str, Any]] = [
    ("code_lab", CODE),
    ("code_lab", CODE | {"tests": "a" * 65536}),
    ("code_lab", CODE | {"starter_code": "é" * 32768}),
    ("flashcard_lab", {"cards": [CARD | {"page": 3}]}),
    ("flashcard_lab", {"cards": [CARD] * 200}),
    ("flashcard_lab", {"cards": [CARD | {"front": "é" * 5000}]}),
    ("quiz_lab", {"questions": [QUESTION | {"choices": list("abcdef"), "answer": 5, "page": 1}]}),
    ("quiz_lab", {"questions": [QUESTION] * 100}),
]
BAD: list[tuple[str, Any]] = [
    ("code_lab", {}),
    ("code_lab", CODE | {"solution": "x"}),
    ("code_lab", CODE | {"tests": None}),
    ("code_lab", CODE | {"language": "perl"}),
    ("code_lab", CODE | {"tests": "a" * 65537}),
    ("code_lab", CODE | {"instructions": "é" * 32769}),
    ("flashcard_lab", {"cards": []}),
    ("flashcard_lab", {"cards": [CARD] * 201}),
    ("flashcard_lab", {"cards": [CARD], "more": 1}),
    *[("flashcard_lab", {"cards": [CARD | change]}) for change in (
        {"front": " "}, {"back": None}, {"page": 0}, {"page": 1.5}, {"page": "1"}, {"page": None}, {"hint": "x"},
        {"front": "é" * 5001},
    )],
    ("quiz_lab", {"questions": []}),
    ("quiz_lab", {"questions": [QUESTION] * 101}),
    *[("quiz_lab", {"questions": [QUESTION | change]}) for change in (
        {"choices": ["a"], "answer": 0}, {"choices": list("abcdefg")}, {"choices": ["a", "a"]}, {"choices": ["a", 1]},
        {"answer": 2}, {"answer": -1}, {"answer": 0.5}, {"answer": "1"}, {"answer": None}, {"explanation": ""},
    )],
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), GOOD)
def test_content_of_the_right_shape_is_taken_as_it_is(kind: str, content: Any) -> None:
    assert LAB_TYPES[kind].content.model_validate(content).model_dump() == content


@pytest.mark.parametrize(("kind", "content"), BAD)
def test_content_of_another_shape_is_refused(kind: str, content: Any) -> None:
    with pytest.raises(ValidationError):
        LAB_TYPES[kind].content.model_validate(content)


@pytest.mark.parametrize("kind", LAB_TYPES)
def test_examples_are_valid(kind: str) -> None:
    model = LAB_TYPES[kind].content
    for example in model.model_json_schema()["examples"]:
        model.model_validate(example)


def test_tests_are_found_without_running_them() -> None:
    tests = """
raise SystemExit
import unittest as u
def test_one(): pass
def helper(): pass
async def test_two(): pass
class Base(u.TestCase):
    def test_a(self): pass
class Child(Base):
    def helper(self): pass
    def testB(self): pass
class NotACase:
    def test_c(self): pass
if True:
    def test_hidden(): pass
"""
    assert find_tests(tests) == ["test_one", "test_two", "Base.test_a", "Child.test_a", "Child.testB"]


def test_a_test_that_is_overridden_again_and_again_counts_once_a_class() -> None:
    body = "".join(f"    def test_{number}(self): pass\n" for number in range(100))
    classes = ["unittest.TestCase", "A", "B", "C", "D"]
    tests = "".join(f"class {name}({base}):\n{body}" for base, name in pairwise(classes))
    assert len(find_tests(tests)) == 400


INHERITED = "class A:\n" + "".join(f"    def test_{n}(self): pass\n" for n in range(400)) + "class B(A): pass\n" * 2
"""Few lines with many tests."""


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("", "no test"),
        ("def f(): pass", "no test"),
        ("def f(:", "not valid Python in line 1"),
        ("\0", "not valid Python"),
        ("import pytest\ndef test_a(): pass", "pytest is not there"),
        ("from pytest import raises\ndef test_a(): pass", "pytest is not there"),
        ("".join(f"def test_{n}(): pass\n" for n in range(501)), "more than 500 tests"),
        (f"def test_{'a' * 65_536}(): pass", "too long"),
        (INHERITED, "more than 500 tests"),
    ],
)
def test_tests_that_cannot_be_used_say_why(tests: str, why: str) -> None:
    with pytest.raises(TestsError, match=why):
        find_tests(tests)


def outcome(stdout: str, ending: Ending = Ending.EXIT) -> Outcome:
    return Outcome(ending, stdout.encode(), 0.1)


TWO = "def test_a(): pass\ndef test_b(): pass\n"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["loaded 0 -", "start 0 -", "test 0 pass", "test 1 pass", "end 0 -"], "pass"),
        (["loaded 0 -", "test 0 pass", "test 1 fail", "end 0 -"], "fail"),
        (["loaded 0 -", "test 0 pass", "test 1 pass"], "error"),
        (["test 0 pass", "test 1 pass", "end 0 -"], "error"),
        (["loaded 0 -", "test 0 pass", "end 0 -"], "error"),
        (["loaded 0 -", "test 0 pass", "test 0 pass", "test 1 pass", "end 0 -"], "error"),
        (["loaded 0 -", "test 0 pass", "test 7 pass", "end 0 -"], "error"),
        (["loaded 0 -", "test 0 pass", "test 1 great", "end 0 -"], "error"),
        (["loaded 0 -", "error 0 -", "test 0 pass", "test x pass", "end 0 -"], "error"),
    ],
)
def test_exactly_the_tests_of_the_lab_must_be_reported(lines: list[str], status: str) -> None:
    run = prepare("", TWO)
    result = read_result(run, outcome("".join(f"\n{run.nonce} {line}  \n" for line in lines)))
    assert result["status"] == status
    assert [test["name"] for test in result["tests"]] == ["test_a", "test_b"]
    forged = read_result(run, outcome("".join(f"\n{'0' * 32} {line}  \n" for line in lines)))
    assert forged["status"] == "error"


def reported(*lines: tuple[str, str, str], tests: str = TWO, ending: Ending = Ending.EXIT) -> RunResult:
    """What is made of these lines: what each reports, its message, and what was printed."""
    run = prepare("", tests)
    stdout = ""
    for kind, *texts in lines:
        stdout += " ".join([f"\n{run.nonce}", kind, *(b64encode(text.encode()).decode() for text in texts)])
    return read_result(run, outcome(f"{stdout}\n", ending))


LOADED = ("loaded 0 -", "", "")


def test_what_a_run_reports_is_bounded_and_can_be_kept() -> None:
    tests = [(f"test {number} fail", f"\0{'m' * 9000}", "o" * 99_000) for number in (0, 1)]
    result = reported(LOADED, *tests, ("end 0 -", "", "p" * 99_000))
    assert result["tests"][0]["message"] == "\N{REPLACEMENT CHARACTER}" + "m" * (MAX_MESSAGE - 1)
    assert len(result["tests"][1]["output"]) == MAX_OUTPUT == len(result["output"])
    many = "".join(f"def test_{number}(): pass\n" for number in range(30))
    texts = [(f"test {number} fail", "m" * 3000, "o" * 3000) for number in range(30)]
    kept = reported(LOADED, *texts, ("end 0 -", "", ""), tests=many)["tests"]
    assert sum(len(test["message"]) + len(test["output"]) for test in kept) == MAX_TEXTS


@pytest.mark.parametrize(
    ("lines", "ending", "statuses", "message"),
    [
        ([], Ending.TIME_LIMIT, "error error", "While the code was loaded: it did not end within 5 seconds."),
        ([LOADED], Ending.CRASH, "error error", "Python itself ended"),
        ([LOADED, ("start 0 -", "", "")], Ending.CRASH, "error error", "While test_a ran: Python itself ended"),
        (
            [LOADED, ("start 0 -", "", ""), ("test 0 pass", "", "")],
            Ending.EXIT,
            "pass error",
            "the program was ended early",
        ),
        ([LOADED, ("error 0 -", "x\nSystemExit: y", "")], Ending.EXIT, "error error", "x\nSystemExit: y\nTests need"),
    ],
)
def test_why_a_run_was_not_whole(lines: Any, ending: Ending, statuses: str, message: str) -> None:
    result = reported(*lines, ending=ending)
    assert " ".join(test["status"] for test in result["tests"]) == statuses
    assert result["message"].startswith(message)


def test_a_report_that_is_not_base64_counts_for_nothing() -> None:
    run = prepare("", TWO)
    lines = ["loaded 0 -  ", "test 0 pass  ", "test 1 pass @@@@ ", "end 0 -  "]
    result = read_result(run, outcome("".join(f"\n{run.nonce} {line}\n" for line in lines)))
    assert [test["status"] for test in result["tests"]] == ["pass", "error"]


def test_the_harness_is_python_3_8_and_says_so_of_nothing_newer() -> None:
    import ast

    source = Path(code_lab.__file__).with_name("harness.py").read_text()
    ast.parse(source, feature_version=(3, 8))
    assert not re.search(r"ast\.unparse|removeprefix|removesuffix|math\.lcm|zip\(.*strict", source)


def test_a_code_lab_downloads_as_a_zip_that_runs(tmp_path: Path) -> None:
    content = CodeLabContent(
        instructions="# Double",
        starter_code="def double(x):\n    ...\n",
        tests="from solution import double\nimport unittest\ndef test_a():\n    assert double(2) == 4\n"
        "async def test_b():\n    assert double(3) == 6\nclass TestC(unittest.TestCase):\n"
        "    def test_c(self):\n        self.assertEqual(double(4), 8)\n",
        language="python",
    )
    for state, status in (({}, 1), ({"code": "def double(x):\n    return 2 * x\n"}, 0)):
        folder = tmp_path / str(status)
        with zipfile.ZipFile(io.BytesIO(code_lab.export(content, "lab", state).content)) as archive:
            assert sorted(archive.namelist()) == ["instructions.md", "run_tests.py", "solution.py", "tests.py"]
            archive.extractall(folder)
        done = subprocess.run([sys.executable, "run_tests.py"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        assert "Ran 3 tests" in done.stderr


@pytest.mark.parametrize(("code", "held"), [("", b""), ("x = 1", b"x = 1"), (5, b"..."), (None, b"...")])
def test_a_download_has_the_draft_even_an_empty_one_and_tests_that_are_broken(code: Any, held: bytes) -> None:
    content = CodeLabContent(instructions="", starter_code="...", tests="def f(:", language="python")
    made = code_lab.export(content, "lab", {"code": code}).content
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.read("solution.py") == held
        assert archive.read("tests.py") == b"def f(:"
        assert {info.date_time for info in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}, "the same bytes each day"


def test_flashcards_export_as_ankis_text_format() -> None:
    content = flashcard_lab.FlashcardLabContent.model_validate(
        {"cards": [{"front": 'A\t"b"\n<c>', "back": "d"}, {"front": "e", "back": "f"}]}
    )
    text = flashcard_lab.export(content, "lab", {}).content.decode()
    assert text == flashcard_lab.export(content, "lab", {}).content.decode(), "the same cards have the same identity"
    head, first, second = text.splitlines()[:3], *text.splitlines()[4:]
    assert head == ["#separator:tab", "#html:true", "#guid column:1"]
    assert text.splitlines()[4:] != flashcard_lab.export(content, "other", {}).content.decode().splitlines()[4:]
    guid, front, back = first.split("\t")
    assert (front, back) == ('"A&#9;""b""<br>&lt;c&gt;"', '"d"')
    assert re.fullmatch("[0-9a-f]{32}", guid)
    assert guid != second.split("\t")[0]


def test_doubles_are_found() -> None:
    assert doubles(["a", "b", " A", "a\nb", "A  b"]) == [" A", "A  b"]
