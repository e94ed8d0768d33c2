"""The real supabase-js, straight at the data API of both backends: what it does on Supabase works on our tables.

The claims are in `tests/javascript`, in its own language; each file is run by Node once for each backend.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from dev.processes import base_environment
from tests.integration.conftest import Backend, User

PROJECT = Path(__file__).parents[1] / "javascript"


@pytest.fixture(scope="module")
def packages() -> None:
    """Installs supabase-js when it is missing or older than the lock file."""
    installed, lock = PROJECT / "node_modules/.package-lock.json", PROJECT / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=PROJECT, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("claims", sorted(PROJECT.glob("*.test.mjs")), ids=lambda file: file.name.partition(".")[0])
def test_supabase_js_works(backend: Backend, owner: User, stranger: User, claims: Path) -> None:
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", claims],
        cwd=PROJECT,
        env=base_environment()
        | {
            "SUPABASE_URL": backend.supabase_url,
            "SUPABASE_PUBLISHABLE_KEY": backend.publishable_key,
            "OWNER_ID": owner.id,
            "OWNER_TOKEN": owner.token,
            "STRANGER_ID": stranger.id,
            "STRANGER_TOKEN": stranger.token,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
