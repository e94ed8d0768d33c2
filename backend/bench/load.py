"""The load generator: autocannon, in one Node process for the whole run."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.cases import Request
from bench.procfs import cpu_seconds
from dev.processes import StartError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Load:
    """What one job of the load generator saw."""

    responses: int
    bad: int
    """Responses that were not 2xx, and errors."""
    seconds: float
    p50: float
    """Milliseconds."""
    p99: float
    generator: float
    """The share of one core that the load generator itself took: near 1, it was the bottleneck."""


class Generator:
    """Runs jobs one after the other."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", HERE / "load.mjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a group of its own, so that its CPU time can be told apart
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(
        self,
        url: str,
        users: Sequence[Sequence[Request]],
        *,
        connections: int = 1,
        seconds: float = 0,
        amount: int = 0,
        group: int = 1,
        burst: bool = False,
    ) -> Load:
        """Sends for so many `seconds`, or `amount` requests in all; each connection repeats one user's requests.

        `group` consecutive responses of a connection count as one time; in a `burst` all of them go out at once.
        """
        job = {
            "url": url,
            "users": users,
            "connections": connections,
            "duration": seconds,
            "amount": amount,
            "group": group,
            "burst": burst,
        }
        assert self._process.stdin
        assert self._process.stdout
        before = cpu_seconds(self._process.pid)
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        if not (line := self._process.stdout.readline()):
            raise StartError("the load generator ended; its message stands above")
        result = json.loads(line)
        used = cpu_seconds(self._process.pid) - before
        return Load(**result, generator=used / max(result["seconds"], 0.001))
