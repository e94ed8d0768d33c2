"""Installs what only the benchmark needs, the first time: the rivals' packages, and the load generator."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from dev.install import VENV, InstallError, install_requirements, is_current
from dev.processes import StartError

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parent / "requirements-bench.lock"
NODE_LOCK = HERE / "package-lock.json"


def install() -> None:
    """Install what is missing or of another version than the lock files say."""
    for lock, stamp, job in (
        (REQUIREMENTS, VENV / "installed-bench", _python),
        (NODE_LOCK, HERE / "node_modules/installed", _node),
    ):
        state = hashlib.sha256(lock.read_bytes()).hexdigest()
        if not is_current(stamp, state):
            job()
            stamp.write_text(state)


def _python() -> None:
    try:
        install_requirements(REQUIREMENTS)
    except InstallError as error:
        raise StartError(f"the benchmark's packages could not be installed: {error}") from None


def _node() -> None:
    if not shutil.which("npm"):
        raise StartError("npm is missing: install Node.js, which brings it")
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-progress"], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        raise StartError(f"the load generator could not be installed:\n{done.stderr}")
