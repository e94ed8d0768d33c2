"""The migrations themselves: pgTAP on real PostgreSQL, and the version that the gateway asks for."""

import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.services.db import SCHEMA_VERSION
from dev.embedded import MIGRATIONS, ROOT
from dev.postgres import psql_command
from dev.processes import base_environment
from tests.integration.conftest import Backend

BOOTSTRAP = ROOT / "supabase/tests/bootstrap.sql"
STORIES = sorted(set(BOOTSTRAP.parent.glob("*.sql")) - {BOOTSTRAP})
PGTAP = ROOT / "supabase/node_modules/@electric-sql/pglite/dist/pgtap.tar.gz"

Psql = Callable[..., "subprocess.CompletedProcess[str]"]


def pgtap() -> str:
    """The newest complete pgTAP of those that come with PGlite, as SQL."""
    with tarfile.open(PGTAP) as archive:
        complete = {
            tuple(map(int, match[1].split("."))): name
            for name in archive.getnames()
            if (match := re.search(r"/pgtap--([\d.]+)\.sql$", name))
        }
        file = archive.extractfile(complete[max(complete)])
        assert file
        return file.read().decode()


@pytest.fixture(scope="module")
def psql(backend: Backend) -> Iterator[Psql]:
    """Runs SQL as superuser in a migrated database that has pgTAP and nobody's rows."""
    dsn = backend.stack.dsn.replace("/postgres?", "/pgtap?")

    def run(*arguments: str | Path, script: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*psql_command(backend.stack.psql, dsn), "-At", *arguments],
            input=script,
            capture_output=True,
            text=True,
            env=base_environment(),
        )

    # `create database` knows no transaction.
    create = [*psql_command(backend.stack.psql, backend.stack.dsn), "-c", "create database pgtap"]
    subprocess.run(create, check=True, env=base_environment())
    for file in (BOOTSTRAP, *sorted(MIGRATIONS.glob("*.sql"))):
        assert not run("-1", "-f", file).stderr
    loaded = run("-1", "-f", "-", script=f"set search_path = extensions;\n{pgtap()}")
    assert loaded.returncode == 0, loaded.stderr
    yield run
    drop = [*psql_command(backend.stack.psql, backend.stack.dsn), "-c", "drop database pgtap"]
    subprocess.run(drop, check=True, env=base_environment())


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_the_database_keeps_its_word(psql: Psql, story: Path) -> None:
    done = psql("-f", story)
    lines = done.stdout.splitlines()
    said = f"{story.name}\n{done.stdout}{done.stderr}"
    (plan,) = (int(line.removeprefix("1..")) for line in lines if re.fullmatch(r"1\.\.\d+", line))
    assert done.returncode == 0, said
    assert not [line for line in lines if line.startswith("not ok")], said
    assert len([line for line in lines if line.startswith("ok ")]) == plan > 0, said


def test_the_gateway_needs_the_newest_migration() -> None:
    newest = max(file.name.partition("_")[0] for file in MIGRATIONS.glob("*.sql"))
    assert newest == SCHEMA_VERSION


def test_the_database_tells_its_version_to_anybody(backend: Backend) -> None:
    with backend.data_api() as data_api:
        answer: httpx.Response = data_api.post("/rpc/schema_version", json={})
    assert (answer.status_code, answer.json()) == (200, SCHEMA_VERSION)
