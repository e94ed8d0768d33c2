"""A TypeScript client made from the API's own description compiles under `strict`, and refuses what is wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dev.openapi import text

PROJECT = Path(__file__).parents[1] / "typescript"


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The generator and the compiler, installed when they are missing or older than the lock file."""
    installed, lock = PROJECT / "node_modules/.package-lock.json", PROJECT / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--ignore-scripts", cwd=PROJECT)
    return installed.parent


def test_a_front_end_compiles_against_the_generated_types(node_modules: Path, tmp_path: Path) -> None:
    for file in (*PROJECT.glob("*.ts"), PROJECT / "tsconfig.json"):
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(node_modules)
    (tmp_path / "openapi.json").write_text(text(), encoding="utf-8")
    run("node", node_modules / "openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.ts", cwd=tmp_path)
    run("node", node_modules / "typescript/bin/tsc", "--project", ".", cwd=tmp_path)
