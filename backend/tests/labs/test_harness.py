"""The harness in the Python of this machine: how each kind of ending is told. Real runs in the sandbox are in
`tests/runner/test_harness.py`."""

import subprocess
import sys
from tempfile import TemporaryFile

import pytest

from app.labs.code_lab import RunResult
from app.labs.harness import reporter
from app.services.code_runs import prepare, read_result
from app.services.runner import Ending, Outcome


def ran(code: str, tests: str) -> RunResult:
    """What a learner is told of a run."""
    run = prepare(code, tests)
    command = [sys.executable, "-I", "-c", run.source]
    with TemporaryFile() as stdin:  # as the runner gives it
        stdin.write(run.stdin.encode())
        stdin.seek(0)
        done = subprocess.run(command, stdin=stdin, capture_output=True, check=True)
    return read_result(run, Outcome(Ending.EXIT, done.stdout, 0.1))


def told(code: str, tests: str) -> dict[str, tuple[str, str]]:
    """The status and the message of each test."""
    return {test["name"]: (test["status"], test["message"]) for test in ran(code, tests)["tests"]}


def test_an_assertion_tells_what_was_met_and_no_more() -> None:
    tests = """
from solution import *
def test_constant(): assert double(2) == 5
def test_chain(): assert 1 < double(2) < 3
def test_lines():
    assert double(
        2
    ) == 5
def test_bare(): checked(0)
def test_deep(): deep(9)
def test_rude(): assert Rude() == 1
def test_subclass(): assert Odd() == 1
def test_error(): raise Mute
def test_not(): assert not double(1)
"""
    code = """
def double(x): return 2 * x
def checked(x): assert x
def deep(n): return deep(n - 1) if n else 1 / 0
class Rude:
    def __repr__(self): raise SystemExit
class Text(str):
    def __len__(self): return -1
class Odd:
    def __repr__(self): return Text("odd")
class Mute(Exception):
    def __str__(self): raise KeyboardInterrupt
"""
    found = told(code, tests)
    line = "tests.py, line 3: def test_constant(): assert double(2) == 5"
    assert found["test_constant"] == ("fail", f"{line}\ndouble(2) is 4")
    status, message = found["test_chain"]
    assert (status, message.partition("\n")[2]) == ("fail", "1 < double(2) < 3 is False")
    assert found["test_lines"][1].endswith("assert double(\n        2\n    ) == 5\ndouble(\n        2\n    ) is 4")
    line = "solution.py, line 3, in checked: def checked(x): assert x"
    assert found["test_bare"][1].endswith(f"{line}\nthe assertion does not hold")
    assert found["test_deep"][1].count("in deep") == 4
    assert found["test_rude"] == ("fail", found["test_rude"][1])
    assert found["test_rude"][1].endswith("Rude() is <Rude that cannot be shown: SystemExit>")
    assert found["test_subclass"][1].endswith("\nOdd() is odd")
    assert found["test_not"][1].endswith("\ndouble(1) is 2")
    assert found["test_error"] == ("error", "tests.py, line 13: def test_error(): raise Mute\nMute")


def test_what_fails_at_the_top_of_the_file_is_told_without_a_place() -> None:
    result = ran("x = 1 / 0", "def test_a(): pass")
    assert result["message"] == "solution.py, line 1: x = 1 / 0\nZeroDivisionError: division by zero"
    assert result["tests"] == [{"name": "test_a", "status": "error", "message": "Not run.", "output": ""}]
    assert ran("def f(:", "def test_a(): pass")["message"].startswith("solution.py, line 1\n    def f(:\n")


def test_each_test_has_its_own_output_and_streams() -> None:
    code = "import io, sys\ndef take(): sys.stdout = io.StringIO()\n"
    tests = """
from solution import take
import sys
def test_a(): print("a"); take(); print("lost")
def test_b(): print("b"); print("c", file=sys.stderr); assert sys.stdin.read() == ""
"""
    result = ran(code, tests)
    assert [test["output"] for test in result["tests"]] == ["a\n", "b\nc\n"]
    assert result["output"] == "a\nb\nc\n"
    assert result["status"] == "pass"


def test_every_ending_of_a_test_case_means_something() -> None:
    tests = """
import unittest
class TestEndings(unittest.TestCase):
    @unittest.expectedFailure
    def test_a(self): self.fail()
    @unittest.expectedFailure
    def test_b(self): pass
    def test_c(self):
        for n in (3, 4):
            with self.subTest(n=n): 1 / (n - 3)
    def test_d(self):
        with self.subTest(i=0): self.fail("no")
    def test_e(self):
        self.addCleanup(lambda: 1 / 0)
class TestFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls): 1 / 0
    def test_a(self): pass
class TestUnmade(unittest.TestCase):
    def __init__(self, method): raise SystemExit
    def test_a(self): pass
def test_gone(): pass
del test_gone
def test_last(): pass
"""
    found = told("", tests)
    assert {name: status for name, (status, _) in found.items()} == {
        "TestEndings.test_a": "pass",
        "TestEndings.test_b": "fail",
        "TestEndings.test_c": "error",
        "TestEndings.test_d": "fail",
        "TestEndings.test_e": "error",
        "TestFixture.test_a": "error",
        "TestUnmade.test_a": "error",
        "test_gone": "error",
        "test_last": "pass",
    }
    assert found["TestEndings.test_b"][1] == "The test should fail, and does not."
    assert found["TestEndings.test_c"][1].startswith("with {'n': 3}: tests.py, line 10: ")
    assert found["TestEndings.test_d"][1].startswith("with 0: ")
    assert found["TestFixture.test_a"][1].endswith("ZeroDivisionError: division by zero")
    skipped = """
import unittest
class TestSkipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("later")
    def test_a(self): pass
"""
    assert told("", skipped) == {"TestSkipped.test_a": ("error", "The test was not run.")}


def test_what_is_replaced_spoils_its_own_test_alone() -> None:
    code = "import builtins\ndef spoil():\n    builtins.len = None\n    builtins.str = None\n    1 / 0\n"
    tests = "import solution\ndef test_a(): solution.spoil()\ndef test_b(): assert len('ab') == 2\n"
    assert told(code, tests) == {
        "test_a": ("error", "The code replaces Python's own len, str."),
        "test_b": ("pass", ""),
    }
    result = ran("import builtins\nbuiltins.vars = lambda x: {}", "def test_a(): pass")
    assert result["message"].endswith("the code replaces Python's own vars")


def test_what_the_harness_was_given_is_not_read_again() -> None:
    code = "import sys\nsys.stdin.seek(0)\nseen = sys.stdin.read()\n"
    assert told(code, "from solution import seen\ndef test_a(): assert seen == ''\n") == {"test_a": ("pass", "")}


def test_code_is_compiled_as_it_is_written() -> None:
    tests = "from solution import f\ndef test_a(): assert f.__annotations__ == {'x': int}\n"
    assert told("def f(x: int): ...", tests) == {"test_a": ("pass", "")}


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_a_line_is_written_to_its_end_however_little_is_taken_at_once(at_once: int) -> None:
    taken = bytearray()

    def write(descriptor: int, content: bytes) -> int:
        taken.extend(content[:at_once])
        return min(at_once, len(content))

    reporter(b"nonce", write)(b"test", 1, b"pass", "é", "")
    assert taken == b"\nnonce test 1 pass w6k= \n"
