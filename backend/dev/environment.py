"""The settings in `.env`, made from `.env.example` with secrets of its own, for its owner alone."""

import os
import re
import secrets
from collections.abc import Callable

from dotenv import dotenv_values

from dev import ROOT
from dev.processes import StartError

FILE = ROOT / ".env"
EXAMPLE = ROOT / ".env.example"
GENERATED: dict[str, Callable[[], str]] = {
    "SUPABASE_JWT_SECRET": lambda: secrets.token_urlsafe(48),
    "SUPABASE_PUBLISHABLE_KEY": lambda: f"sb_publishable_{secrets.token_urlsafe(24)}",
    "DEVELOPER_PASSWORD": lambda: secrets.token_urlsafe(12),
}
NOT_THE_GATEWAYS = {"DATABASE_URL", "DEVELOPER_PASSWORD", "PAGE_PORT"}


def create() -> bool:
    """Writes `.env`; whether it was not there. One that is there only gets a password, when it is older than that."""
    try:
        descriptor = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        FILE.chmod(0o600)
        if "DEVELOPER_PASSWORD" not in read():
            with FILE.open("a") as file:
                file.write(f"\nDEVELOPER_PASSWORD={GENERATED['DEVELOPER_PASSWORD']()}\n")
        return False
    with os.fdopen(descriptor, "w") as file:
        for line in EXAMPLE.read_text().splitlines():
            name = line.removesuffix("=")
            file.write(line + (GENERATED[name]() if name in GENERATED else "") + "\n")
    return True


def read() -> dict[str, str]:
    """The settings that are given: by the environment, else by `.env`. What Kubernetes says of a service that is named
    like one of them, such as SUPABASE_PORT=tcp://10.0.0.1:8000, is none."""
    own = {name: value for name, value in os.environ.items() if value.strip() and not value.startswith("tcp://")}
    given = {**dotenv_values(FILE, interpolate=False), **own}
    return {name: value for name, value in given.items() if value}


def documented() -> set[str]:
    """The names of all settings, those that `.env.example` only mentions included."""
    return set(re.findall(r"^(?:# ?)?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))


def port(settings: dict[str, str], name: str, default: int) -> int:
    value = settings.get(name, str(default))
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise StartError(f"{name}={value} is not a port: set it to a number from 1 to 65535")
    return int(value)
