"""The code runner as a child of a development command."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev import http_calls
from dev.processes import Child, Supervisor

BACKEND = Path(__file__).parents[1]


@dataclass(frozen=True)
class CodeRunner:
    """A runner that was started."""

    url: str
    child: Child

    def answers(self) -> bool:
        """Whether it runs code. Its first start on a machine fetches 48 MB and compiles for some seconds."""
        return http_calls.status("GET", f"{self.url}/health", {}) == 200


def start_runner(
    supervisor: Supervisor, *, port: int, output: Path | Callable[[str], None], token: str = "", **settings: str
) -> CodeRunner:
    """Start it on the loopback. `settings` are those of `runner.settings`, by their environment names."""
    env = {"RUNNER_PORT": str(port), "RUNNER_TOKEN": token, **settings}
    child = supervisor.start("the code runner", [sys.executable, "-m", "runner"], env=env, cwd=BACKEND, output=output)
    return CodeRunner(f"http://127.0.0.1:{port}", child)
