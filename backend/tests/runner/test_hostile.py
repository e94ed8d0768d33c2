"""Programs that mean harm: none reads or changes anything outside of its sandbox, and each ends in time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from runner.settings import Settings
from tests.processes import descendants
from tests.runner.conftest import Attempt

OK, TIME, CRASH_7, OUTPUT, ABORT, ERROR = 3, 5, 7, 8, 10, 11


class Hostile(NamedTuple):
    source: str
    statuses: set[int]
    says: str = ""


PROGRAMS = {
    "reads passwd": Hostile("print(open('/etc/passwd').read())", {ERROR}, "FileNotFoundError"),
    "climbs out of the library": Hostile("print(open('/usr/../etc/passwd').read())", {ERROR}),
    "climbs by a relative path": Hostile("print(open('/usr/local/../../../etc/passwd').read())", {ERROR}),
    "lists the root": Hostile("import os\nprint(os.listdir('/'))", {ERROR}),
    "lists proc": Hostile("import os\nprint(os.listdir('/proc/self'))", {ERROR}),
    "reads its environment on the host": Hostile("print(open('/proc/self/environ').read())", {ERROR}),
    "writes to the library": Hostile("open('/usr/local/lib/python3.11/os.py', 'a').write('x')", {ERROR, ABORT}),
    "makes a file in the library": Hostile("open('/usr/x', 'w')", {ERROR}),
    "makes a file here": Hostile("open('x', 'w')", {ERROR}),
    "removes the library": Hostile("import os\nos.remove('/usr/local/lib/python311.zip')", {ERROR, ABORT}),
    "renames the library": Hostile("import os\nos.rename('/usr/local', '/usr/other')", {ERROR, ABORT}),
    "links out": Hostile("import os\nos.symlink('/etc/passwd', '/usr/link')", {ERROR, ABORT}),
    "links out with a hard link": Hostile("import os\nos.link('/etc/passwd', '/usr/link')", {ERROR}),
    "makes a folder": Hostile("import os\nos.mkdir('/usr/local/x')", {ERROR, ABORT}),
    "changes modes": Hostile("import os\nos.chmod('/usr/local/lib/python311.zip', 0o777)", {OK, ERROR}),
    "looks for a temporary folder": Hostile("import tempfile\nprint(tempfile.mkdtemp())", {ERROR}),
    "opens other descriptors": Hostile(
        "import os\nfor n in range(3, 200):\n    try: print(n, len(os.read(n, 100)))\n    except OSError: pass", {OK}
    ),
    "writes to other descriptors": Hostile(
        "import os\nfor n in range(3, 200):\n    try: print(n, os.write(n, b'x'))\n    except OSError: pass",
        {OK, ABORT},
    ),
    "runs a shell": Hostile("import os\nprint(os.system('id'))", {ERROR}),
    "starts a program": Hostile("import subprocess\nprint(subprocess.run(['id'], capture_output=True))", {ERROR}),
    "executes a program": Hostile("import os\nos.execv('/bin/sh', ['sh'])", {ERROR}),
    "forks": Hostile("import os\nwhile True: os.fork()", {ERROR}),
    "starts threads": Hostile("import threading\nwhile True: threading.Thread(target=print).start()", {ERROR}),
    "starts processes": Hostile("import multiprocessing\nmultiprocessing.Process(target=print).start()", {ERROR}),
    "opens a socket": Hostile("import socket\nsocket.create_connection(('127.0.0.1', 80))", {ERROR}),
    "asks a web server": Hostile("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')", {ERROR}),
    "accepts on a descriptor": Hostile("import socket\nsocket.socket(fileno=0).accept()", {ERROR}),
    "loads a C library": Hostile("import ctypes\nctypes.CDLL(None).system(b'id')", {ERROR}),
    "writes to memory": Hostile("import ctypes\nctypes.memset(0, 1, 8)", {ERROR}),
    "kills its parent": Hostile("import os\nos.kill(os.getppid(), 9)", {ERROR}),
    "kills everybody": Hostile("import os\nos.kill(-1, 9)", {ERROR}),
    "sends itself a signal": Hostile("import signal\nsignal.raise_signal(signal.SIGKILL)", {OK, ERROR, ABORT}),
    "ignores signals": Hostile(
        "import signal\nfor s in range(1, 64):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: pass\n"
        "while True: pass",
        {TIME},
    ),
    "raises its limits": Hostile("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))", {ERROR}),
    "loops": Hostile("while True: pass", {TIME}),
    "loops in C": Hostile("sum(iter(int, 1))", {TIME}),
    "computes for ever": Hostile("x = 9 ** 9 ** 9", {TIME, ERROR}),
    "matches for ever": Hostile("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", {TIME}),
    "sleeps": Hostile("import time\ntime.sleep(1e9)", {TIME}),
    "yields for ever": Hostile("import os\nwhile True: os.sched_yield()", {TIME}),
    "takes all memory": Hostile("x = []\nwhile True: x.append(bytearray(1 << 20))", {ERROR}, "MemoryError"),
    "takes much memory at once": Hostile("x = bytearray(1 << 30)", {ERROR}, "MemoryError"),
    "takes memory by text": Hostile("x = 'a'\nwhile True: x += x", {ERROR}, "MemoryError"),
    "floods its output": Hostile("while True: print('x' * 1000)", {OUTPUT}),
    "floods its errors": Hostile("import sys\nwhile True: sys.stderr.write('x' * 1000)", {OUTPUT}),
    "floods a descriptor": Hostile("import os\nwhile True: os.write(1, b'x' * 65536)", {OUTPUT}),
    "writes one huge text": Hostile("import os\nos.write(1, b'x' * (50 << 20))", {OUTPUT}),
    "recurses": Hostile("def f(): f()\nf()", {ERROR}, "RecursionError"),
    "recurses without a limit": Hostile(
        "import sys\nsys.setrecursionlimit(1 << 30)\ndef f(): f()\nf()", {ERROR, CRASH_7, TIME, ABORT}
    ),
    "nests deeply": Hostile("x = []\nfor _ in range(10**6): x = [x]\nprint(repr(x)[:1])", {ERROR, CRASH_7, TIME}),
    "compiles deep code": Hostile("compile('(' * 100000, '', 'eval')", {ERROR, CRASH_7}),
    "makes bad code": Hostile(
        "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([100, 255]) * 50, co_stacksize=0)\nf()",
        {OK, ERROR, CRASH_7, ABORT, TIME},
    ),
    "ends at once": Hostile("import os\nos._exit(0)", {OK}),
    "aborts": Hostile("import os\nos.abort()", {ABORT, ERROR}),
    "looks at its environment": Hostile("import os\nprint(dict(os.environ))", {OK}),
}
SECONDS = 1.0


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_hostile_program_harms_nothing(submit: Callable[..., dict[str, Any]], name: str) -> None:
    program = PROGRAMS[name]
    started_at = time.monotonic()
    result = submit(program.source, cpu_time_limit=SECONDS, wall_time_limit=3 * SECONDS)
    # Its clock is the wall's, and a second more.
    assert time.monotonic() - started_at < 3 * SECONDS + 1
    text = f"{result['stdout']}{result['stderr']}"
    assert result["status"]["id"] in program.statuses, text[-500:]
    assert program.says in text
    for secret in (
        "root:",
        "uid=",
        "PATH",
        "RUNNER",
        str(Path.home()),
        str(Path(__file__).parents[2]),
        "site-packages",
    ):
        assert secret not in text
    if name.startswith(("opens other", "writes to other")):
        assert (result["stdout"] or "panicked").startswith("panicked"), "no other descriptor is there"
    if OUTPUT in program.statuses:
        assert len(result["stdout"] or result["stderr"]) == Settings.model_fields["max_output"].default
    if name == "looks at its environment":
        assert result["stdout"] == "{'PYTHONHOME': '/usr/local'}\n"


def test_runs_share_nothing(submit: Callable[..., dict[str, Any]]) -> None:
    """Each is a copy of the same interpreter, and yet neither its modules nor its random numbers are another's."""
    submit("import math\nmath.pi = 3\nimport json\njson.dumps = None")
    assert submit("import math, json\nprint(math.pi > 3.1, json.dumps(1))")["stdout"] == "True 1\n"
    source = (
        "import random, secrets, uuid, os\nprint(random.random(), secrets.token_hex(), uuid.uuid4(), os.urandom(8))"
    )
    assert len({submit(source)["stdout"] for _ in range(5)}) == 5


def test_no_run_is_left_when_its_time_is_over(submit: Callable[..., dict[str, Any]], judge: httpx.Client) -> None:
    submit("while True: pass", cpu_time_limit=0.3)
    submit("import time\ntime.sleep(60)", wall_time_limit=1)
    templates = descendants("template.py")
    assert templates
    assert not [run for template in templates for run in descendants("template.py", template)]


TESTS = """
from solution import answer
import unittest

class TestAnswer(unittest.TestCase):
    def test_case(self):
        self.assertEqual(answer(), 42)

def test_plain():
    assert answer() == 42
"""
WRONG = "def answer(): return 0\n"

# What must not pass. Each begins as code that gives a wrong answer.
FAKES = {
    "prints what a pass prints": "print('OK')\nprint('{\"status\": \"pass\"}')",
    "prints past the harness": (
        "import os\nos.write(1, b'\\n' + b'0' * 32 + b' test 0 pass  \\n')\nos.write(1, b'\\n end 0 -  \\n')"
    ),
    "writes to the real stdout": "import sys\nsys.__stdout__.write('pass\\n')\nsys.__stdout__.flush()",
    "exits with zero": "raise SystemExit(0)",
    "exits at once": "import os\nos._exit(0)",
    "exits in the test": "def answer():\n    raise SystemExit(0)",
    "exits at once in the test": "def answer():\n    import os\n    os._exit(0)",
    "interrupts": "def answer(): raise KeyboardInterrupt",
    "raises a skip": "import unittest\ndef answer(): raise unittest.SkipTest('x')",
    "patches assertEqual": "import unittest\nunittest.TestCase.assertEqual = lambda *a: None",
    "patches assertEqual when called": (
        "def answer():\n    import unittest\n    unittest.TestCase.assertEqual = lambda *a: None\n    return 0"
    ),
    "patches run": "import unittest\nunittest.TestCase.run = lambda self, result: result.addSuccess(self)",
    "patches the result": "import unittest\nunittest.TestResult.addFailure = unittest.TestResult.addSuccess",
    "replaces unittest": "import sys, types\nsys.modules['unittest'] = types.ModuleType('unittest')",
    "replaces the tests": "import sys, types\nsys.modules['tests'] = types.ModuleType('tests')",
    "replaces AssertionError": "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})",
    "replaces isinstance": "import builtins\nbuiltins.isinstance = lambda *a: True",
    "replaces getattr in the test": (
        "def answer():\n    import builtins\n    builtins.getattr = lambda *a: (lambda *b: None)\n    return 0"
    ),
    "replaces __import__": "import builtins\nbuiltins.__import__ = lambda *a, **k: __import__('types')",
    "replaces json": 'import json\njson.dumps = lambda *a, **k: "pass"\njson.JSONEncoder.encode = json.dumps',
    "replaces os.write": "import os\nos.write = lambda *a: 0",
    "replaces base64": "import binascii\nbinascii.b2a_base64 = lambda *a, **k: b''",
    "replaces compile": "import builtins\nbuiltins.compile = lambda *a, **k: (lambda: 0).__code__",
    "hooks imports": (
        "import sys\nclass Finder:\n    def find_spec(self, *a):\n        raise SystemExit(0)\n"
        "sys.meta_path.insert(0, Finder())\nsys.path_hooks.clear()\nsys.modules.pop('unittest', None)"
    ),
    "closes stdout": "import sys, os\nsys.stdout.close()\nsys.__stdout__.close()",
    "closes descriptor 1": "import os\nos.close(1)",
    "prints in a name of the wrong width": "print('p\\u00e0ss', '\\u202epass', '\\ud800', '\\0')",
    "reads its input again": (
        "import json, os\ntry:\n    os.lseek(0, 0, 0)\nexcept OSError:\n    pass\ndata = b''\n"
        "try:\n    while piece := os.read(0, 65536): data += piece\nexcept OSError:\n    pass\n"
        "if data:\n"
        "    nonce = json.loads(data[data.rindex(b'{\"nonce\"'):])['nonce']\n"
        "    for line in ('loaded 0 -', 'test 0 pass', 'test 1 pass', 'end 0 -'):\n"
        "        os.write(1, f'\\n{nonce} {line}  \\n'.encode())\n"
        "    os._exit(0)"
    ),
    "loops at its end": "import atexit\natexit.register(lambda: print('pass'))",
    "raises an exception with a hostile text": (
        "class E(Exception):\n    def __str__(self): raise SystemExit(0)\n    __repr__ = __str__\n"
        "def answer(): raise E()"
    ),
    "answers with a hostile repr": (
        "class A:\n    def __eq__(self, other): return False\n"
        "    def __repr__(self):\n        import os\n        os._exit(0)\n"
        "def answer(): return A()"
    ),
    "runs out of memory": "def answer():\n    return len([bytearray(1 << 20) for _ in range(10000)])",
    "recurses": "def answer(): return answer()",
    "loops": "def answer():\n    while True: pass",
    "floods": "import os\nwhile True: os.write(1, b'pass' * 10000)",
}


@pytest.mark.parametrize("name", FAKES)
def test_a_faked_result_does_not_pass(attempt: Attempt, name: str) -> None:
    result = attempt(WRONG + FAKES[name], TESTS, cpu_seconds=1.5, wall_seconds=5)
    assert result["status"] in {"fail", "error"}
    assert [test["name"] for test in result["tests"]] == ["TestAnswer.test_case", "test_plain"]
    assert "pass" not in {test["status"] for test in result["tests"]}
    assert result["message"]


# What does pass, and why that is accepted: it is a tool for learners, and each of these takes more skill than the
# exercise. A change here is news for the documentation.
CHEATS = {
    "an object that is equal to everything": (
        "class Any:\n    def __eq__(self, other): return True\ndef answer(): return Any()"
    ),
    "a walk through frames to the function that reports": (
        "def answer():\n    import sys\n    frame = sys._getframe()\n    while frame.f_code.co_name != 'run' or "
        "'functions' not in frame.f_locals:\n        frame = frame.f_back\n    tests = frame.f_locals['self']\n"
        "    report = tests.report\n"
        "    tests.report = lambda kind, number, *rest: report(kind, number, b'pass', '', '')\n    return 0"
    ),
    "a walk through the garbage collector to the object that reports": (
        "import gc\nfor thing in gc.get_objects():\n"
        "    if type(thing).__name__ == 'Tests':\n"
        "        report = thing.report\n"
        "        thing.report = lambda kind, number, *rest: report(\n"
        "            kind, number, *((b'pass', '', '') if kind == b'test' else rest))\n"
        "def answer(): return 0"
    ),
}
UNITTEST_CHEAT = (
    "import gc\nfor thing in gc.get_objects():\n"
    "    if isinstance(thing, type) and thing.__name__ == 'TestCase':\n"
    "        thing.assertEqual = lambda *a: None\n"
    "def answer(): return 0"
)
"""A walk through the garbage collector to the tests' own unittest: of no use against a bare assert."""


@pytest.mark.parametrize("name", CHEATS)
def test_a_known_cheat_passes(attempt: Attempt, name: str) -> None:
    assert attempt(CHEATS[name], TESTS)["status"] == "pass"


def test_a_patched_unittest_passes_its_own_assertions_alone(attempt: Attempt) -> None:
    result = attempt(UNITTEST_CHEAT, TESTS)
    assert [test["status"] for test in result["tests"]] == ["pass", "fail"]
