"""What Linux tells of a server's processes. `Supervisor` starts each server in a process group of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(group: int) -> float:
    """CPU time of all processes of the group, in user and kernel mode."""
    return sum(int(fields[11]) + int(fields[12]) for _, fields in _members(group)) * _TICK


def rss_mib(group: int) -> float:
    """Resident memory of all processes of the group; what they share counts for each of them."""
    pages = sum(int(fields[21]) for _, fields in _members(group))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_model() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _members(group: int) -> Iterator[tuple[int, list[str]]]:
    """Process ids, and the fields of proc(5)'s `stat` from the third on."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(fields[2]) == group:
                yield int(folder.name), fields
