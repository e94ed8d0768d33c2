"""SIGTERM while requests are running: whoever was let in is answered, nobody else is let in, the process ends."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.services.db import SCHEMA_VERSION
from dev.processes import Child, Supervisor, free_port
from tests.conftest import USER_ID
from tests.integration.conftest import BACKEND, PLAIN
from tests.integration.upstreams import Upstream, misbehaving_upstream, read_request
from tests.tokens import JWT_SECRET, mint

REQUESTS = 40
GRACE = 10
# One worker ends as SIGTERM ends a process, once it is done; as process 1 of a container that is 0.
CLEAN = {0, -signal.SIGTERM}
HEADERS = {"Authorization": f"Bearer {mint(str(USER_ID))}"}


class Gate:
    """An upstream that keeps every question about workspaces waiting until it is opened."""

    def __init__(self, upstream: Upstream) -> None:
        self.url = f"http://127.0.0.1:{upstream.port}"
        self.waiting = 0
        self._opened = threading.Event()
        upstream.behaviour = self

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            answer: object = []
            if b"/rpc/schema_version" in request:
                answer = SCHEMA_VERSION
            elif request.startswith(b"GET /auth/"):
                answer = {"keys": []}
            else:
                self.waiting += 1
                await asyncio.to_thread(self._opened.wait)
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()


@pytest.fixture
def gate() -> Iterator[Gate]:
    with misbehaving_upstream() as upstream:
        yield Gate(upstream)


def start(supervisor: Supervisor, folder: Path, gate: Gate, workers: int, **settings: str) -> tuple[Child, int]:
    """The gateway as its container runs it, and its port."""
    port = free_port()
    options = re.findall(r"UVICORN_(\w+)=(\S+)", (BACKEND / "Dockerfile").read_text())
    child = supervisor.start(
        "the gateway",
        [sys.executable, "-m", "app"],
        env={
            **{f"UVICORN_{name}": value for name, value in options},
            "PORT": str(port),
            "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": str(GRACE),
            "WEB_CONCURRENCY": str(workers),
            "SUPABASE_URL": gate.url,
            "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test",
            "SUPABASE_JWT_SECRET": JWT_SECRET,
            **settings,
        },
        cwd=BACKEND,
        output=folder / "gateway.log",
    )
    supervisor.wait_until(lambda: _status(port, "/ready") == 200, "the gateway")
    return child, port


def _status(port: int, path: str) -> int | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", verify=PLAIN).status_code
    except httpx.TransportError:
        return None


def _is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextlib.contextmanager
def running_requests(supervisor: Supervisor, port: int, gate: Gate) -> Iterator[list[Future[httpx.Response]]]:
    """As many requests as `REQUESTS`, each on a connection of its own, that have all come as far as the upstream."""

    def ask(_: int) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{port}/v1/workspaces", headers=HEADERS, timeout=30, verify=PLAIN)

    with ThreadPoolExecutor(REQUESTS) as pool:
        asked = [pool.submit(ask, number) for number in range(REQUESTS)]
        try:
            supervisor.wait_until(lambda: gate.waiting == REQUESTS, "the upstream")
            yield asked
        finally:
            gate.open()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_gateway_told_to_stop_answers_all_it_has_let_in(gate: Gate, workers: int, tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        child, port = start(supervisor, tmp_path, gate, workers)
        with running_requests(supervisor, port, gate) as asked:
            child.process.send_signal(signal.SIGTERM)
            log = tmp_path / "gateway.log"
            supervisor.wait_until(lambda: log.read_text().count("Shutting down") == workers, "the end of all workers")
            if workers == 1:  # of several, uvicorn's parent process keeps the socket open until the last has ended
                supervisor.wait_until(lambda: _is_refused(port), "the refusal of new connections", seconds=GRACE)
            assert not any(request.done() for request in asked)
            gate.open()
            opened_at = time.monotonic()
            answers = [request.result() for request in asked]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, [])] * REQUESTS
        assert child.process.wait(GRACE) in CLEAN
        assert time.monotonic() - opened_at < GRACE
        assert _is_refused(port)
    assert not re.search("Traceback|ERROR|CRITICAL", log.read_text())


def test_a_silent_upstream_does_not_keep_it_beyond_its_grace(gate: Gate, tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        child, port = start(supervisor, tmp_path, gate, 1, REQUEST_TIMEOUT="3")
        with running_requests(supervisor, port, gate) as asked:
            child.process.send_signal(signal.SIGTERM)
            stopped_at = time.monotonic()
            answers = [request.result() for request in asked]
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(504, "deadline_exceeded")}
        assert child.process.wait(GRACE) in CLEAN
        assert time.monotonic() - stopped_at < GRACE
