"""A copy of the project in a folder of its own, and `make dev` in it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from dev.processes import base_environment
from tests.integration.conftest import PLAIN

ROOT = Path(__file__).parents[3]
COPIED = (
    ".env.example",
    "backend/app",
    "backend/dev",
    "backend/runner",
    "supabase/migrations",
    "supabase/lite.toml",
    "supabase/preload.mjs",
)


def check_out(folder: Path) -> None:
    """Copy into the folder what `make dev` needs, but for the code runner's Python."""
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns(".python"))
        else:
            shutil.copy(ROOT / name, target)
    (folder / "supabase/node_modules").symlink_to(ROOT / "supabase/node_modules")


@dataclass
class Checkout:
    """A copy of the project with data, settings and ports of its own."""

    folder: Path
    port: int
    supabase_port: int
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a development command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "dev", *command],
            cwd=self.folder / "backend",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def token(self) -> str:
        """What `make token` prints while it runs."""
        return self.run("token").stdout.strip()

    def gateway(self) -> httpx.Client:
        """A client of the gateway, as the development user."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        return httpx.Client(base_url=f"{self.api}/v1", headers=headers, timeout=30, verify=PLAIN)

    def refused(self) -> str:
        """What a start says that is refused."""
        ended = self.run()
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        return ended.stdout + ended.stderr

    @property
    def publishable_key(self) -> str:
        [key] = re.findall(r"SUPABASE_PUBLISHABLE_KEY=(\S+)", (self.folder / ".env").read_text())
        return str(key)

    def sign_in(self, password: str) -> bool:
        """Whether the development user has this password."""
        answer = httpx.post(
            f"http://127.0.0.1:{self.supabase_port}/auth/v1/token?grant_type=password",
            headers={"apikey": self.publishable_key},
            json={"email": "developer@example.com", "password": password},
            timeout=30,
            verify=PLAIN,
        )
        return answer.status_code == 200

    @property
    def environment(self) -> dict[str, str]:
        ports = {"PORT": str(self.port), "SUPABASE_PORT": str(self.supabase_port)}
        return base_environment() | ports | self.settings


class Running:
    """`make dev` in a checkout, from the line that says it is ready until it has ended."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "dev"],
            cwd=checkout.folder / "backend",
            env=checkout.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(120), self.said
        assert "AIDE is running" in self.said, self.said
        self.greeting = list(self.output)
        """The lines that it said until it was ready."""
        self.family = descendants(self.process.pid)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if "Ctrl-C stops it" in line:
                self._ready.set()
        self._ready.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.family = list({*self.family, *descendants(self.process.pid)})  # what it has started again
        self.process.send_signal(signal.SIGTERM)
        self.wait_until_gone()

    @property
    def said(self) -> str:
        """All of `output`: what it said since the test began."""
        return "".join(self.output)

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait while it runs."""
        deadline = time.monotonic() + 30
        while not happened():
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            os.sched_yield()

    def find(self, pattern: str) -> int:
        """The process of the family whose command line has the pattern."""
        commands = {pid: command_line(pid) for pid in self.family}
        [pid] = [pid for pid, command in commands.items() if re.search(pattern, command)]
        return pid

    def wait_until_gone(self) -> None:
        """Wait until neither it nor any process that it started is left."""
        deadline = time.monotonic() + 10
        assert self.process.stdout
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()
        while alive := [pid for pid in self.family if command_line(pid)]:
            assert time.monotonic() < deadline, [command_line(pid) for pid in alive]
            os.sched_yield()


class Kept:
    """One `make dev` that tests share: it runs from the first that wants it to one that wants it stopped."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self._running: Running | None = None

    def start(self) -> Running:
        """The one that runs, else a new one."""
        if self._running is None or self._running.process.poll() is not None:
            self._running = Running(self.checkout)
        return self._running

    def stop(self) -> None:
        """End it as Ctrl-C does, unless it has ended."""
        if self._running and self._running.process.poll() is None:
            self._running.__exit__()


def command_line(pid: int) -> str:
    """The command line of a process that is alive."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "" if listed.stdout.startswith("Z") else listed.stdout


def descendants(pid: int) -> list[int]:
    """The process and all that it has started."""
    family = [pid]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    for parent in family:
        family += [child for child, of in pairs if of == parent]
    return family
