"""`make export` and `make import`: the embedded stack's rows and users, moved to another Supabase or PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from dev import environment
from dev.database import database_url, find_psql, where, without_password
from dev.embedded import hold
from dev.processes import StartError, base_environment

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "supabase/export.mjs"


def export_data() -> int:
    """The exit status: 0 when the file is complete, else 1. `-` is standard output."""
    name = sys.argv[2]
    try:
        if name == "-":
            export(ROOT, sys.stdout.buffer)
            return 0
        path = ROOT / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise StartError(f"{path} is there already: remove it, or choose another with FILE=...") from None
        except (FileNotFoundError, NotADirectoryError):
            raise StartError(f"there is no folder {path.parent}: make it, or choose another with FILE=...") from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                export(ROOT, file)
        except BaseException:
            path.unlink()
            raise
    except (StartError, OSError) as error:
        print(f"Not exported: {error}", file=sys.stderr)
        return 1
    print(f"Exported to {path}, with the hashes of passwords: keep it to yourself.")
    return 0


def export(folder: Path, file: IO[bytes]) -> None:
    """Writes the rows of the stopped stack below `folder` as SQL for psql, and says how many there are."""
    with hold(folder) as held:
        done = subprocess.run(
            ["node", EXPORT, folder / "supabase/.temp/data"],
            env=base_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            pass_fds=[held],
        )
    if done.returncode:
        raise StartError("the data folder could not be read")


def import_data() -> int:
    """The exit status: 0 when all rows are there, 1 when nothing has changed."""
    path = ROOT / sys.argv[2]
    try:
        url = database_url(environment.read())
        if not path.exists():
            raise StartError(f"there is no {path}: `make export` writes it")
        load(path, url, find_psql())
    except StartError as error:
        print(f"Not imported, nothing has changed: {error}", file=sys.stderr)
        return 1
    print(f"Imported {path} into {where(url)}.")
    return 0


def load(path: Path, url: str, psql: Path) -> None:
    """Runs an export on another database: all of it or nothing."""
    address, env = without_password(url)
    done = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path, "-d", address],
        env={"PGCONNECT_TIMEOUT": "10", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        lines = (line.partition("ERROR:  ")[2] or line for line in done.stderr.splitlines())
        raise StartError(next(lines, "psql failed without a word"))
