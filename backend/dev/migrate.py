"""What `make migrate` does: applies supabase/migrations to DATABASE_URL with the official CLI, and says what it did."""

import subprocess
import sys

from dev import ROOT, environment
from dev.database import cli_environment, database_url, install_cli, where, without_password
from dev.processes import StartError

APPLYING = "Applying migration "


def migrate() -> int:
    """The exit status: 0 when the database has all migrations, else 1."""
    try:
        url = database_url(environment.read())
        applied = push(url)
    except StartError as error:
        print(f"Not migrated: {error}", file=sys.stderr)
        return 1
    if applied:
        print(f"Applied {applied} migration{'s' if applied > 1 else ''} to {where(url)}.")
    else:
        print(f"Nothing to apply: {where(url)} has all migrations.")
    return 0


def push(url: str) -> int:
    """Applies what is missing; how many migrations that were."""
    cli = install_cli()
    address, secrets = without_password(url)
    process = subprocess.Popen(
        [cli, "db", "push", f"--remote={address}", "--yes", "--workdir", ROOT],
        env={**cli_environment(), **secrets},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout
    applied, said = 0, []
    for line in process.stdout:
        if line.startswith(APPLYING):
            applied += 1
            print(line.rstrip("\n"), flush=True)
        else:
            said.append(line.rstrip("\n"))
    if process.wait():
        raise StartError(reason(said))
    return applied


def reason(said: list[str]) -> str:
    """What went wrong, of all that the CLI says then. Its advice fits hosted projects alone."""
    asides = (
        "Target:",
        "Confirmed by",
        "Try rerunning",
        "Connect to your database by",
        "Make sure your local IP",
        "http",
    )
    lines = [line for line in said if line.strip("│▲◆ ") and not line.startswith(asides) and "without TLS" not in line]
    return "\n".join(lines).removeprefix("failed to connect to postgres: ") or "the Supabase CLI failed without a word"
