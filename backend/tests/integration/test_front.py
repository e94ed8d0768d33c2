"""The front of the tests' Supabase passes requests and answers on as they are."""

import hashlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dev.front import start_front
from dev.processes import Supervisor

MEBIBYTE = 2**20


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent: as a chunked body, so that the length is not known before."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[")
            self.close_connection = True
            return
        digest, length = hashlib.sha256(), 0
        for piece in self._body():
            digest.update(piece)
            length += len(piece)
        seen = {"target": self.path, "headers": self.headers.items(), "length": length, "sha256": digest.hexdigest()}
        self.send_response(207, "Quite Unusual")
        self.send_header("X-Twice", "1")
        self.send_header("X-Twice", "2")
        self.send_header("Location", "/elsewhere?id=eq.1")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            body = json.dumps(seen).encode()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    do_HEAD = do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _body(self) -> Iterator[bytes]:
        if self.headers["Transfer-Encoding"] == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers["Content-Length"] or 0)
        while left:
            left -= len(piece := self.rfile.read(min(left, MEBIBYTE)))
            yield piece

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("front")
    folder.chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server, Supervisor() as supervisor:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        routes = {"/rest/v1/": f"{host}/", "/storage/v1/": host}
        yield start_front(supervisor, folder, routes, {"/auth/v1/health": {"name": "GoTrue"}}, folder / "log")
        server.shutdown()


@pytest.fixture
def connection(front: str) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(urlsplit(front).netloc, timeout=30)) as connection:
        yield connection


def test_requests_reach_the_server_of_their_path(connection: http.client.HTTPConnection) -> None:
    targets = {
        "/rest/v1/rows?a=eq.%2C%20b&select=*": "/rows?a=eq.%2C%20b&select=*",
        "/rest/v1/": "/",
        "/storage/v1/object/a%2Fb": "/storage/v1/object/a%2Fb",
    }
    for target, expected in targets.items():
        connection.request("GET", target)
        assert json.load(connection.getresponse())["target"] == expected
    connection.request("GET", "/elsewhere")
    assert connection.getresponse().status == 404


def test_a_document_is_answered(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/auth/v1/health")
    assert json.load(connection.getresponse()) == {"name": "GoTrue"}


def test_headers_and_status_pass(connection: http.client.HTTPConnection) -> None:
    sent = {"Host": "someone.example", "Prefer": "return=minimal", "under_score": "1", "Accept-Encoding": "identity"}
    connection.request("DELETE", "/rest/v1/rows", headers=sent)
    answer = connection.getresponse()
    assert (answer.status, answer.reason) == (207, "Quite Unusual")
    assert answer.headers.get_all("X-Twice") == ["1", "2"]
    assert answer.headers["Location"] == "/elsewhere?id=eq.1"
    assert answer.headers["Server"].startswith("BaseHTTP")
    assert dict(json.load(answer)["headers"]).items() >= sent.items()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_passes_on_a_connection_that_is_kept(
    connection: http.client.HTTPConnection, chunked: bool
) -> None:
    body = bytes(range(256)) * 4096 * 64
    for method in ("POST", "PATCH"):
        pieces = (body[start : start + MEBIBYTE] for start in range(0, len(body), MEBIBYTE))
        connection.request(method, "/rest/v1/rows", pieces if chunked else body, encode_chunked=chunked)
        seen = json.load(connection.getresponse())
        assert (seen["length"], seen["sha256"]) == (64 * MEBIBYTE, hashlib.sha256(body).hexdigest())


def test_head_has_no_body(connection: http.client.HTTPConnection) -> None:
    for _ in range(2):
        connection.request("HEAD", "/rest/v1/rows")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (207, b"")


def test_an_answer_that_is_cut_short_is_cut_short(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/rest/v1/cut")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()


def test_a_server_that_is_gone_is_a_bad_gateway(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
        with Supervisor() as supervisor:
            url = start_front(supervisor, tmp_path, {"/rest/v1/": f"{host}/"}, {}, tmp_path / "log")
            with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
                connection.request("GET", "/rest/v1/rows")
                assert connection.getresponse().status == 502
