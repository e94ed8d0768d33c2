"""Runs programs: keeps the template process alive, hands it jobs, and says how each ended in Judge0's words."""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from runner.python import Python
from runner.settings import Settings
from runner.template import ENDED, JOB, READY

TEMPLATE = Path(__file__).with_name("template.py")
GUEST = Path(__file__).with_name("guest.py")

# Judge0's statuses (judge0/judge0, app/enumerations/status.rb).
IN_QUEUE, PROCESSING, ACCEPTED, WRONG_ANSWER, TIME_LIMIT = 1, 2, 3, 4, 5
SIGSEGV, SIGXFSZ, SIGABRT, NON_ZERO_EXIT, OTHER, INTERNAL_ERROR = 7, 8, 10, 11, 12, 13
DESCRIPTIONS = {
    IN_QUEUE: "In Queue",
    PROCESSING: "Processing",
    ACCEPTED: "Accepted",
    WRONG_ANSWER: "Wrong Answer",
    TIME_LIMIT: "Time Limit Exceeded",
    SIGSEGV: "Runtime Error (SIGSEGV)",
    SIGXFSZ: "Runtime Error (SIGXFSZ)",
    SIGABRT: "Runtime Error (SIGABRT)",
    NON_ZERO_EXIT: "Runtime Error (NZEC)",
    OTHER: "Runtime Error (Other)",
    INTERNAL_ERROR: "Internal Error",
}
CLOCKS = {signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU}
CRASHES = {signal.SIGSEGV: SIGSEGV, signal.SIGBUS: SIGSEGV, signal.SIGABRT: SIGABRT}

GRACE = 2.0
"""Seconds after its wall time in which a run's own clock must have ended it; then the template is replaced."""

log = logging.getLogger("runner.sandbox")


class SandboxError(Exception):
    """The sandbox itself has failed, whatever the program was."""


@dataclass(frozen=True)
class Limits:
    """What one run may take."""

    cpu_seconds: float
    wall_seconds: float
    memory_kib: int


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    status: int
    stdout: bytes
    stderr: bytes
    exit_code: int | None = None
    exit_signal: int | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    memory_kib: int | None = None
    message: str | None = None


class Template:
    """One template process and the runs that are copies of it."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self.process = process
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[int, int, float]]] = {}
        self._listener = asyncio.create_task(self._listen())
        self.is_alive = True

    @classmethod
    async def start(cls, python: Python, *, max_memory: int, warm: bool) -> Self:
        """Start one, and wait until it takes jobs. Raises `SandboxError`, and `OSError` when the machine has no more
        processes or files."""
        ours, its = socket.socketpair()
        ours.setblocking(False)
        try:
            with its:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", str(TEMPLATE), str(python.compiled), str(GUEST)),
                    *(str(max_memory), str(int(warm))),
                    stdin=its.fileno(),
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        try:
            async with asyncio.timeout(30):
                ready = await asyncio.get_running_loop().sock_recv(ours, 1)
        except TimeoutError:
            ready = b""
        template = cls(process, ours)
        if ready != READY:
            await template.stop()
            raise SandboxError("the template process does not start; see what it has written to standard error")
        return template

    async def run(self, limits: Limits, stdin: int, stdout: int, stderr: int) -> asyncio.Future[tuple[int, int, float]]:
        """Start a run over these descriptors. The future is its wait status, KiB of memory and seconds of CPU."""
        number = next(self._numbers)
        job = JOB.pack(number, limits.cpu_seconds, limits.wall_seconds, limits.memory_kib * 1024)
        try:
            socket.send_fds(self._channel, [job], [stdin, stdout, stderr])
        except OSError as error:
            raise SandboxError(f"the template process takes no job: {error}") from error
        ending = self._waiting[number] = asyncio.get_running_loop().create_future()
        return ending

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        buffer = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await loop.sock_recv(self._channel, 4096):
                buffer += chunk
                while len(buffer) >= ENDED.size:
                    number, *ending = ENDED.unpack(buffer[: ENDED.size])
                    buffer = buffer[ENDED.size :]
                    if (waiting := self._waiting.pop(number, None)) and not waiting.done():
                        waiting.set_result((ending[0], ending[1], ending[2]))
        self._fail()

    def _fail(self) -> None:
        self.is_alive = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(SandboxError("the template process has ended"))

    async def stop(self) -> None:
        """Kill it and its runs."""
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener
        self._fail()
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


class Sandbox:
    """Runs programs, in a process each. `start` before the first and `stop` after the last."""

    def __init__(self, settings: Settings) -> None:
        self._python = Python(settings.python_folder)
        self._max_memory = settings.max_memory_limit * 1024
        self._max_output = settings.max_output
        self._warm = sys.platform == "linux" if settings.warm is None else settings.warm
        self._template: Template | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the template, unless it is there. Raises `SandboxError`."""
        await self._alive()

    async def _alive(self) -> Template:
        async with self._starting:
            if self._template is None or not self._template.is_alive:
                if self._template is not None:
                    log.error("the template process has ended; starting another one")
                    await self._template.stop()
                    self._template = None
                try:
                    self._template = await Template.start(self._python, max_memory=self._max_memory, warm=self._warm)
                except OSError as error:
                    raise SandboxError(f"the template process does not start: {error}") from error
            return self._template

    async def stop(self) -> None:
        """End everything."""
        async with self._starting:
            if self._template is not None:
                await self._template.stop()
                self._template = None

    async def run(self, source: bytes, stdin: bytes, limits: Limits) -> Ending:
        """Run a program to its end, whatever that is."""
        template = None
        try:
            template = await self._alive()
            return await self._run(template, source, stdin, limits)
        except TimeoutError:
            log.error("a run has outlived its clock; replacing the template process")
            if template is not None:
                await template.stop()
        except (SandboxError, OSError) as error:  # for want of a file, memory or a process too
            log.error("a run has failed", extra={"fields": {"error": str(error)}})
        return Ending(INTERNAL_ERROR, b"", b"", message="The sandbox has failed; this says nothing about the program.")

    async def _run(self, template: Template, source: bytes, stdin: bytes, limits: Limits) -> Ending:
        started_at = time.monotonic()
        with contextlib.ExitStack() as files:
            program = files.enter_context(_private_file())
            program.write(b"%d\n%b%b" % (len(source), source, stdin))
            program.seek(0)
            outputs, writers = [], []
            for _ in range(2):
                readable, writable = os.pipe()
                outputs.append(files.enter_context(os.fdopen(readable, "rb", buffering=0)))
                writers.append(files.enter_context(os.fdopen(writable, "wb", buffering=0)))
            ending = await template.run(limits, program.fileno(), *(writer.fileno() for writer in writers))
            for writer in writers:
                writer.close()
            async with asyncio.timeout(limits.wall_seconds + GRACE):
                reading = [asyncio.ensure_future(_read(output, self._max_output)) for output in outputs]
                try:
                    status, memory, cpu = await ending
                    stdout, stderr = await asyncio.gather(*reading)
                finally:
                    for task in reading:
                        task.cancel()
        code = os.waitstatus_to_exitcode(status)
        signum = -code if code < 0 else None
        if signum == signal.SIGUSR1:
            raise SandboxError("a run's process could not run the program")
        return Ending(
            _status(code, max(len(stdout), len(stderr)) > self._max_output),
            stdout[: self._max_output],
            stderr[: self._max_output],
            exit_code=code if code >= 0 else None,
            exit_signal=signum,
            cpu_seconds=round(cpu, 3),
            wall_seconds=round(time.monotonic() - started_at, 3),
            memory_kib=memory,
        )


def _private_file() -> IO[bytes]:
    """A file without a name; in memory, where there are such files."""
    if sys.platform == "linux":
        return open(os.memfd_create("program"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _status(code: int, too_much_output: bool) -> int:
    if too_much_output:
        return SIGXFSZ  # what a Judge0's limit on the size of files gives
    if code < 0:
        return TIME_LIMIT if -code in CLOCKS else CRASHES.get(signal.Signals(-code), OTHER)
    return NON_ZERO_EXIT if code else ACCEPTED


async def _read(pipe: IO[bytes], limit: int) -> bytes:
    """Read to the end, or a little past the limit. Closing the pipe then ends the run, by SIGPIPE."""
    reader = asyncio.StreamReader(limit=64 * 1024)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    content = bytearray()
    try:
        while len(content) <= limit and (chunk := await reader.read(64 * 1024)):
            content += chunk
    finally:
        transport.close()
    return bytes(content)
