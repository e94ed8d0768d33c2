"""Child processes that never outlive the process that started them, not even when it is killed."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

GUARD = Path(__file__).with_name("guard.py")
INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TERM", "SSL_CERT_FILE")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(Exception):
    """Something cannot be started; the message is one line for the person at the terminal."""


class ProcessEndedError(StartError):
    """A process that should be running is gone."""


def base_environment() -> dict[str, str]:
    """What any program needs to run. No setting of ours is in it: each child is given its own by name."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False  # macOS lets one bind next to a listener on all interfaces
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Child:
    """A process in a process group of its own."""

    name: str
    process: subprocess.Popen[str]
    needed: bool = True
    reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def ending(self) -> str:
        """One line on how it ended."""
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return f"{self.name} (pid {self.pid}) {how}"

    def finish(self) -> None:
        """Kill what it has left in its group, and wait until its last words are shown."""
        self.signal(signal.SIGKILL)
        if self.reader:
            self.reader.join(1.0)

    def signal(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signum)


class Supervisor:
    """Starts children and, on leaving the `with` block, stops them in reverse order.

    A guard process does the same, at once, when the supervisor itself is killed. With `watch_parent`, the supervisor
    also treats the end of its own parent as the end of a child: see `check`.
    """

    def __init__(self, *, watch_parent: bool = False) -> None:
        self._parent = os.getppid() if watch_parent else None
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self._guard = Child("the guard process", process)
        return self

    def __exit__(self, *error: object) -> None:
        for child in reversed(self._children):
            self.stop(child)
        assert self._guard.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._guard.process.stdin.close()
        self._guard.process.wait()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        output: Path | Callable[[str], None],
        pass_fds: Sequence[int] = (),
        umask: int = -1,
        user: str | None = None,
        needed: bool = True,
    ) -> Child:
        """Starts a child whose output goes to a file or, line by line, to a function.

        Its environment is `env` and what `base_environment` holds. `pass_fds` are open in it; `user` is who runs it.
        The end of one that is not `needed` is nothing to `check`.
        """
        with contextlib.ExitStack() as stack:
            log: IO[Any] | int = subprocess.PIPE
            if isinstance(output, Path):
                log = stack.enter_context(output.open("a"))
            process = subprocess.Popen(
                command,
                env={**base_environment(), **env},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops its children in order
                pass_fds=pass_fds,
                umask=umask,
                user=user,
                group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=None if user is None else [],
            )
        child = Child(name, process, needed)
        self._children.append(child)
        self._tell_guard(f"+{child.pid}\n")
        if not isinstance(output, Path):
            child.reader = threading.Thread(target=_pump, args=(process.stdout, output), daemon=True)
            child.reader.start()
        return child

    def stop(self, child: Child) -> None:
        """Asks the child to stop, and kills what is left of its group once it has, or after five seconds."""
        child.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(5.0)
        child.signal(signal.SIGKILL)
        child.process.wait()
        self._children.remove(child)
        self._tell_guard(f"-{child.pid}\n")

    def check(self) -> None:
        """Raises `ProcessEndedError` when a child, the guard or (if watched) the parent is gone."""
        for child in (*self._children, self._guard):
            if child.needed and child.process.poll() is not None:
                child.finish()
                raise ProcessEndedError(child.ending())
        if self._parent is not None and os.getppid() != self._parent:
            raise ProcessEndedError(f"the process that started this one (pid {self._parent}) is gone")

    def wait_until(self, answers: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Waits until `answers()`, as long as everything lives. Raises `StartError` when the time is over."""
        deadline = time.monotonic() + seconds
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(0.05)

    def run(self, name: str, command: Sequence[str | Path], *, seconds: float = 120.0, **options: Any) -> int:
        """Runs a command to its end, under the same guard, and gives its exit status."""
        child = self.start(name, command, needed=False, **options)
        self.wait_until(lambda: child.process.poll() is not None, name, seconds)
        self.stop(child)
        return child.process.returncode

    def _tell_guard(self, line: str) -> None:
        assert self._guard.process.stdin
        with contextlib.suppress(BrokenPipeError):  # a dead guard is reported by `check`
            self._guard.process.stdin.write(line)
            self._guard.process.stdin.flush()


def _pump(lines: IO[str], output: Callable[[str], None]) -> None:
    with contextlib.suppress(ValueError):  # closed while it was read
        for line in lines:
            output(line.rstrip("\n"))
