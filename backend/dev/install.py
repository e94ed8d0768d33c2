"""Installs what the other commands need, once: Python packages into `.venv`, Node packages into `supabase/`.

Run by the machine's own Python, so it imports nothing but the standard library.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
UV = VENV / "bin/uv"
REQUIREMENTS = ROOT / "backend/requirements-dev.lock"
UV_REQUIREMENTS = ROOT / "backend/requirements-uv.lock"
NODE_MODULES = ROOT / "supabase/node_modules"
OLDEST_NODE = 20


class InstallError(Exception):
    """Something cannot be installed; the message says what to do."""


def main() -> int:
    try:
        with Path(__file__).open() as this_file:
            fcntl.flock(this_file, fcntl.LOCK_EX)  # two targets at once in a new clone
            install()
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def install() -> None:
    check_node()
    pending = {
        what: job
        for what, job, stamp, state in (
            ("Python packages", install_python, VENV / "installed", python_state()),
            ("Node packages", install_node, NODE_MODULES / ".installed", node_state()),
        )
        if not is_current(stamp, state)
    }
    if not pending:
        return
    started_at = time.monotonic()
    say(started_at, f"installing {' and '.join(pending)}")
    with ThreadPoolExecutor() as pool:
        jobs: dict[Future[None], str] = {pool.submit(job): what for what, job in pending.items()}
        while jobs:
            done, _ = wait(jobs, timeout=10, return_when="FIRST_COMPLETED")
            for job in done:
                what = jobs.pop(job)
                job.result()
                say(started_at, f"{what} are installed")
            if not done:
                say(started_at, f"still installing {' and '.join(jobs.values())}")


def say(started_at: float, line: str) -> None:
    print(f"{time.monotonic() - started_at:5.1f} s  {line}", flush=True)


def check_node() -> None:
    node = shutil.which("node")
    if not node:
        raise InstallError(f"Node is missing: install Node.js {OLDEST_NODE} or newer, which brings npm.")
    version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    major = re.match(r"v(\d+)", version)
    if not major or int(major[1]) < OLDEST_NODE:
        raise InstallError(f"Node {version} is too old: install Node.js {OLDEST_NODE} or newer.")
    if not shutil.which("npm"):
        raise InstallError("npm is missing: install it, it is a part of Node.js.")


def python_state() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def node_state() -> str:
    return hashlib.sha256((ROOT / "supabase/package-lock.json").read_bytes()).hexdigest()


def is_current(stamp: Path, state: str) -> bool:
    return stamp.exists() and stamp.read_text() == state


def install_python() -> None:
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV))
    install_requirements(REQUIREMENTS)
    (VENV / "installed").write_text(python_state())


def install_requirements(lock: Path) -> None:
    """Installs a lock file into `.venv`: by uv in a third of pip's time, by pip where uv cannot, such as behind a
    mirror that only pip is told of."""
    if not UV.exists():
        run(*pip(), "install", "--require-hashes", "--no-deps", "-r", str(UV_REQUIREMENTS))
    try:
        run(str(UV), "pip", "install", "--python", str(PYTHON), "--require-hashes", "--no-deps", "-r", str(lock))
    except InstallError:
        run(*pip(), "install", "--require-hashes", "--no-deps", "-r", str(lock))


def pip() -> list[str]:
    """The pip of this Python, made to install into `.venv`, else one put there, which takes longer."""
    own = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True)
    version = re.match(r"pip (\d+)\.(\d+)", own.stdout)
    if version and (int(version[1]), int(version[2])) >= (22, 3):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    try:
        run(str(PYTHON), "-m", "ensurepip")
    except InstallError:
        raise InstallError("pip is missing: install it (Debian and Ubuntu: python3-venv).") from None
    return [str(PYTHON), "-m", "pip"]


def install_node() -> None:
    run("npm", "ci", "--omit=dev", "--no-progress", cwd=ROOT / "supabase")
    (NODE_MODULES / ".installed").write_text(node_state())


def run(*command: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
