"""A process that ends the process groups it was told of, once its standard input closes.

Run by path with a bare Python. Only the supervisor holds the other end, so the input closes whenever and however the
supervisor goes, SIGKILL included. Lines are `+<group>` and `-<group>`.
"""

import os
import signal
import sys
import time

GRACE = 1.0


def send(group: int, signum: int) -> bool:
    """Whether the group still has a member to receive the signal."""
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):  # macOS answers "not permitted" for a group of zombies
        return False
    return True


def main() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(send(group, 0) for group in groups):
        time.sleep(0.02)
    for group in groups:
        send(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
