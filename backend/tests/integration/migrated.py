"""The embedded stack on a copy of one data folder that was migrated once, since to apply all migrations takes 9 s."""

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dev import ROOT
from dev.embedded import CONFIG, DATA, MIGRATIONS, PRELOAD, EmbeddedStack, embedded_stack

KEPT = ROOT / "backend/.pytest_cache/embedded"
"""Below it the folder of the current migrations, kept for the next run; those of others are removed."""
MAKERS = (PRELOAD, CONFIG, ROOT / "supabase/package-lock.json", ROOT / "backend/dev/embedded.py")


@contextlib.contextmanager
def migrated_stack(folder: Path, **options: Any) -> Iterator[EmbeddedStack]:
    """As `embedded_stack`; a folder without data begins with all migrations applied and nobody's rows."""
    if not (folder / DATA).exists():
        shutil.copytree(_template(), folder / DATA)
    with embedded_stack(folder, **options) as stack:
        yield stack


def _template() -> Path:
    """The migrated data folder, made by the first process that asks for it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = KEPT / _state()
        if not current.exists():
            for older in KEPT.glob("*/"):
                shutil.rmtree(older)
            making = KEPT / "making"
            with embedded_stack(making):
                pass  # once, for what the first start adds
            making.rename(current)
        return current / DATA


def _state() -> str:
    """What the data folder is made of."""
    digest = hashlib.sha256()
    for file in (*sorted(MIGRATIONS.glob("*.sql")), *MAKERS):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
