"""What becomes of `Upgrade`, over a real socket, as the image and `make dev` start the gateway."""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.processes import Supervisor, free_port, is_free
from tests.conftest import USER_ID
from tests.integration.conftest import BACKEND
from tests.tokens import JWT_SECRET, mint

WEBSOCKET = (
    "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
HTTP2 = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
QUERY = "q=between-us"
TOKEN = mint(str(USER_ID))
BODY = '{"name": "x"}'
LENGTH = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
CHUNKED = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"


@dataclass
class Gateway:
    port: int
    log: Path

    def exchange(self, head: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer. Fails unless it is there at once and ends the connection."""
        started_at = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"{head}Host: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n{body}".encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert time.monotonic() - started_at < 5
        top, _, content = answer.partition(b"\r\n\r\n")
        status, *lines = top.decode().split("\r\n")
        return int(status.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, content


@pytest.fixture(scope="module", params=["the image", "make dev"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    port, log = free_port(), tmp_path_factory.mktemp("upgrades") / "gateway.log"
    uvicorn, dev = ["uvicorn", "app.main:app", "--port", str(port)], ["dev.gateway"]
    options = re.findall(r"UVICORN_(\w+)=(\S+)", (BACKEND / "Dockerfile").read_text())
    settings = {"PORT": str(port), "SUPABASE_JWT_SECRET": JWT_SECRET, "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test"}
    with Supervisor() as supervisor:
        supervisor.start(
            "the gateway",
            [sys.executable, "-m", *(uvicorn if request.param == "the image" else dev)],
            env={f"UVICORN_{name}": value for name, value in options} | {"UVICORN_HOST": "127.0.0.1"} | settings,
            cwd=BACKEND,
            output=log,
        )
        supervisor.wait_until(lambda: not is_free(port) and "startup complete" in log.read_text(), "the gateway")
        yield Gateway(port, log)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (f"GET /health?{QUERY} HTTP/1.1\r\n{WEBSOCKET}", ""),
        (f"GET /v1/workspaces?{QUERY} HTTP/1.1\r\n{WEBSOCKET}", ""),
        (f"GET /none?{QUERY} HTTP/1.1\r\n{WEBSOCKET}", ""),
        (f"POST /v1/workspaces?{QUERY} HTTP/1.1\r\n{WEBSOCKET}{LENGTH}", BODY),
        (f"POST /v1/workspaces?{QUERY} HTTP/1.1\r\n{WEBSOCKET}{LENGTH}", ""),
        (f"POST /v1/workspaces?{QUERY} HTTP/1.1\r\n{WEBSOCKET}{CHUNKED}", f"d\r\n{BODY}\r\n0\r\n\r\n"),
        (f"POST /v1/workspaces?{QUERY} HTTP/1.1\r\n{HTTP2}{LENGTH}", BODY),
        (f"POST /v1/workspaces?{QUERY} HTTP/1.1\r\n{HTTP2}{CHUNKED}", f"d\r\n{BODY}\r\n0\r\n\r\n"),
        (f"PATCH /v1/workspaces/{USER_ID}?{QUERY} HTTP/1.1\r\n{HTTP2}{LENGTH}", ""),
    ],
)
def test_an_upgrade_that_cannot_be_ignored_is_a_problem_at_once(gateway: Gateway, head: str, body: str) -> None:
    status, headers, content = gateway.exchange(head, body)
    assert (status, json.loads(content)["code"]) == (400, "upgrade_refused")
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == json.loads(content)["request_id"]
    log = gateway.log.read_text()
    assert headers["x-request-id"] in log
    assert "between-us" not in log
    assert TOKEN not in log


@pytest.mark.parametrize("offer", [HTTP2, "Connection: upgrade\r\n", "Upgrade: websocket\r\n"])
def test_an_offer_without_a_body_is_served_as_if_it_were_not_there(gateway: Gateway, offer: str) -> None:
    status, _, content = gateway.exchange(f"GET /health HTTP/1.0\r\n{offer}")
    assert (status, content) == (200, b'{"status":"ok"}')


def test_a_proxy_that_marks_every_request_as_an_upgrade_loses_no_body(gateway: Gateway) -> None:
    """nginx does with `proxy_set_header Connection upgrade`; without an `Upgrade` it means nothing."""
    status, _, content = gateway.exchange(
        f"POST /v1/workspaces HTTP/1.0\r\nConnection: upgrade\r\n{LENGTH}", '{"nom": "x" }'
    )
    assert (status, json.loads(content)["code"]) == (422, "invalid_request")
