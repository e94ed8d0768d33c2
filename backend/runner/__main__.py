"""Run the runner: `python -m runner`. SIGTERM and Ctrl-C end it, with everything that it has started."""

import logging
import subprocess
import sys

import uvicorn
from pydantic import ValidationError

from runner.api import create_app
from runner.logs import configure
from runner.python import Python
from runner.settings import Settings

log = logging.getLogger("runner")


def main() -> int:
    """The exit status."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = [f"  RUNNER_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors(include_input=False)]
        print("Settings are wrong; the runner does not start:\n" + "\n".join(wrong), file=sys.stderr)  # noqa: T201
        return 1
    configure(settings.log_level)
    # In a process of its own, since compiling takes half a gigabyte that this one would keep.
    if not Python(settings.python_folder).is_ready() and subprocess.call([sys.executable, "-m", "runner.python"]):
        return 1
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_keep_alive=60,  # longer than clients use one again, which would meet its end
        timeout_graceful_shutdown=2,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
