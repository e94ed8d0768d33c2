"""The code runner as a child of a development command."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import BACKEND, http_calls
from dev.processes import Child, Supervisor


@dataclass(frozen=True)
class CodeRunner:
    """A runner that was started."""

    url: str
    child: Child

    def answers(self) -> bool:
        """Whether it runs code. Its first start on a machine fetches 48 MB and compiles for some seconds."""
        return http_calls.is_ok(f"{self.url}/health")


def start_runner(
    supervisor: Supervisor,
    *,
    port: int,
    output: Path | Callable[[str], None],
    token: str = "",
    needed: bool = True,
    settings: Mapping[str, str] | None = None,
) -> CodeRunner:
    """Start it on the loopback. `settings` are those of `runner.settings`, by their environment names."""
    env = {"RUNNER_PORT": str(port), "RUNNER_TOKEN": token, **(settings or {})}
    command = [sys.executable, "-m", "runner"]
    child = supervisor.start("the code runner", command, env=env, cwd=BACKEND, output=output, needed=needed)
    return CodeRunner(f"http://127.0.0.1:{port}", child)


class KeptRunner:
    """A runner that is started again when it dies, three times at most. Without it all else goes on."""

    def __init__(self, supervisor: Supervisor, *, port: int, token: str, say: Callable[[str], None]) -> None:
        self._supervisor = supervisor
        self._port = port
        self._token = token
        self._say = say
        self._starts = 0
        self._runner: CodeRunner | None = self._start()
        self.environment = {"RUNNER_URL": f"http://127.0.0.1:{port}", "RUNNER_TOKEN": token}
        """What the gateway is told of it."""

    def _start(self) -> CodeRunner:
        self._starts += 1
        return start_runner(self._supervisor, port=self._port, output=self._show, token=self._token, needed=False)

    def _show(self, line: str) -> None:
        """Say how its preparation goes on and what is wrong; it has a line for each run too."""
        try:
            record = json.loads(line)
        except ValueError:
            record = {"message": line, "level": "ERROR"}
        if record.get("level") != "INFO" or record.get("logger") == "runner.python":
            seconds = f" ({record['seconds']} s)" if "seconds" in record else ""
            self._say(f"code runner: {record.get('message')}{seconds}")

    def settled(self) -> bool:
        """Whether it answers, or has ended."""
        return self._runner is None or self._runner.child.process.poll() is not None or self._runner.answers()

    def keep(self) -> None:
        """Start it again when it has ended. To be called now and then."""
        if self._runner is None or self._runner.child.process.poll() is None:
            return
        self._runner.child.finish()
        ending = self._runner.child.ending()
        self._supervisor.stop(self._runner.child)
        # One that ends by itself has said why, and would do so again.
        if self._runner.child.process.returncode > 0 or self._starts > 3:
            self._say(f"{ending}: labs do not run until `make dev` is started again; all else works")
            self._runner = None
            return
        self._say(f"{ending}: starting it again")
        self._runner = self._start()
