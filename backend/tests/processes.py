"""Which processes a test has started, so that those of tests in other processes are not counted, and what they hold."""

import contextlib
import os
from pathlib import Path

import pytest


def descendants(word: str, ancestor: int | None = None) -> set[int]:
    """Processes with this word in their command line that come from `ancestor`, by default from this process."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return {pid for pid in parents if _comes_from(pid, ancestor or os.getpid(), parents) and word in command(pid)}


def command(pid: int) -> str:
    """Its command line; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def cpu_seconds(pid: int) -> float:
    """The CPU time that it has taken so far, to a hundredth of a second."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def _comes_from(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


class Memory:
    """What a process holds at most from now on."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        if not (self._process / "clear_refs").exists():
            pytest.skip("reads /proc, which is Linux's")
        (self._process / "clear_refs").write_text("5")
        self._before = self._mebibytes("VmRSS")

    def growth(self) -> float:
        """The highest so far, in MiB more than at the beginning."""
        return self._mebibytes("VmHWM") - self._before

    def _mebibytes(self, what: str) -> float:
        status = dict(line.split(":", 1) for line in (self._process / "status").read_text().splitlines())
        return int(status[what].split()[0]) / 1024
