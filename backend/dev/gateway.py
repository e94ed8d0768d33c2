"""The gateway with reload, as `uvicorn app.main:app --reload --reload-dir app` runs it, but ending with its worker.

Uvicorn's reloader goes on when its worker is killed, and connections then hang: the reloader keeps the socket.
Run as `python -m dev.gateway`.
"""

import os
import sys
from pathlib import Path

import uvicorn
from uvicorn.supervisors.statreload import StatReload


class Reload(StatReload):
    """A worker that ended by itself, over a mistake in a change, is left to the next change. The first one is not,
    since nothing has been changed yet; nor is a killed one."""

    changed = False

    def restart(self) -> None:
        self.changed = True
        super().restart()

    def should_restart(self) -> list[Path] | None:
        code = self.process.exitcode
        if code is not None and code < 0:
            sys.exit(f"The gateway's worker (pid {self.process.pid}) was killed by signal {-code}.")
        if code is not None and not self.changed:
            sys.exit("The gateway has ended, see above. Its settings are changed in .env or in the environment.")
        return super().should_restart()


def main() -> None:
    os.environ["TURN_GRACE"] = "0"  # a reload waits for no answer
    config = uvicorn.Config(
        "app.main:app",
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        reload=True,
        reload_dirs=["app"],
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_keep_alive=75,  # as in the image: a request that meets the end of an idle connection is lost
        timeout_graceful_shutdown=2,
    )
    Reload(config, target=uvicorn.Server(config).run, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    main()
