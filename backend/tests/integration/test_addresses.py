"""`python -m app`, as the image runs it: which addresses it serves, and how its health check finds it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import http_calls
from dev.processes import Supervisor, base_environment, free_port
from tests.integration.conftest import BACKEND

COMMAND = [sys.executable, "-m", "app"]
needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor


def start(supervisor: Supervisor, folder: Path, **settings: str) -> int:
    """Serve, and wait until the health check finds it; the port."""
    port = free_port()
    env = {"PORT": str(port), "LOG_LEVEL": "WARNING", **settings}
    supervisor.start("the gateway", COMMAND, env=env, cwd=BACKEND, output=folder / "gateway.log")
    supervisor.wait_until(lambda: is_healthy(port), "the health check")
    return port


def is_healthy(port: int) -> bool:
    env = base_environment() | {"PORT": str(port)}
    return subprocess.run([*COMMAND, "health"], env=env, cwd=BACKEND).returncode == 0


@needs_ipv6
@pytest.mark.parametrize("workers", ["", "2"])
def test_both_families_are_served_by_any_number_of_workers(
    supervisor: Supervisor, tmp_path: Path, workers: str
) -> None:
    metrics = free_port()
    shared = tmp_path / "metrics"
    shared.mkdir()
    settings = {"METRICS_PORT": str(metrics), "PROMETHEUS_MULTIPROC_DIR": str(shared) if workers else ""}
    port = start(supervisor, tmp_path, WEB_CONCURRENCY=workers, **settings)
    for host in ("127.0.0.1", "[::1]"):
        assert http_calls.is_ok(f"http://{host}:{port}/health")
        assert http_calls.is_ok(f"http://{host}:{metrics}/metrics")


@needs_ipv6
def test_a_server_of_ipv6_alone_is_healthy(supervisor: Supervisor, tmp_path: Path) -> None:
    port = start(supervisor, tmp_path, UVICORN_HOST="::1")
    assert not http_calls.is_ok(f"http://127.0.0.1:{port}/health")


@needs_ipv6
def test_a_machine_without_ipv4_is_served() -> None:
    """In a network of its own, whose only address is `::1`."""
    isolated = ["unshare", "--map-root-user", "--net", "sh", "-c"]
    alone = "ip link set lo up && ip addr del 127.0.0.1/8 dev lo && exec "
    if subprocess.run([*isolated, f"{alone} true"], capture_output=True).returncode:
        pytest.skip("this user may not make a network")
    script = f"""{alone} sh -c '"$0" -m app & for try in $(seq 100)
        do "$0" -m app health && break; sleep 0.1; done; code=$?; kill $!; exit $code' "$0" """
    env = base_environment() | {"PORT": "8000", "LOG_LEVEL": "WARNING"}
    done = subprocess.run([*isolated, script, sys.executable], env=env, cwd=BACKEND, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_answer_that_is_not_fine_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    assert not is_healthy(port)


def test_empty_variables_are_the_same_as_none(supervisor: Supervisor, tmp_path: Path) -> None:
    """`PROMETHEUS_MULTIPROC_DIR=` would have files written to the working folder, `WEB_CONCURRENCY=` end the start."""
    before = set(os.listdir(BACKEND))
    start(
        supervisor, tmp_path, WEB_CONCURRENCY="", PROMETHEUS_MULTIPROC_DIR="", UVICORN_HOST="", FORWARDED_ALLOW_IPS=""
    )
    assert {name for name in set(os.listdir(BACKEND)) - before if name.endswith(".db")} == set()
