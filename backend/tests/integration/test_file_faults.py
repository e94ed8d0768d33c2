"""Uploads that go wrong: broken off, too long, hostile, and a gateway that is killed meanwhile."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from signal import SIGKILL
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dev import front
from dev.processes import Child, Supervisor, is_free
from tests.integration.conftest import BACKEND, Backend, User, created, problem, start_worker
from tests.integration.test_files import MARKDOWN, PDF, TEXT, put, source, store, stored
from tests.processes import command, descendants
from tests.sample_document import document
from tests.services.hostile import FILES, READ, many_laughs

__all__ = ["source", "store"]

LINE = b"A line of a text that is sent and read.\n"
LONG = LINE * (8 << 20 >> 5)
"""10 MiB: more than all buffers on the way hold together."""
WHOLE = LINE * 1000
TIME = 20
"""Seconds within which each file has its answer."""
PROXY = """
daemon off; pid nginx.pid; error_log stderr warn; events {{}}
http {{
  access_log off; client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp;
  scgi_temp_path temp;
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    LINES
    {locations}
  }}
}}
"""
BUSY = 6
"""So much longer may all take while other tests run."""
NEIGHBOUR = """
import http.client, select, sys, time
host, path, token = sys.argv[1:]
gateway = http.client.HTTPConnection(host)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    began = time.perf_counter()
    gateway.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = gateway.getresponse()
    answer.read()
    assert answer.status == 200
    print(time.perf_counter() - began)
"""


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


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_large_files_pass_through_a_proxy_that_is_set_as_the_guide_says(
    backend: Backend, owner: User, source: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lines,) = re.findall(r"```nginx\n(.*?)```", (BACKEND / "deploy/README.md").read_text(), re.DOTALL)
    monkeypatch.setattr(front, "CONFIG", PROXY.replace("LINES", lines))
    tmp_path.chmod(0o755)
    log = tmp_path / "nginx.log"
    with Supervisor() as supervisor:
        url = front.start_front(supervisor, tmp_path, {"/v1/": urlsplit(backend.url).netloc}, {}, log)
        supervisor.wait_until(lambda: not is_free(urlsplit(url).port or 0), "nginx")
        with replace(backend, url=url).gateway(owner) as mine:
            path = f"/sources/{source['id']}/file"
            row = put(mine, source, LINE * ((49 << 20) // len(LINE)), TEXT)
            assert mine.get(path).content == LINE * (row["file_bytes"] // len(LINE))
            problem(mine.put(path, content=LINE * ((60 << 20) // len(LINE)), headers=TEXT), 413, "body_too_large")
    assert "buffered" not in log.read_text(), "it collects nothing"


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


@contextmanager
def neighbour(url: str, user: User, path: str) -> Iterator[list[float]]:
    """Somebody who reads one row every hundredth of a second, in a process of its own: the seconds that each took."""
    times: list[float] = []
    command = [sys.executable, "-c", NEIGHBOUR, urlsplit(url).netloc, path, user.token]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        yield times
        times += map(float, reader.communicate("enough\n")[0].split())
    assert times


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def wait_for_reader(gateway: Child) -> set[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if readers := descendants("document_worker", gateway.pid):
            return readers
    raise AssertionError("it was never read")


def test_a_file_of_unannounced_length_that_is_too_long_is_refused_and_not_stored(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    row = put(api, source, b"the file before", TEXT)
    endless = (LINE * 4096 for _ in range((60 << 20) // (4096 * len(LINE))))
    problem(api.put(f"/sources/{source['id']}/file", content=endless, headers=TEXT), 413, "body_too_large")
    is_as_it_was(api, row, store, b"the file before")
    is_sent_again(api, row)


@pytest.mark.parametrize("backend", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "name",
    [
        "a web page",
        "a password",
        "two billion pages claimed",
        "a page tree that loops",
        "200,000 pages",
        "an object stream of 512 MiB",
        "control characters",
        "noise 1",
        "11 MiB of text",
        "half a surrogate",
        "6,000 sections",
    ],
)
def test_a_hostile_file_is_kept_and_answered_in_time(api: httpx.Client, source: dict[str, Any], name: str) -> None:
    media_type, make, allowed = FILES[name]
    content = make()
    began = time.monotonic()
    row = put(api, source, content, {"Content-Type": media_type})
    assert time.monotonic() - began < TIME
    assert (row["failure"] or READ) in allowed
    assert row["status"] == ("failed" if row["failure"] else "ready")
    assert api.get(f"/sources/{source['id']}/file").content == content
    assert not descendants("document_worker")


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_all_hostile_files_cost_the_worker_and_its_neighbours_little_and_leave_nothing(
    backend: Backend,
    own_gateway: tuple[Child, str],
    owner: User,
    workspace: dict[str, Any],
    source: dict[str, Any],
    store: httpx.Client,
) -> None:
    child, url = own_gateway
    new = {"workspace_id": workspace["id"], "type": "pdf", "title": "Hostile"}
    with replace(backend, url=url).gateway(owner) as mine, ThreadPoolExecutor(2) as both:
        mine.timeout = BUSY * TIME

        def send(name: str) -> None:
            media_type, make, allowed = FILES[name]
            place, content = created(mine.post("/sources", json=new)), make()
            began = time.monotonic()
            answer = mine.put(f"/sources/{place['id']}/file", content=content, headers={"Content-Type": media_type})
            assert time.monotonic() - began < BUSY * TIME, name
            row = mine.get(f"/sources/{place['id']}").json()
            if answer.status_code == 200:
                assert answer.json() == row
                assert (row["failure"] or READ) in allowed, name
            else:
                assert answer.json()["code"] in {"unsupported_file", "body_too_large", "invalid_request"}, name
            assert stored(store, place) == [row["storage_path"]] * (answer.status_code == 200), name

        put(mine, source, document(), PDF)
        memory = Memory(child.pid)
        with neighbour(url, owner, f"/v1/workspaces/{workspace['id']}") as times:
            assert len(list(both.map(send, FILES))) >= 25
        print(f"{len(FILES)} files: peak +{memory.growth():.1f} MiB, neighbours' p99 {1000 * p99(times):.0f} ms")  # noqa: T201
        assert memory.growth() < 30
        assert p99(times) < BUSY * 0.1
    assert not descendants("document_worker", child.pid)


def test_a_file_of_49_mib_passes_through_and_a_download_that_breaks_off_goes_on(
    backend: Backend, own_gateway: tuple[Child, str], owner: User, source: dict[str, Any]
) -> None:
    child, url = own_gateway
    path, size = f"/sources/{source['id']}/file", 49 << 20
    block = bytes(range(32, 127)) * 11037  # 1 MiB less some bytes, so that no two blocks begin alike
    content = (block * 50)[:size]
    with replace(backend, url=url).gateway(owner) as mine:
        put(mine, source, b"a small one first", TEXT)
        mine.get(path)
        memory = Memory(child.pid)
        row = put(mine, source, content, TEXT)
        assert (row["file_bytes"], row["failure"]) == (size, "too_long")
        with mine.stream("GET", path) as answer:
            pieces = answer.iter_raw()
            begun = b"".join(islice(pieces, 200))
        assert 0 < len(begun) < size
        with mine.stream("GET", path, headers={"Range": f"bytes={len(begun)}-"}) as answer:
            assert answer.status_code == 206
            assert begun + answer.read() == content
        growth = memory.growth()
        print(f"49 MiB: peak +{growth:.1f} MiB")  # noqa: T201
        assert growth < 10


@pytest.mark.parametrize(
    ("content", "headers"), [(FILES["a PNG"][1], PDF), (FILES["a PNG"][1], TEXT), (FILES["a password"][1], MARKDOWN)]
)
def test_a_file_of_another_kind_is_refused_and_not_stored(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client, content: Any, headers: dict[str, str]
) -> None:
    answer = api.put(f"/sources/{source['id']}/file", content=content(), headers=headers)
    problem(answer, 415, "unsupported_file")
    assert stored(store, source) == []
