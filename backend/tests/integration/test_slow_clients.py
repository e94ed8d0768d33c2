"""Clients that do not take their answers: over real sockets, with more to send than any buffer holds."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app.config import Settings
from app.main import create_app
from tests.conftest import USER_ID
from tests.integration.upstreams import misbehaving_upstream, read_request
from tests.serving import serving
from tests.tokens import JWT_SECRET, mint

ID = UUID(int=1)
PIECE = b"x" * 0x10000
PIECES = 1600
"""Of which an answer has so many: 100 MiB."""
END = b"\r\n0\r\n\r\n"


class Canvas:
    """An upstream with a canvas of 100 MiB, or with one that breaks off."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.breaks_off = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            await self._send(writer, b'[{"nodes":"')
            for _ in range(10 if self.breaks_off else PIECES):
                await self._send(writer, PIECE)
            if not self.breaks_off:
                await self._send(writer, b'"}]')
                await self._send(writer, b"")
        except ConnectionError:
            self.let_go.set()

    @staticmethod
    async def _send(writer: asyncio.StreamWriter, piece: bytes) -> None:
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()


@pytest.fixture
def canvas() -> Canvas:
    return Canvas()


@pytest.fixture
def address(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr("app.middleware.SENDING_SECONDS", 0.5)
    with misbehaving_upstream() as upstream:
        upstream.behaviour = canvas
        settings = Settings(
            SUPABASE_URL=f"http://127.0.0.1:{upstream.port}",
            SUPABASE_PUBLISHABLE_KEY="sb_publishable_test",
            SUPABASE_JWT_SECRET=JWT_SECRET,
        )
        with serving(create_app(settings)) as url:
            parts = urlsplit(url)
            assert parts.hostname
            assert parts.port
            yield parts.hostname, parts.port


@contextlib.contextmanager
def asking(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A connection on which the canvas has been asked for."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(
            f"GET /v1/workspaces/{ID}/canvas HTTP/1.1\r\nHost: gateway\r\n"
            f"Authorization: Bearer {mint(str(USER_ID))}\r\n\r\n".encode()
        )
        yield connection


def read(connection: socket.socket) -> bytes:
    """All that comes until the answer or the connection ends."""
    received = bytearray()
    while not received.endswith(END) and (piece := connection.recv(1 << 20)):
        received += piece
    return bytes(received)


def test_a_canvas_of_a_hundred_mebibytes_loads(address: tuple[str, int]) -> None:
    with asking(address) as connection:
        answer = read(connection)
    assert answer.endswith(END)
    assert answer.count(b"x") >= PIECES * len(PIECE)


def test_a_client_that_takes_nothing_is_cut_off_with_one_line(
    address: tuple[str, int], canvas: Canvas, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), asking(address) as connection:
        assert canvas.let_go.wait(20), "the answer from upstream is let go"
        assert not read(connection).endswith(END), "the client can tell that it is not whole"
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert vars(line)["fields"]["code"] == "cut_off"
    assert not line.exc_info


def test_a_client_that_hangs_up_ends_the_answer_from_upstream(address: tuple[str, int], canvas: Canvas) -> None:
    with asking(address) as connection:
        connection.recv(1)
    assert canvas.let_go.wait(20)


def test_an_answer_that_breaks_off_upstream_is_cut_off(
    address: tuple[str, int], canvas: Canvas, caplog: pytest.LogCaptureFixture
) -> None:
    canvas.breaks_off = True
    with caplog.at_level(logging.INFO), asking(address) as connection:
        answer = read(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert not answer.endswith(END)
    assert not [record for record in caplog.records if record.exc_info]
