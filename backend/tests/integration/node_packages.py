"""Programs of Node that tests run, and the packages that they are tested with."""

import subprocess
from pathlib import Path

from dev.processes import base_environment


def run(*command: str | Path, cwd: Path, script: str = "", timeout: float = 120, **env: str) -> str:
    """What the program prints, given a script on its input; its success is asserted."""
    done = subprocess.run(
        command, cwd=cwd, input=script, capture_output=True, text=True, env=base_environment() | env, timeout=timeout
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def install(project: Path) -> Path:
    """The folder of the packages that the lock file in this one names, installed when they are missing or older."""
    installed, lock = project / "node_modules/.package-lock.json", project / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--ignore-scripts", cwd=project)
    return installed.parent
