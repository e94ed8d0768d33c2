"""`python -m dev`, `python -m dev token` and so on, for the Makefile."""

import sys

from dev.developer import print_token
from dev.reset import reset
from dev.serve import serve

COMMANDS = {"serve": serve, "token": print_token, "reset": reset}

sys.exit(COMMANDS[sys.argv[1] if len(sys.argv) > 1 else "serve"]())
