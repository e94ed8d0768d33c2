"""`make export` and `make import`: the embedded stack's rows, users and files, moved to another Supabase or PostgreSQL.

An export is a tar of `rows.sql` for psql, `files.json` (`[{name, type}]`) and the files, each at `sources/<name>`.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dev import ROOT, environment, http_calls
from dev.database import database_url, where, without_password
from dev.embedded import DATA, hold
from dev.postgres import find_psql
from dev.processes import StartError, base_environment
from dev.sweep import operator

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
    """Writes all that the stopped stack below `folder` holds, and says how much there is."""
    store = folder / "supabase/.temp/storage"
    with hold(folder) as held, tempfile.TemporaryDirectory() as made, tarfile.open(fileobj=file, mode="w|") as archive:
        rows, files = Path(made, "rows.sql"), Path(made, "files.json")
        command: list[str | Path] = ["node", EXPORT, folder / DATA, rows, files]
        if subprocess.run(command, env=base_environment(), stdin=subprocess.DEVNULL, pass_fds=[held]).returncode:
            raise StartError("the data folder could not be read")
        archive.add(rows, rows.name)
        archive.add(files, files.name)
        for each in json.loads(files.read_bytes()):
            archive.add(store / "sources" / each["name"], f"sources/{each['name']}")


def import_data() -> int:
    """The exit status: 0 when all is there, 1 when no row has changed."""
    path = ROOT / sys.argv[2]
    try:
        settings = environment.read()
        url = database_url(settings)
        if not path.exists():
            raise StartError(f"there is no {path}: `make export` writes it")
        load(path, url, find_psql(), settings)
    except (StartError, OSError, tarfile.TarError) as error:
        print(f"Not imported, no row has changed: {error}", file=sys.stderr)
        return 1
    print(f"Imported {path} into {where(url)}.")
    return 0


def load(path: Path, url: str, psql: Path, settings: Mapping[str, str]) -> None:
    """Puts the files of an export into the file store, and then its rows into the database, all of them or none.

    Files that are there already are written again: what was broken off is started again.
    """
    address, env = without_password(url)
    with tarfile.open(path) as archive:

        def content(name: str) -> bytes:
            return (archive.extractfile(name) or io.BytesIO()).read()

        if files := json.loads(content("files.json")):
            store, headers = operator(settings)
        for each in files:
            kind = {"Content-Type": each["type"], "x-upsert": "true"}
            place = f"{store}/storage/v1/object/sources/{quote(each['name'])}"
            status, _ = http_calls.call("POST", place, headers | kind, content(f"sources/{each['name']}"), 300)
            if status != 200:
                raise StartError(f"{store} answers {status} to a file: it needs all migrations, and you KEY=...")
        done = subprocess.run(
            [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address],
            env={"PGCONNECT_TIMEOUT": "10", **env},
            input=content("rows.sql"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    if done.returncode:
        lines = (line.partition("ERROR:  ")[2] or line for line in done.stderr.decode(errors="replace").splitlines())
        raise StartError(next(lines, "psql failed without a word"))
