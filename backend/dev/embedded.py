"""The embedded stack: `@supabase/lite` on PGlite, Supabase's APIs and a real Postgres in one Node process.

It keeps no lock on its data folder, and a second writer silently loses rows. So there is a hold: a `flock` on
`supabase/.temp/lock` whose descriptor every process that writes there inherits, and which is free again exactly when
the last of them is gone.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from dev import ROOT, http_calls
from dev.processes import Child, StartError, Supervisor, free_port

PROGRAM = ROOT / "supabase/node_modules/@supabase/lite/dist/cli/index.js"
PRELOAD = ROOT / "supabase/preload.mjs"
LITE = ("node", "--import", PRELOAD.as_uri(), str(PROGRAM))
CONFIG = ROOT / "supabase/lite.toml"
MIGRATIONS = ROOT / "supabase/migrations"
SILENCE = 3.5
"""Seconds within which a stack that serves answers, also under load."""
DATA = Path("supabase/.temp/data")
STAMP = DATA / "migrated"  # among the data, so that it goes with them
UNFINISHED = Path("supabase/.temp/unfinished")
WAL_SEGMENT = 16 * 1024 * 1024


@dataclass(frozen=True)
class EmbeddedStack:
    url: str
    publishable_key: str
    jwt_secret: str
    server: Child | None = None

    def answers(self, timeout: float = 10.0) -> bool:
        """Whether it serves. Its first query takes a second or two: nobody else should wait for that."""
        url = f"{self.url}/rest/v1/rpc/schema_version"
        return http_calls.is_ok(url, {"apikey": self.publishable_key}, timeout)


@contextlib.contextmanager
def embedded_stack(
    folder: Path,
    *,
    port: int | None = None,
    jwt_secret: str | None = None,
    publishable_key: str | None = None,
    admin: bool = False,
) -> Iterator[EmbeddedStack]:
    """The embedded stack with its data below `folder`, migrated and answering. What is not given is made up.

    Data stay when it stops, so that a second stack on the same folder continues. Keyless requests are refused
    unless `admin`, which serves requests from this machine without row-level security.
    """
    log = folder / "stack.log"
    with Supervisor() as supervisor:
        try:
            stack = start_embedded(
                supervisor,
                folder,
                port=port or free_port(),
                jwt_secret=jwt_secret or secrets.token_urlsafe(48),
                publishable_key=publishable_key or f"sb_publishable_{secrets.token_urlsafe(24)}",
                admin=admin,
                output=log,
            )
            supervisor.wait_until(stack.answers, f"the embedded stack at {stack.url}")
        except StartError as error:
            log_end = log.read_text(errors="replace")[-4000:] if log.exists() else ""
            raise StartError(f"{error}\n{log_end}") from None
        yield stack


def start_embedded(
    supervisor: Supervisor,
    folder: Path,
    *,
    port: int,
    jwt_secret: str,
    publishable_key: str,
    admin: bool,
    output: Path | Callable[[str], None],
    say: Callable[[str], None] = lambda line: None,
    record: Mapping[str, object] | None = None,
    host: str = "127.0.0.1",
) -> EmbeddedStack:
    """Migrates and starts the stack under `supervisor`; it does not answer yet.

    `record` is left in the lock file for `running`. `host` is the address to listen on.
    """
    _prepare(folder)
    config = ("--config", "supabase/lite.toml")
    with hold(folder) as held:
        env = lite_environment(port, jwt_secret, publishable_key)
        options: dict[str, Any] = {"env": env, "cwd": folder, "output": output, "pass_fds": [held], "umask": 0o077}
        if not _is_migrated(folder):
            say("applying the migrations")
            _begin_first_migration(folder)
            if supervisor.run("lite migration up", [*LITE, "migration", "up", *config], **options):
                raise StartError("the migrations could not be applied")
            _mark_migrated(folder)
        say("starting the embedded stack")
        command = [*LITE, "start", "--host", host, "--admin" if admin else "--no-admin", *config]
        server = supervisor.start("the embedded stack", command, **options)
        _write(held, {**(record or {}), "pid": os.getpid()})  # not the server's: to end that looks like a crash
    return EmbeddedStack(f"http://127.0.0.1:{port}", publishable_key, jwt_secret, server)


def lite_environment(port: int, jwt_secret: str, publishable_key: str) -> dict[str, str]:
    """What its configuration reads; with its file store, and without telemetry."""
    return {
        "SUPABASE_PORT": str(port),
        "SUPABASE_JWT_SECRET": jwt_secret,
        "SUPABASE_PUBLISHABLE_KEY": publishable_key,
        "EXPERIMENTAL_STORAGE": "1",
        "DO_NOT_TRACK": "1",
    }


def keep_serving(
    supervisor: Supervisor,
    folder: Path,
    stack: EmbeddedStack,
    *,
    say: Callable[[str], None],
    restart: Callable[[], EmbeddedStack] | None = None,
    each_second: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Asks the stack every second whether it serves: after a PANIC of PostgreSQL its process lives on in silence.

    Notices within 8 s. Then `restart` may bring it back, three times at most; raises `StartError` when it does not.
    """
    restarts, was_full = 0, False
    while True:
        time.sleep(1)
        supervisor.check()
        each_second()
        if (full := is_full(folder)) and not was_full:
            say(f"the disk is full: nothing can be saved until there is space at {folder / 'supabase/.temp'}")
        was_full = full
        if stack.answers(SILENCE) or stack.answers(SILENCE):
            continue
        supervisor.check()
        say("the embedded stack lives but does not answer: PostgreSQL has stopped within it")
        if restart is None or stack.server is None:
            raise StartError(cure(folder) if full else "it has to be started again; what was acknowledged is there")
        if restarts == 3:
            raise StartError(f"the embedded stack does not serve: {cure(folder)}")
        restarts += 1
        supervisor.stop(stack.server)
        stack = restart()
        wait_until_it_answers(supervisor, folder, stack)
        say("the embedded stack answers again: what was acknowledged is there")


def wait_until_it_answers(supervisor: Supervisor, folder: Path, stack: EmbeddedStack) -> None:
    """Raises `StartError`, which says what to do, when it cannot serve."""
    try:
        supervisor.wait_until(stack.answers, f"the embedded stack at {stack.url}")
    except StartError as error:
        if stack.server is None or stack.server.process.poll() != 1:
            raise
        raise StartError(f"{error}: {cure(folder)}") from None


def is_full(folder: Path) -> bool:
    """Whether PostgreSQL has no space for one more segment of its log."""
    return shutil.disk_usage(folder / "supabase/.temp").free < WAL_SEGMENT


def cure(folder: Path) -> str:
    """What to do when the stack cannot serve."""
    if is_full(folder):
        return f"the disk is full; make space at {folder / 'supabase/.temp'}, then start it again"
    return (
        f"its data folder {folder / DATA} is damaged unless it says otherwise above; "
        "put back a backup (backend/deploy/README.md), or empty it: `make reset`, or remove the container's volume"
    )


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[int]:
    """Keeps everybody else from writing to the data folder. Children that are passed the descriptor keep it held."""
    path = folder / "supabase/.temp/lock"
    make_private(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read(descriptor).get("pid")
            how = f"Ctrl-C in its terminal, or `kill {pid}`" if pid else "Ctrl-C in its terminal"
            data = folder / "supabase/.temp"
            raise StartError(f"another command is using the data folder {data}: stop it first ({how})") from None
        _write(descriptor, {"pid": os.getpid()})
        yield descriptor
    finally:
        os.close(descriptor)


def make_private(folder: Path) -> None:
    """Makes the folder, and keeps it and what is in it from everybody but their owner."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)


def running(folder: Path) -> dict[str, Any] | None:
    """What the stack that holds the folder has recorded, or nothing when none does."""
    try:
        descriptor = os.open(folder / "supabase/.temp/lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _write(descriptor: int, record: Mapping[str, object]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record).encode(), 0)


def _read(descriptor: int) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        record = json.loads(os.pread(descriptor, 4096, 0))
        if isinstance(record, dict):
            return record
    return {}


def _prepare(folder: Path) -> None:
    """Lite looks for everything below `supabase` in its working directory, so another folder gets links."""
    if not PROGRAM.exists():
        raise StartError("the embedded stack is not installed: run `make install`")
    make_private(folder / "supabase/.temp")
    for original in (CONFIG, MIGRATIONS):
        link = folder / "supabase" / original.name
        if not link.exists():
            link.symlink_to(original)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        digest.update(migration.name.encode() + b"\0" + migration.read_bytes() + b"\0")
    return digest.hexdigest()


def _is_migrated(folder: Path) -> bool:
    """Saves the two seconds in which `migration up` finds nothing to do."""
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == _fingerprint()


def _begin_first_migration(folder: Path) -> None:
    """A data folder whose making was interrupted cannot be continued, and nobody has written to it yet."""
    data = folder / DATA
    if (folder / UNFINISHED).exists():
        shutil.rmtree(data, ignore_errors=True)
    if not data.exists():
        (folder / UNFINISHED).touch(0o600)


def _mark_migrated(folder: Path) -> None:
    (folder / UNFINISHED).unlink(missing_ok=True)  # first, since its presence lets data be removed
    (folder / STAMP).touch(0o600)
    (folder / STAMP).write_text(_fingerprint())
