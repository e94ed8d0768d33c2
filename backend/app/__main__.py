"""What the image runs: `python -m app` serves on all addresses, `python -m app health` says whether that server lives.

What uvicorn reads from the environment (UVICORN_..., WEB_CONCURRENCY) stays as it is; UVICORN_HOST chooses one address.
"""

import os
import socket
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

TIMEOUT = 2.0
"""Seconds that an address has to answer the health check."""


def all_addresses() -> str:
    """All addresses of IPv4 and IPv6, as uvicorn takes them: one worker has a socket for each family, and `::` would be
    IPv6 alone; several workers share one socket."""
    if int(os.environ.get("WEB_CONCURRENCY", "1")) == 1:
        return ""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104


def serve(port: int) -> None:
    """Become uvicorn, so that it is process 1 of a container and gets its signals."""
    host = os.environ.get("UVICORN_HOST") or all_addresses()
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--host", host, "--port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606


def is_healthy(port: int) -> bool:
    """Whether `/health` answers on this machine. By http.client, which no proxy setting leads astray."""
    chosen = os.environ.get("UVICORN_HOST")
    for host in [chosen] if chosen else ["127.0.0.1", "::1"]:  # not `localhost`: images resolve it to one of them
        with suppress(OSError, HTTPException):
            connection = HTTPConnection(host, port, timeout=TIMEOUT)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
    return False


def main() -> None:
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]  # an empty one is the same as none, for uvicorn and prometheus-client too
    port = int(os.environ.get("PORT", "8000"))
    if sys.argv[1:] == ["health"]:
        sys.exit(not is_healthy(port))
    serve(port)


if __name__ == "__main__":
    main()
