"""Uploads that break off, and a gateway that is killed meanwhile: the row tells the truth, and a retry is whole."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dev.processes import Child, Supervisor
from tests.integration.conftest import Backend, User, start_worker
from tests.integration.test_files import TEXT, put, source, store, stored
from tests.processes import command, descendants
from tests.services.hostile import many_laughs

__all__ = ["source", "store"]

LINE = b"A line of a text that is sent and read.\n"
LONG = LINE * (8 << 20 >> 5)
"""10 MiB: more than all buffers on the way hold together."""
WHOLE = LINE * 1000


@pytest.fixture
def own_gateway(backend: Backend, tmp_path: Path) -> Iterator[tuple[Child, str]]:
    """A gateway that a test may kill: its process and its address."""
    with Supervisor() as supervisor:
        yield start_worker(supervisor, tmp_path, backend.stack)


def begin(url: str, user: User, source: dict[str, Any], length: str, kind: str = "text/plain") -> socket.socket:
    """A connection on which the gateway waits for the file's bytes."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=30)
    connection.sendall(
        f"PUT /v1/sources/{source['id']}/file HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: {kind}\r\n"
        f"Authorization: Bearer {user.token}\r\nExpect: 100-continue\r\n{length}\r\n\r\n".encode()
    )
    assert connection.recv(100).startswith(b"HTTP/1.1 100 "), "it asks for the body"
    return connection


def half(connection: socket.socket, *, chunked: bool) -> None:
    part = LONG[: len(LONG) // 2]
    connection.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)


@pytest.fixture(params=["announced", "chunked"])
def length(request: pytest.FixtureRequest) -> str:
    """How an upload says how long it is."""
    return f"Content-Length: {len(LONG)}" if request.param == "announced" else "Transfer-Encoding: chunked"


def is_as_it_was(api: httpx.Client, row: dict[str, Any], store: httpx.Client, content: bytes) -> None:
    path = f"/sources/{row['id']}"
    assert api.get(path).json() == row
    assert api.get(f"{path}/file").content == content
    assert stored(store, row) == [row["storage_path"]]


def is_sent_again(api: httpx.Client, row: dict[str, Any]) -> dict[str, Any]:
    saved: dict[str, Any] = put(api, row, WHOLE, TEXT)
    assert (saved["status"], saved["file_bytes"]) == ("ready", len(WHOLE))
    assert api.get(f"/sources/{row['id']}/file").content == WHOLE
    return saved


def test_an_upload_that_breaks_off_changes_nothing_and_a_retry_is_whole(
    backend: Backend, api: httpx.Client, owner: User, source: dict[str, Any], store: httpx.Client, length: str
) -> None:
    row = put(api, source, b"the file before", TEXT)
    with closing(begin(backend.url, owner, source, length)) as connection:
        half(connection, chunked="chunked" in length)
    is_as_it_was(api, row, store, b"the file before")
    saved = is_sent_again(api, row)
    assert stored(store, source) == [saved["storage_path"]]


@pytest.mark.parametrize(
    ("backend", "length"), [("embedded", "chunked"), ("postgres", "announced")], indirect=True
)  # each needs a gateway of its own
def test_when_the_gateway_is_killed_in_an_upload_the_row_is_as_it_was_and_a_retry_is_whole(
    own_gateway: tuple[Child, str],
    api: httpx.Client,
    owner: User,
    source: dict[str, Any],
    store: httpx.Client,
    length: str,
) -> None:
    row = put(api, source, b"the file before", TEXT)
    child, url = own_gateway
    with closing(begin(url, owner, source, length)) as connection:
        half(connection, chunked="chunked" in length)
        child.signal(SIGKILL)
        child.process.wait()
    is_as_it_was(api, row, store, b"the file before")
    saved = is_sent_again(api, row)
    assert stored(store, source) == [saved["storage_path"]]


def test_when_the_gateway_is_killed_while_it_reads_the_row_keeps_the_file_that_it_had(
    own_gateway: tuple[Child, str], api: httpx.Client, owner: User, source: dict[str, Any], store: httpx.Client
) -> None:
    row = put(api, source, b"the file before", TEXT)
    child, url = own_gateway
    content = many_laughs()
    with closing(begin(url, owner, source, f"Content-Length: {len(content)}", "application/pdf")) as connection:
        connection.sendall(content)
        readers = wait_for_reader(child)
        child.signal(SIGKILL)
        child.process.wait()
    assert api.get(f"/sources/{source['id']}").json() == row
    left = set(stored(store, source)) - {row["storage_path"]}
    assert len(left) == 1, "what was stored for nobody is garbage, and waits to be swept"
    saved = is_sent_again(api, row)
    assert set(stored(store, source)) == {saved["storage_path"], *left}
    assert not any(command(reader) for reader in readers), "who read it has ended with the gateway"


def wait_for_reader(gateway: Child) -> set[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if readers := descendants("document_worker", gateway.pid):
            return readers
    raise AssertionError("it was never read")
