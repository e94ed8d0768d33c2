"""The program that runs a learner's code against tests, in the sandbox: sent to the runner as it is.

Any Python from 3.8 on runs it. Standard input is a JSON object: `nonce`, `code` (the learner's, module `solution`),
`tests` (module `tests`) and `names` of exactly the tests to run. What it finds is written to standard output in lines
that begin with the nonce; everything else there was printed past the harness, and counts for nothing. The last line
says `end`: without it the program was left early.

The learner's code runs in the same interpreter, so what matters is bound before it runs, the tests have builtins and a
`unittest` of their own, and it is checked after each test that nothing of Python itself was replaced. That stops
accidents and simple tricks. Who walks through frames or the garbage collector's lists can still cheat.
"""

from __future__ import annotations

import ast
import asyncio
import binascii
import builtins
import io
import json
import linecache
import os
import sys
import traceback
import types
import unittest
import unittest.async_case
from typing import Any, Callable

MAX_MESSAGE = 2000
MAX_OUTPUT = 16_000
MAX_TEST_OUTPUT = 4_000
MAX_VALUE = 200
MAX_FRAMES = 4
FILES = ("solution.py", "tests.py")

# Functions made from here on keep these, whatever a program puts in their place.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]

Report = Callable[[bytes, int, bytes, str, str], None]


def reporter(
    nonce: bytes,
    write: Callable[[int, bytes], int] = os.write,
    encode: Callable[..., bytes] = binascii.b2a_base64,
    to_bytes: Callable[..., bytes] = str.encode,
) -> Report:
    """A function that writes one line: its kind, the number of a test, a status, a message, what was printed."""

    def report(kind: bytes, number: int, status: bytes, message: str, output: str) -> None:
        line = b"\n%b %b %d %b %b %b\n" % (
            nonce,
            kind,
            number,
            status,
            encode(to_bytes(message, "utf-8", "replace"), newline=False),
            encode(to_bytes(output, "utf-8", "replace"), newline=False),
        )
        while line:
            line = line[write(1, line) :]

    return report


class Printed(io.RawIOBase):
    """Keeps the first of what is printed, and counts the rest."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.kept = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Take it all, keep what fits."""
        size = memoryview(content).nbytes
        self.kept += bytes(content[: max(0, self.limit + 1 - len(self.kept))])
        return size

    def text(self, since: int = 0, limit: int = MAX_OUTPUT) -> str:
        """What was kept, from a place on."""
        kept = bytes(self.kept[since:])
        text = kept[:limit].decode("utf-8", "replace")
        return text + "\n[more was printed]" if len(kept) > limit else text


def cut(text: str, limit: int = MAX_MESSAGE) -> str:
    """The beginning of a text."""
    return text if len(text) <= limit else text[:limit] + " [...]"


def shown(value: object, to_text: Callable[[object], str] = repr) -> str:
    """A value as one would write it, however its class behaves."""
    try:
        return cut(str.__str__(to_text(value)), MAX_VALUE)
    except BaseException as error:
        return "<%s that cannot be shown: %s>" % (type(value).__name__, type(error).__name__)


def explain(source: str, values: tuple[tuple[str, object], ...], message: object = None) -> str:
    """What a failed assertion says."""
    lines = [] if message is None else [cut(str(message), 500)]
    if "\n" in source:  # else it is in the line that is shown anyway
        lines.append("assert " + cut(source, 500))
    lines.extend("%s is %s" % (cut(name), shown(value)) for name, value in values)
    return "\n".join(lines)


class Asserts(ast.NodeTransformer):
    """Lets each `assert` say which values it has met."""

    def __init__(self, source: str) -> None:
        self.source = source

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        """Keep the operands in variables that no program can name."""
        kept: list[tuple[str, ast.expr]] = []

        def keep(expression: ast.expr) -> ast.expr:
            if isinstance(expression, ast.Constant):
                return expression
            kept.append((ast.get_source_segment(self.source, expression) or "it", expression))
            return ast.Name("@value%d" % len(kept), ast.Load())

        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left = keep(test.left)
            test = ast.Compare(left, test.ops, [keep(test.comparators[0])])
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test = ast.UnaryOp(test.op, keep(test.operand))
        else:
            test = keep(test)
        pairs: list[ast.expr] = [
            ast.Tuple([ast.Constant(name), ast.Name("@value%d" % number, ast.Load())], ast.Load())
            for number, (name, _) in enumerate(kept, 1)
        ]
        arguments = [
            ast.Constant(ast.get_source_segment(self.source, node.test) or ""),
            ast.Tuple(pairs, ast.Load()),
            *([node.msg] if node.msg else []),
        ]
        text = ast.Call(ast.Name("@explain", ast.Load()), arguments, [])
        failure = ast.Call(ast.Name("@AssertionError", ast.Load()), [text], [])
        statements: list[ast.stmt] = [
            ast.Assign([ast.Name("@value%d" % number, ast.Store())], expression)
            for number, (_, expression) in enumerate(kept, 1)
        ]
        statements.append(ast.If(ast.UnaryOp(ast.Not(), test), [ast.Raise(failure, None)], []))
        for statement in statements:
            ast.copy_location(statement, node)
            ast.fix_missing_locations(statement)
        return statements


def describe(error: BaseException, trace: types.TracebackType | None) -> str:
    """What went wrong and where in the two files: never a path, never a line of the harness."""
    if isinstance(error, SyntaxError) and error.filename in FILES:
        lines = traceback.format_exception_only(type(error), error)
        return cut("".join(lines).replace('File "', "").replace('", line', ", line").strip())
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in FILES:
            frames.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    lines = []
    for file, number, function in frames[-MAX_FRAMES:]:
        place = "" if function == "<module>" or file == "tests.py" else ", in " + function
        lines.append("%s, line %d%s: %s" % (file, number, place, linecache.getline(file, number).strip()))
    try:
        text = str.__str__(str(error))
    except BaseException:
        text = ""
    name = type(error).__name__
    if isinstance(error, SystemExit):
        text, name = "the code ends the program, by exit() or the like", "SystemExit"
    if isinstance(error, AssertionError):
        lines.append(text or "the assertion does not hold")
    else:
        lines.append("%s: %s" % (name, text) if text else name)
    return cut("\n".join(lines))


class Unittests:
    """Keeps one copy of `unittest` for the tests; the learner's code imports another one, if it does."""

    def __init__(self) -> None:
        self.own = self.take()

    @staticmethod
    def take() -> dict[str, types.ModuleType]:
        """Remove it from the modules that an import finds."""
        names = [name for name in sys.modules if name == "unittest" or name.startswith("unittest.")]
        return {name: sys.modules.pop(name) for name in names}

    def importer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`__import__` for the tests."""

        def import_(name: str, *arguments: Any, **options: Any) -> Any:
            if name != "unittest" and not name.startswith("unittest."):
                return original(name, *arguments, **options)
            hidden = self.take()
            sys.modules.update(self.own)
            try:
                return original(name, *arguments, **options)
            finally:
                self.own = self.take()
                sys.modules.update(hidden)

        return import_


def load(name: str, source: str, code: Any, own_builtins: dict[str, Any] | None = None) -> types.ModuleType:
    """A module of this name from text."""
    module = types.ModuleType(name)
    file = module.__file__ = name + ".py"
    if own_builtins is not None:
        module.__dict__["__builtins__"] = own_builtins
    sys.modules[name] = module
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    exec(compile(code, file, "exec", dont_inherit=True), module.__dict__)
    return module


class Tests:
    """Runs the named tests, and reports each as it ends."""

    def __init__(self, names: list[str], report: Report, printed: Printed) -> None:
        self.names = names
        self.report = report
        self.printed = printed
        self.streams = (sys.stdin, sys.stdout, sys.stderr)
        self.pristine = dict(vars(builtins))
        self.replaced: list[str] = []
        self.done: list[int] = []
        self.since = 0

    def restore(self) -> None:
        """Put Python's own functions back, and keep the names of those that were replaced."""
        current = vars(builtins)
        for name, value in self.pristine.items():
            if current.get(name) is not value:
                self.replaced.append(name)
                current[name] = value

    def describe(self, error: BaseException, trace: types.TracebackType | None) -> str:
        """`describe`, with Python as it was."""
        self.restore()
        return describe(error, trace)

    def begin(self, number: int) -> None:
        """Say that a test starts."""
        sys.stdin, sys.stdout, sys.stderr = self.streams
        self.since = len(self.printed.kept)
        self.report(b"start", number, b"-", "", "")

    def end(self, number: int, status: bytes, message: str) -> None:
        """Say how a test has ended."""
        self.restore()
        if self.replaced:
            status, message = b"error", "The code replaces Python's own %s." % ", ".join(self.replaced)
            self.replaced = []
        self.done.append(number)
        self.report(b"test", number, status, message, self.printed.text(self.since, MAX_TEST_OUTPUT))

    def run(self, module: types.ModuleType, unittests: Any) -> None:
        """Run them: functions first, then methods of test cases."""
        cases = []
        functions = []
        for number, name in enumerate(self.names):
            owner, _, method = name.rpartition(".")
            try:
                if owner:
                    cases.append((number, getattr(module, owner)(method)))
                else:
                    functions.append((number, getattr(module, name)))
            except BaseException as error:
                self.begin(number)
                self.end(number, b"error", self.describe(error, error.__traceback__))
        for number, function in functions:
            self.begin(number)
            self.end(number, *self.outcome(function))
        if cases:
            result = case_result(self, {id(case): number for number, case in cases}, unittests)
            unittests.TestSuite(case for _, case in cases).run(result)
            for number, _ in cases:
                if number not in self.done:
                    self.end(number, b"error", result.fixture or "The test was not run.")

    def outcome(self, function: Callable[[], object]) -> tuple[bytes, str]:
        """Call a test function; one that is `async` is run to its end."""
        try:
            value = function()
            if isinstance(value, types.CoroutineType):
                asyncio.run(value)
        except AssertionError as error:
            return b"fail", self.describe(error, error.__traceback__)
        except BaseException as error:
            return b"error", self.describe(error, error.__traceback__)
        return b"pass", ""


def case_result(tests: Tests, numbers: dict[int, int], unittests: Any) -> Any:
    """A result of the tests' own `unittest` that reports to `tests`."""

    class Result(unittests.TestResult):  # type: ignore[misc]
        fixture = ""

        def startTest(self, test: Any) -> None:
            super().startTest(test)
            self.outcome: tuple[bytes, str] = (b"error", "The test was not run.")
            tests.begin(numbers[id(test)])

        def stopTest(self, test: Any) -> None:
            super().stopTest(test)
            tests.end(numbers[id(test)], *self.outcome)

        def addSuccess(self, test: Any) -> None:
            self.outcome = (b"pass", "")

        def addFailure(self, test: Any, err: Any) -> None:
            self.outcome = (b"fail", tests.describe(err[1], err[2]))

        def addError(self, test: Any, err: Any) -> None:
            self.outcome = (b"error", tests.describe(err[1], err[2]))
            if id(test) not in numbers:
                self.fixture = self.outcome[1]

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            if err is not None:
                status = b"fail" if issubclass(err[0], test.failureException) else b"error"
                where = cut(str(subtest.params.get("i", "")) or str(dict(subtest.params)), MAX_VALUE)
                self.outcome = (status, "with %s: %s" % (where, tests.describe(err[1], err[2])))

        def addSkip(self, test: Any, reason: str) -> None:
            self.outcome = (b"fail", "The test was skipped: " + cut(str(reason)))

        def addExpectedFailure(self, test: Any, err: Any) -> None:
            self.outcome = (b"pass", "")

        def addUnexpectedSuccess(self, test: Any) -> None:
            self.outcome = (b"fail", "The test should fail, and does not.")

    return Result()


def main() -> None:
    """Read, load, run, say `end`, and leave at once."""
    leave = os._exit
    payload = json.loads(sys.stdin.buffer.read().decode())
    report = reporter(payload.pop("nonce").encode())
    printed = Printed(MAX_OUTPUT)
    sys.stdin = io.StringIO("")
    sys.stdout = sys.stderr = io.TextIOWrapper(printed, "utf-8", "backslashreplace", write_through=True)
    tests = Tests(payload["names"], report, printed)
    unittests, testing = Unittests(), unittest
    own_builtins = dict(vars(builtins))
    own_builtins["__import__"] = unittests.importer(builtins.__import__)
    own_builtins["@explain"], own_builtins["@AssertionError"] = explain, AssertionError
    try:
        source = payload["tests"]
        tree = Asserts(source).visit(ast.parse(source, "tests.py"))
        load("solution", payload["code"], payload["code"])
        tests.restore()
        if tests.replaced:
            raise RuntimeError("the code replaces Python's own %s" % ", ".join(tests.replaced))
        module = load("tests", source, tree, own_builtins)
        report(b"loaded", 0, b"-", "", "")
        tests.run(module, testing)
    except BaseException as error:
        report(b"error", 0, b"-", tests.describe(error, error.__traceback__), "")
    report(b"end", 0, b"-", "", printed.text())
    leave(0)


if __name__ == "__main__":
    main()
