"""`python -m dev`, `python -m dev token` and so on, for the Makefile."""

import sys

from dev.developer import print_token
from dev.migrate import migrate
from dev.move import export_data, import_data
from dev.reset import reset
from dev.serve import serve
from dev.sweep import sweep
from dev.up import down, logs, up

COMMANDS = {
    "serve": serve,
    "token": print_token,
    "reset": reset,
    "sweep": sweep,
    "up": up,
    "down": down,
    "logs": logs,
    "migrate": migrate,
    "export": export_data,
    "import": import_data,
}

try:
    sys.exit(COMMANDS[sys.argv[1] if len(sys.argv) > 1 else "serve"]())
except OSError as error:
    if not error.filename:
        raise
    sys.exit(f"Stopped: {error.strerror} ({error.filename})")  # a disk that is full or read-only, a foreign folder
