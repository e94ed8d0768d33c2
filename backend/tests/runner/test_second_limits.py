"""What holds a run, or ends it, when the limits that usually do have failed."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime

from dev.runner import CodeRunner
from runner.python import Python
from runner.sandbox import DESCRIPTIONS, GUEST, TEMPLATE, Ending, Limits, Sandbox
from runner.settings import Settings
from runner.template import JOB, READY, random_get
from tests.processes import command, descendants

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which is Linux's")

LIMITS = Limits(cpu_seconds=90, wall_seconds=90, memory_kib=128 * 1024)
MEBIBYTE = 1024 * 1024


@contextlib.asynccontextmanager
async def sandbox(*, warm: bool = True) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(Settings(warm=warm))
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    while not holds():  # noqa: ASYNC110 - processes tell nobody
        await asyncio.sleep(0.01)


def ended(program: bytes, limits: Limits = LIMITS, *, warm: bool = True) -> Ending:
    """How a program ends."""

    async def run() -> Ending:
        async with sandbox(warm=warm) as started:
            return await started.run(program, b"", limits)

    return asyncio.run(run())


def while_it_runs(act: Callable[[int], None], wall_seconds: float = LIMITS.wall_seconds) -> Ending:
    """How an endless program ends when something is done to its process, again until it has ended."""

    async def run() -> Ending:
        others = descendants(TEMPLATE.name)
        async with asyncio.timeout(60), sandbox() as started:
            (template,) = descendants(TEMPLATE.name) - others
            limits = replace(LIMITS, wall_seconds=wall_seconds)
            running = asyncio.create_task(started.run(b"while True: pass", b"", limits))
            before = asyncio.all_tasks()
            while not running.done():
                for pid in descendants(TEMPLATE.name, template):
                    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                        act(pid)
                await asyncio.sleep(0.01)
            ending = await running
            await asyncio.sleep(0.1)
            assert not asyncio.all_tasks() - before
            return ending

    return asyncio.run(run())


DEEP = b"import json, sys; sys.setrecursionlimit(1 << 30); json.loads('[' * 1_000_000)"
STUBBORN = b"""
import os
while True:
    try: os.write(1, b"x" * 65536)
    except OSError: pass
"""


@pytest.mark.parametrize(
    ("program", "status", "signum"),
    [
        (DEEP, "Runtime Error (SIGSEGV)", signal.SIGSEGV),
        (b"import os; os.abort()", "Runtime Error (SIGABRT)", signal.SIGABRT),
        (STUBBORN, "Runtime Error (SIGXFSZ)", signal.SIGPIPE),  # ended by the kernel, not by its clock
    ],
    ids=["deep", "aborts", "stubborn"],
)
def test_an_end_inside_is_named_as_a_native_programs(
    service: CodeRunner, program: bytes, status: str, signum: signal.Signals
) -> None:
    ending = ended(program)
    assert (DESCRIPTIONS[ending.status], ending.exit_signal) == (status, signum)


@pytest.mark.parametrize(
    ("signum", "status"),
    [
        (signal.SIGXCPU, "Time Limit Exceeded"),  # RLIMIT_CPU, after the clock
        (signal.SIGBUS, "Runtime Error (SIGSEGV)"),
        (signal.SIGABRT, "Runtime Error (SIGABRT)"),
        (signal.SIGKILL, "Runtime Error (Other)"),  # a machine without memory
    ],
)
def test_a_signal_from_outside_is_named(service: CodeRunner, signum: signal.Signals, status: str) -> None:
    ending = while_it_runs(lambda pid: os.kill(pid, signum))
    assert (DESCRIPTIONS[ending.status], ending.exit_signal, ending.exit_code) == (status, signum, None)


@pytest.mark.parametrize(
    "signum",
    [
        signal.SIGUSR1,  # by which a run's process says that it could not run the program
        signal.SIGSTOP,  # its own clock stands too
    ],
)
def test_what_no_program_can_do_to_itself_is_no_fault_of_the_program(
    service: CodeRunner, signum: signal.Signals
) -> None:
    ending = while_it_runs(lambda pid: os.kill(pid, signum), wall_seconds=1)
    assert (DESCRIPTIONS[ending.status], ending.exit_signal) == ("Internal Error", None)
    assert "says nothing about the program" in (ending.message or "")


def test_a_run_that_cannot_be_set_up_is_no_fault_of_the_program(service: CodeRunner) -> None:
    ending = ended(b"print(1)", replace(LIMITS, cpu_seconds=-1.0))
    assert DESCRIPTIONS[ending.status] == "Internal Error"


def test_no_run_outlives_a_service_that_has_not_read_all_endings(service: CodeRunner) -> None:
    """Then the template's socket is reset, and not only closed."""
    ours, its = socket.socketpair()
    python = Python(Settings().python_folder)
    arguments = [TEMPLATE, python.compiled, GUEST, 2**28, 1]
    template = subprocess.Popen(
        [sys.executable, "-I", *map(str, arguments)], stdin=its.fileno(), stderr=subprocess.DEVNULL
    )
    its.close()
    assert ours.recv(1) == READY
    for number, program in enumerate([b"while True: pass", b"pass"]):
        with tempfile.TemporaryFile() as file, open(os.devnull, "wb") as nowhere:
            file.write(b"%d\n%b" % (len(program), program))
            file.seek(0)
            job = JOB.pack(number, 90.0, 90.0, 2**27)
            socket.send_fds(ours, [job], [file.fileno(), nowhere.fileno(), nowhere.fileno()])
    ours.recv(1, socket.MSG_PEEK)  # the second has ended
    runs = descendants(TEMPLATE.name, template.pid)
    ours.close()
    template.wait(60)
    assert runs
    give_up_at = time.monotonic() + 60  # before their own clocks
    while any(map(command, runs)):
        assert time.monotonic() < give_up_at


def test_a_run_that_loses_its_template_leaves_nothing_waiting(service: CodeRunner) -> None:
    ending = while_it_runs(lambda pid: os.kill(os.getpgid(pid), signal.SIGKILL))  # whose group is named by the template
    assert DESCRIPTIONS[ending.status] == "Internal Error"


@pytest.mark.parametrize("signum", [signal.SIGSTOP, signal.SIGKILL], ids=["hangs", "dies"])
def test_no_run_outlives_a_template_that_is_given_up(service: CodeRunner, signum: signal.Signals) -> None:
    async def run() -> None:
        others = descendants(TEMPLATE.name)
        async with sandbox() as started:
            (template,) = descendants(TEMPLATE.name) - others
            running = asyncio.create_task(started.run(b"while True: pass", b"", LIMITS))
            await until(lambda: bool(descendants(TEMPLATE.name, template)))
            runs = descendants(TEMPLATE.name, template)
            os.kill(template, signum)
            if signum == signal.SIGKILL:  # then another one takes its place
                await running
                assert (await started.run(b"print(1)", b"", LIMITS)).stdout == b"1\n"
                await until(lambda: not any(map(command, runs)))
        await until(lambda: not any(map(command, runs)))
        assert DESCRIPTIONS[(await running).status] == "Internal Error"

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_run_is_told_with_the_time_that_it_took(service: CodeRunner) -> None:
    taken = ended(b"while True: pass", replace(LIMITS, cpu_seconds=0.5)).cpu_seconds
    assert taken
    assert 0.4 < taken < 1


def test_the_kernel_holds_each_run(service: CodeRunner) -> None:
    told: dict[str, str] = {}

    def read(pid: int) -> None:
        process = Path(f"/proc/{pid}")
        for line in (process / "limits").read_text().splitlines()[1:]:
            told[line[:26].strip()] = " ".join(line[26:].split())
        told["rights"] = (process / "status").read_text().partition("NoNewPrivs:")[2].split()[0]
        told["environment"] = (process / "environ").read_text()
        told["nice"] = str(os.getpriority(os.PRIO_PROCESS, pid))
        os.kill(pid, signal.SIGKILL)

    while_it_runs(read)
    assert told["Max cpu time"] == "91 91 seconds"
    assert told["Max file size"] == "0 0 bytes"
    assert told["Max core file size"] == "0 0 bytes"
    assert (told["rights"], told["nice"], told["environment"]) == ("1", "5", "")
    data = told["Max data size"].split()
    assert data[0] == data[1]
    assert int(data[0]) < 1024 * MEBIBYTE


def test_the_interpreter_itself_keeps_to_a_runs_memory(service: CodeRunner) -> None:
    """Where the kernel has no such limit, and before it: the kernel's is 32 MiB further."""
    program = b"""
held = []
try:
    while True: held.append(bytearray(1 << 20))
except MemoryError:
    print(len(held))
"""

    held = int(ended(program, warm=False).stdout)
    assert 64 < held < LIMITS.memory_kib // 1024


@pytest.mark.parametrize("size", [-1, MEBIBYTE + 1])
def test_no_program_asks_for_endless_random_bytes(size: int) -> None:
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    i32 = wasmtime.ValType.i32()
    linker.define_func("host", "random_get", wasmtime.FuncType([i32, i32], [i32]), random_get, access_caller=True)
    store = wasmtime.Store(engine)
    module = """
        (module
            (import "host" "random_get" (func $random (param i32 i32) (result i32)))
            (memory (export "memory") 32)
            (func (export "ask") (param i32) (result i32) (call $random (i32.const 0) (local.get 0)))
        )
    """
    ask = linker.instantiate(store, wasmtime.Module(engine, module)).exports(store)["ask"]
    assert isinstance(ask, wasmtime.Func)
    assert ask(store, MEBIBYTE) == 0
    assert ask(store, size) == 28  # EINVAL
