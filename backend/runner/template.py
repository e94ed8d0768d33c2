"""The process that every run is a copy of: it loads Python once, then forks for each job.

Runs as a script of its own (`python -I template.py ...`), so that it holds nothing of the service. Standard input is a
Unix socket: a job comes as its numbers with three file descriptors, and its ending goes back as numbers. When the
socket is closed, all runs are killed.

With `warm`, the interpreter inside the sandbox has started, imported its standard library and waits in a host call
when it is copied; a run then costs milliseconds. Without, the copy is made before the interpreter starts.
"""

import ctypes
import math
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from pathlib import Path

import wasmtime

JOB = struct.Struct("<QddQ")  # number, seconds of CPU, seconds by the clock, bytes of memory
ENDED = struct.Struct("<QiQd")  # number, status as of waitpid, KiB of memory, seconds of CPU
READY = b"!"

SLACK = 32 * 1024 * 1024
"""What the host's own side of a run may take, in bytes."""


class Template:
    """Waits for jobs and copies itself for each."""

    def __init__(self, compiled: str, program: str, max_memory: int, warm: bool) -> None:
        config = wasmtime.Config()
        config.macos_use_mach_ports = False  # as in `runner.python.engine`
        self.engine = wasmtime.Engine(config)
        self.module = wasmtime.Module.deserialize_file(self.engine, compiled)
        self.program = program
        self.max_memory = max_memory
        self.warm = warm
        self.copied = False
        self.socket = socket.socket(fileno=os.dup(0))
        self.numbers: dict[int, int] = {}

    def run(self) -> int:
        """In the template: serve jobs, and never return. In a run's process: run, and give the exit status."""
        if not self.warm:
            self.serve()
        linker = wasmtime.Linker(self.engine)
        linker.allow_shadowing = True
        linker.define_wasi()
        i32 = wasmtime.ValType.i32
        wasi = "wasi_snapshot_preview1"
        linker.define_func(wasi, "sched_yield", wasmtime.FuncType([], [i32()]), self.sched_yield, access_caller=True)
        linker.define_func(
            wasi, "random_get", wasmtime.FuncType([i32(), i32()], [i32()]), random_get, access_caller=True
        )
        store = wasmtime.Store(self.engine)
        store.set_limits(memory_size=self.max_memory, instances=1, memories=1)
        guest = wasmtime.WasiConfig()
        guest.argv = ["python", "-I", "-B", "-X", "utf8", "-c", self.program]
        guest.env = [("PYTHONHOME", "/usr/local")]
        guest.inherit_stdin()
        guest.inherit_stdout()
        guest.inherit_stderr()
        store.set_wasi(guest)
        start = linker.instantiate(store, self.module).exports(store)["_start"]
        assert isinstance(start, wasmtime.Func)
        try:
            start(store)
        except wasmtime.ExitTrap as ending:
            return int(ending.code)
        except wasmtime.Trap as trap:
            if not self.copied:
                raise
            stack = trap.trap_code in {wasmtime.TrapCode.STACK_OVERFLOW, wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS}
            die(signal.SIGSEGV if stack else signal.SIGABRT)
        return 0

    def sched_yield(self, caller: wasmtime.Caller) -> int:
        """WASI's `sched_yield`. The guest's first one says that it is ready; later ones are short pauses."""
        if self.copied:
            time.sleep(0.001)
        else:
            memory = caller["memory"]
            assert isinstance(memory, wasmtime.Memory)
            self.serve(memory.data_len(caller))
        return 0

    def serve(self, guest_memory: int = 0) -> None:
        """Fork for each job; returns in the copies alone."""
        waker, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.socket.sendall(READY)
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == waker:
                        os.read(waker, 512)
                        self.reap()
                        continue
                    try:
                        message, descriptors, _, _ = socket.recv_fds(self.socket, JOB.size, 3)
                    except ConnectionResetError:
                        message = b""
                    if len(message) < JOB.size or len(descriptors) != 3:
                        self.end()
                    number, cpu, wall, memory = JOB.unpack(message)
                    if pid := os.fork():
                        self.numbers[pid] = number
                        for descriptor in descriptors:
                            os.close(descriptor)
                        continue
                    self.become_run(descriptors, cpu, wall, memory, guest_memory)
                    return

    def reap(self) -> None:
        """Report the runs that have ended."""
        while self.numbers:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            memory = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
            self.socket.sendall(ENDED.pack(self.numbers.pop(pid), status, memory, usage.ru_utime + usage.ru_stime))

    def end(self) -> None:
        """The service is gone: so are its runs."""
        for pid in self.numbers:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def become_run(self, descriptors: list[int], cpu: float, wall: float, memory: int, guest_memory: int) -> None:
        """In a copy: take the job's files for the standard ones and set its limits, all of which the kernel keeps."""
        self.copied = True
        self.socket.close()
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        # Writing more than the service reads, and each clock, end the process by the signal's default action.
        for signum in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGPROF, signal.SIGALRM):
            signal.signal(signum, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, cpu)
        signal.setitimer(signal.ITIMER_REAL, wall)
        limit(resource.RLIMIT_CPU, math.ceil(cpu) + 1)
        limit(resource.RLIMIT_FSIZE, 0)
        if sys.platform == "linux":
            limit(resource.RLIMIT_DATA, data_size() + max(0, memory - guest_memory) + SLACK)
        self.max_memory = min(memory, self.max_memory)


def data_size() -> int:
    """Bytes that count against RLIMIT_DATA now."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()


def limit(what: int, value: int) -> None:
    """Set a limit for good."""
    resource.setrlimit(what, (value, value))


def random_get(caller: wasmtime.Caller, address: int, size: int) -> int:
    """WASI's `random_get`. Wasmtime's own generator would give all copies the same numbers."""
    memory = caller["memory"]
    assert isinstance(memory, wasmtime.Memory)
    if size < 0 or size > 1024 * 1024:
        return 28  # EINVAL
    memory.write(caller, os.urandom(size), address)
    return 0


def die(signum: signal.Signals) -> None:
    """End as a native program would."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def main() -> None:
    """The arguments: the compiled module, the guest's program, the most bytes of memory, 1 if warm."""
    compiled, program, max_memory, warm = sys.argv[1:]
    os.nice(5)
    limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    log = os.dup(2)  # closed to the guest, which has its own three
    template = None
    try:
        template = Template(compiled, Path(program).read_text(), int(max_memory), warm == "1")
        code = template.run()
    except BaseException:
        os.write(log, traceback.format_exc().encode())
        if template is not None and template.copied:
            die(signal.SIGUSR1)
        os._exit(1)
    os._exit(code & 255 if template.copied else 1)


if __name__ == "__main__":
    main()
