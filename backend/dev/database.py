"""A database named by DATABASE_URL, and the official Supabase CLI that reaches it."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from dev import ROOT, install
from dev.processes import StartError, base_environment

SUPABASE = ROOT / "supabase"
CLI = SUPABASE / "node_modules/.bin/supabase"


def database_url(settings: Mapping[str, str]) -> str:
    url = settings.get("DATABASE_URL")
    if not url:
        raise StartError(
            "DATABASE_URL is not set: give it in the environment or in .env, such as "
            "postgresql://postgres:<password>@<host>:5432/postgres (Supabase's dashboard shows it under Connect)"
        )
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise StartError("DATABASE_URL is no address of a PostgreSQL: it begins with postgresql://")
    return url


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """The address as everybody on this machine may read it in the list of processes, and the environment with what
    is left out there."""
    parts = urlsplit(url)
    inherited = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    env = {**base_environment(), **inherited}
    if parts.password is None:
        return url, env
    user = quote(unquote(parts.username or ""), safe="")
    bare = parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}")
    return urlunsplit(bare), {**env, "PGPASSWORD": unquote(parts.password)}


def where(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'the local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


def install_cli() -> Path:
    """The official CLI. Installed the first time, without touching the packages that are there."""
    if not CLI.exists():
        print("Installing the official Supabase CLI (140 MB)", flush=True)
        try:
            with Path(install.__file__).open() as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # as every installation
                install.run("npm", "install", "--include=dev", "--no-save", "--no-progress", cwd=SUPABASE)
        except install.InstallError as error:
            raise StartError(f"the Supabase CLI could not be installed: {error}") from None
    return CLI


def cli_environment() -> dict[str, str]:
    return {**os.environ, "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
