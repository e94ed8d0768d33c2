"""What a worker holds at most, whatever it is sent and however slowly it is read: of a process of its own."""

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from app.services.db import SCHEMA_VERSION
from dev.processes import Supervisor
from tests.conftest import USER_ID
from tests.integration.conftest import PLAIN, start_worker
from tests.integration.upstreams import Upstream, misbehaving_upstream
from tests.processes import cpu_seconds
from tests.tokens import JWT_SECRET, mint

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc, which is Linux's")

ID = UUID(int=1)
MIB = 1024 * 1024
HEADERS = {"Authorization": f"Bearer {mint(str(USER_ID))}"}
# The largest legal documents that become the most objects.
DENSE = "[" + "[], " * (MIB // 4 - 8) + "[]]"
LAB = (
    f'{{"id":"{ID}","workspace_id":"{ID}","source_id":null,"type":"code_lab","title":null,"status":"pending",'
    f'"failure":null,"config":{{"a":{DENSE}}},"generated_content":{{"a":{DENSE}}},"user_state":{{"a":{DENSE}}},'
    '"canvas_position":{"x":0,"y":0},"progress":null,"width":null,"height":null,"version":1,'
    '"created_at":"2026-11-23T09:30:00.1+00:00","updated_at":"2026-11-23T09:30:00.1+00:00"}'
)


class LargeRows:
    """An upstream with labs of 3 MiB each, a canvas of 50 MiB, and a place for whatever is written."""

    publishable_key = "sb_publishable_test"
    jwt_secret = JWT_SECRET

    def __init__(self, upstream: Upstream) -> None:
        self.url = f"http://127.0.0.1:{upstream.port}"
        upstream.behaviour = self

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._request(reader):
            target = urlsplit(head.split(b" ", 2)[1].decode())
            if "/auth/" in target.path:
                body = b'{"keys":[]}'
            elif "schema_version" in target.path:
                body = json.dumps(SCHEMA_VERSION).encode()
            elif "/rpc/canvas" in target.path:
                body = b'[{"nodes":"' + b"x" * (50 * MIB) + b'"}]'
            elif head.startswith(b"GET"):
                body = f"[{','.join([LAB] * min(21, int(parse_qs(target.query)['limit'][0])))}]".encode()
            else:
                body = LAB.encode()
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()

    @staticmethod
    async def _request(reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
        except asyncio.IncompleteReadError:
            return b""
        return head


@dataclass
class Worker:
    """The gateway's process."""

    url: str
    pid: int

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=HEADERS, timeout=60, verify=PLAIN)

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def mebibytes(self, what: str) -> float:
        """`VmHWM`, the peak, or `VmRSS`, what it has now."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(status[what].split()[0]) / 1024

    def slowest_health(self, busy: object) -> float:
        """How much the worker does at most before it answers `/health` while `busy` is not done, in seconds of CPU: the
        time that passes depends on what else the machine does."""
        slowest = 0.0
        with self.client() as client:
            client.get("/health")
            while not busy.done():  # type: ignore[attr-defined]
                before = cpu_seconds(self.pid)
                assert client.get("/health").status_code == 200
                slowest = max(slowest, cpu_seconds(self.pid) - before)
        return slowest


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with misbehaving_upstream() as upstream, Supervisor() as supervisor:
        child, url = start_worker(supervisor, tmp_path, LargeRows(upstream))
        yield Worker(url, child.process.pid)


def report(**figures: object) -> None:
    print(" ".join(f"{name}={value}" for name, value in figures.items()))  # noqa: T201


def test_a_list_of_the_largest_labs(worker: Worker) -> None:
    def load() -> int:
        with worker.client() as client:
            response = client.get(f"/v1/labs?workspace_id={ID}&limit=20")
            assert response.status_code == 200
            assert response.links["next"]
            # Not parsed: this process measures meanwhile.
            return response.content.count(b'"workspace_id"')

    worker.forget_peak()
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(load)
        slowest = worker.slowest_health(loading)
    peak = worker.mebibytes("VmHWM")
    report(rows=loading.result(), peak_mib=round(peak), slowest_health_s=round(slowest, 3))
    assert loading.result() >= 1
    assert peak <= 160


def test_canvases_that_nobody_reads(worker: Worker, request: pytest.FixtureRequest) -> None:
    address = urlsplit(worker.url)
    worker.forget_peak()
    before = worker.mebibytes("VmRSS")
    connections = []
    for _ in range(12):
        connection = socket.create_connection((address.hostname, address.port), timeout=40)
        connection.sendall(
            f"GET /v1/workspaces/{ID}/canvas HTTP/1.1\r\nHost: gateway\r\n"
            f"Authorization: {HEADERS['Authorization']}\r\n\r\n".encode()
        )
        connections.append(connection)
    with worker.client() as client:
        for _ in range(5):
            assert client.get("/health").status_code == 200
    peak = worker.mebibytes("VmHWM")
    report(peak_mib=round(peak), before_mib=round(before), after_mib=round(worker.mebibytes("VmRSS")))
    assert peak <= 200
    for connection in connections:
        connection.close()


def test_many_large_bodies_at_once(worker: Worker) -> None:
    column = {"a": json.loads(DENSE)}
    content = json.dumps(
        {
            "workspace_id": str(ID),
            "type": "code_lab",
            "config": column,
            "generated_content": column,
            "user_state": column,
        },
        separators=(",", ":"),
    ).encode()
    assert len(content) > 2.2 * MIB

    def create() -> int:
        with worker.client() as client:
            headers = {"Content-Type": "application/json"}
            return client.post("/v1/labs", content=content, headers=headers).status_code

    worker.forget_peak()
    with ThreadPoolExecutor(13) as pool:
        creating = [pool.submit(create) for _ in range(12)]
        slowest = max(worker.slowest_health(one) for one in creating)
    peak = worker.mebibytes("VmHWM")
    statuses = sorted(one.result() for one in creating)
    report(peak_mib=round(peak), slowest_health_s=round(slowest, 3), statuses=statuses)
    assert set(statuses) <= {201, 503, 504}
    assert 201 in statuses
    assert peak <= 400
    assert slowest < 1
