"""What `make reset` does: empties the local database."""

import os
import shutil
import sys

from dev import ROOT
from dev.embedded import hold
from dev.processes import StartError


def reset() -> int:
    """The exit status: 0 when it is empty or was left alone on request, else 1."""
    temp = ROOT / "supabase/.temp"
    try:
        with hold(ROOT):
            if not is_wanted(f"Delete all rows, users and files in {temp}?"):
                return 0
            for folder in (temp / "data", temp / "storage"):
                shutil.rmtree(folder, ignore_errors=True)
    except StartError as error:
        print(f"Not emptied: {error}", file=sys.stderr)
        return 1
    print("The local database is empty. `make dev` makes it anew.")
    return 0


def is_wanted(question: str) -> bool:
    """Whether somebody at the terminal, or YES=1, says so. Raises `StartError` when nobody does."""
    if os.environ.get("YES") == "1":
        return True
    if not sys.stdin.isatty():
        raise StartError("nobody is there to ask; YES=1 does not ask")
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        print()
        return False
