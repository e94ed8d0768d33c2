"""What a learner is told: real runs of the harness."""

import json

import pytest

from tests.runner.conftest import Attempt, paths_of_the_host

TESTS = "from solution import f\n\n\ndef test_f():\n    assert f(2) == 4\n"

EVERY_KIND = """
import asyncio
import unittest
from unittest import mock

from solution import double, fetch

def test_plain():
    assert double(2) == 4

async def test_async():
    await asyncio.sleep(0.01)
    assert await fetch() == "data"

def test_values_are_shown():
    expected = 5
    assert double(2) == expected, "twice two"

def test_a_call_is_shown():
    assert not double(1)

class Base(unittest.TestCase):
    def test_inherited(self):
        self.assertTrue(self.ready)

class TestDouble(Base):
    @classmethod
    def setUpClass(cls):
        cls.ready = True

    def setUp(self):
        self.mock = mock.Mock(return_value=3)

    def test_case(self):
        self.assertEqual(double(self.mock()), 6)

    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertLess(double(i), 4)

    def test_raises(self):
        with self.assertRaises(TypeError):
            double(None)

    @unittest.skip("later")
    def test_skipped(self):
        pass

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        self.assertEqual(await fetch(), "data")
"""
SOLUTION = """
import asyncio

def double(x):
    print("doubling", x)
    return x * 2

async def fetch():
    await asyncio.sleep(0.01)
    return "data"
"""


def test_every_kind_of_test_runs_and_tells(attempt: Attempt) -> None:
    result = attempt(SOLUTION, EVERY_KIND)
    told = {test["name"]: (test["status"], test["message"]) for test in result["tests"]}
    assert told == {
        "test_plain": ("pass", ""),
        "test_async": ("pass", ""),
        "test_values_are_shown": (
            "fail",
            'tests.py, line 17: assert double(2) == expected, "twice two"\ntwice two\ndouble(2) is 4\nexpected is 5',
        ),
        "test_a_call_is_shown": ("fail", "tests.py, line 20: assert not double(1)\ndouble(1) is 2"),
        "Base.test_inherited": (
            "error",
            "tests.py, line 24: self.assertTrue(self.ready)\nAttributeError: 'Base' object has no attribute 'ready'",
        ),
        "TestDouble.test_inherited": ("pass", ""),
        "TestDouble.test_case": ("pass", ""),
        "TestDouble.test_sub": (
            "fail",
            "with 2: tests.py, line 40: self.assertLess(double(i), 4)\n4 not less than 4",
        ),
        "TestDouble.test_raises": ("pass", ""),
        "TestDouble.test_skipped": ("fail", "The test was skipped: later"),
        "TestAsync.test_case": ("pass", ""),
    }
    assert result["status"] == "fail"
    assert result["message"] == "6 of 11 tests passed."
    assert result["tests"][0]["output"] == "doubling 2\n"
    assert result["output"].startswith("doubling 2\n")
    assert 0 < (result["seconds"] or 0) < 5


def test_a_right_answer_passes(attempt: Attempt) -> None:
    result = attempt("def f(x):\n    return x * x\n", TESTS)
    assert result["status"] == "pass"
    assert result["message"] == "1 of 1 tests passed."
    assert result["tests"] == [{"name": "test_f", "status": "pass", "message": "", "output": ""}]


MESSAGES = {
    "def f(x:\n    return x": "solution.py, line 1\n    def f(x:\n         ^\nSyntaxError: '(' was never closed",
    "def f(x):\nreturn x": "IndentationError: expected an indented block",
    "def f(x):\n    while True: pass": "While test_f ran: it did not end within 5 seconds. Is there a loop",
    "while True: pass": "While the code was loaded: it did not end within 5 seconds. Is there a loop",
    "def f(x): return int(input())": "input() has nothing to read here",
    "def f(x): exit()": "the code ends the program, by exit()",
    "exit()": "the code ends the program, by exit()",
    "import os\nos._exit(0)": "the program was ended early, by os._exit() or the like",
    "import os\nwhile True: os.write(1, b'x' * 999)": "Is there a print in a loop that never ends?",
    "def f(x): return f(x)": "A function calls itself without an end",
    "def f(x): return len('a' * 10**9)": "The code needs more memory than a run may take.",
    "import threading\ndef f(x): threading.Thread(target=print).start()": "There are no threads here.",
    "import numpy": "No module named 'numpy'\nOnly Python's standard library is available.",
    "import ssl": "Network, other programs and C libraries are not available here.",
    "def g(x): return x": "is it defined, and spelled the same?",
    "def f(x): return open('x.txt').read()": "There are no files here but Python's own library.",
    "def f(x): return y": "solution.py, line 1, in f: def f(x): return y\nNameError: name 'y' is not defined",
    "def f(x): return [x] * 1000": "f(2) is [2, 2, 2",
    "def f(x): return '\\0\\ud800'": "f(2) is '\\x00\\ud800'",
}


@pytest.mark.parametrize("code", MESSAGES)
def test_a_beginner_is_told_what_is_wrong(attempt: Attempt, code: str) -> None:
    result = attempt(code, TESTS, cpu_seconds=1.5, wall_seconds=6)
    text = json.dumps(result)
    (test,) = result["tests"]
    assert MESSAGES[code] in f"{result['message']}\n{test['message']}"
    assert result["status"] != "pass"
    assert not [path for path in paths_of_the_host() if path in text]
    assert len(text) < 8000


def test_what_is_printed_is_bounded(attempt: Attempt) -> None:
    result = attempt("def f(x):\n    for _ in range(10000): print('x' * 100)\n    return 4", TESTS)
    assert result["status"] == "pass"
    assert len(result["output"]) < 17_000
    assert result["output"].endswith("[more was printed]")
    assert len(result["tests"][0]["output"]) < 5_000
