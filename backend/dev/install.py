"""Installs what the other commands need, once: Python packages into `.venv`, Node packages into `supabase/`.

Run by the machine's own Python, so it imports nothing but the standard library.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
UV = VENV / "bin/uv"
REQUIREMENTS = ROOT / "backend/requirements-dev.lock"
UV_REQUIREMENTS = ROOT / "backend/requirements-uv.lock"
NODE_LOCK = ROOT / "supabase/package-lock.json"
PYTHON_STAMP = VENV / "installed"
NODE_STAMP = ROOT / "supabase/node_modules/.installed"
OLDEST_NODE = 20

# The Python that `.venv` was made of, when that one runs this: it has pip, and stays when `.venv` is made anew.
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
# What programs say when the file system is at fault, and what that means.
DISK_FAULTS = {
    r"ENOSPC|No space left on device|os error 28\b": "the disk is full: an installation takes 1 GB, caches included",
    r"EDQUOT|Disk quota exceeded|os error 122\b": "the quota is used up: an installation takes 1 GB, caches included",
    r"EROFS|Read-only file system|os error 30\b": "the disk is read-only: install where this folder can be written to",
    r"EACCES|Permission denied|os error 13\b": "this user may not write there: own the folder, or install as its owner",
}


class InstallError(Exception):
    """Something cannot be installed; the message says what to do."""


def main() -> int:
    try:
        with Path(__file__).open() as this_file:
            fcntl.flock(this_file, fcntl.LOCK_EX)  # two targets at once in a new clone
            install()
    except (InstallError, OSError) as error:
        print(f"Not installed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def install() -> None:
    check_node()
    pending = {
        what: job
        for what, job, stamp, lock in (
            ("Python packages", install_python, PYTHON_STAMP, REQUIREMENTS),
            ("Node packages", install_node, NODE_STAMP, NODE_LOCK),
        )
        if not is_current(stamp, digest(lock))
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


def digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def is_current(stamp: Path, state: str) -> bool:
    return is_whole(stamp) and stamp.read_text().partition("\n")[0] == state


def is_whole(stamp: Path) -> bool:
    """Whether all that was installed together with the stamp is still there."""
    if not stamp.exists():
        return False
    _, *names = stamp.read_text().splitlines()
    return all((stamp.parent / name).exists() for name in names)


def write_stamp(stamp: Path, state: str) -> None:
    """Notes that the folder of the stamp is installed, and what is in it: all folders, and the files at their top."""
    names = (os.path.relpath(path, stamp.parent) for path in installed(stamp.parent))
    stamp.write_text("\n".join([state, *sorted(names)]))


def installed(folder: Path) -> Iterator[str]:
    packages = {str(folder), *map(str, folder.glob("lib/python*/site-packages"))}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (os.path.join(parent, name) for name in folders)
        if parent in packages or parent.endswith("/bin"):
            yield from (os.path.join(parent, name) for name in files)


def install_python() -> None:
    if not (PYTHON.exists() and is_whole(PYTHON_STAMP)):
        run(BASE_PYTHON, "-m", "venv", "--clear", "--without-pip", str(VENV))
    install_requirements(REQUIREMENTS)
    write_stamp(PYTHON_STAMP, digest(REQUIREMENTS))


def install_requirements(lock: Path) -> None:
    """Installs a lock file into `.venv`: by uv in a third of pip's time, by pip where uv cannot, such as with a
    mirror that only pip is told of."""
    if not UV.exists():
        run(*pip(), "install", "--require-hashes", "--no-deps", "-r", str(UV_REQUIREMENTS))
    try:
        run(str(UV), "pip", "install", "--python", str(PYTHON), "--require-hashes", "--no-deps", "-r", str(lock))
    except InstallError:
        run(*pip(), "install", "--require-hashes", "--no-deps", "-r", str(lock))


def pip() -> list[str]:
    """The pip of this Python, made to install into `.venv`, else one put there, which takes longer."""
    own = [BASE_PYTHON, "-m", "pip", "--python", str(PYTHON)]  # an option of pip 22.3 and newer
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    try:
        run(str(PYTHON), "-m", "ensurepip")
    except InstallError:
        raise InstallError("pip is missing: install it (Debian and Ubuntu: python3-venv).") from None
    return [str(PYTHON), "-m", "pip"]


def install_node() -> None:
    run("npm", "ci", "--omit=dev", "--no-progress", cwd=ROOT / "supabase")
    write_stamp(NODE_STAMP, digest(NODE_LOCK))


def environment() -> dict[str, str]:
    """This process's, without what would send the packages to another place than the folder they are for."""
    others = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return {**kept, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "npm_config_global": "false"}


def run(*command: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        output = done.stdout + done.stderr
        for pattern, meaning in DISK_FAULTS.items():
            if said := re.search(f"^.*(?:{pattern}).*$", output, re.MULTILINE):
                raise InstallError(f"{meaning} ({said[0].strip()})")
        raise InstallError(f"{' '.join(command)} failed:\n{output}")


if __name__ == "__main__":
    sys.exit(main())
