"""How Supabase is asked: each request once, nobody's cookies, and a line in the log when it cannot be reached."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY

from app.config import Settings
from app.services import pool
from dev.processes import free_port
from tests.conftest import server


async def ask(url: str, times: int = 1, at_once: int = 1) -> None:
    async def once(client: pool.AiohttpClient) -> None:
        with pytest.raises(httpx.TransportError):
            await client.request("GET", url)

    async with pool.AiohttpClient(Settings(CONNECT_TIMEOUT=0.2, UPSTREAM_CONNECTIONS=1)) as client:
        for _ in range(times):
            done, waiting = await asyncio.wait(
                [asyncio.create_task(once(client)) for _ in range(at_once)], return_when=asyncio.FIRST_COMPLETED
            )
            for task in waiting:
                task.cancel()
            await asyncio.gather(*done)


async def ask_a_server(
    handle: Callable[[asyncio.StreamWriter], object],
    tls: ssl.SSLContext | None = None,
    *,
    speaks_tls: bool = False,
    at_once: int = 1,
) -> None:
    over, serving = asyncio.Event(), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        await reader.read(1)
        handle(writer)
        await over.wait()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        await ask(f"{'https' if tls or speaks_tls else 'http'}://127.0.0.1:{port}/", at_once=at_once)
        over.set()
        await asyncio.gather(*filter(None, serving), return_exceptions=True)


def untrusted(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that it made itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


CAUSES: dict[str, Callable[[Path], object]] = {
    "its name is not found (DNS)": lambda _: ask("http://no-such-host.invalid/"),
    "it refused the connection": lambda _: ask(f"http://127.0.0.1:{free_port()}/"),
    "no connection within CONNECT_TIMEOUT": lambda _: ask_a_server(lambda writer: None, at_once=2),
    "it closed the connection": lambda _: ask_a_server(lambda writer: writer.close()),
    "its certificate is not trusted": lambda folder: ask_a_server(lambda writer: None, untrusted(folder)),
    "TLS failed": lambda _: ask_a_server(lambda writer: writer.write(b"HTTP/1.1 400 X\r\n\r\n"), speaks_tls=True),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_told_apart(caplog: pytest.LogCaptureFixture, tmp_path: Path, cause: str) -> None:
    with caplog.at_level(logging.WARNING, "app.services.pool"):
        asyncio.run(CAUSES[cause](tmp_path))  # type: ignore[arg-type]
    assert [cause in message for message in caplog.messages] == [True], caplog.messages


def test_a_failure_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with caplog.at_level(logging.WARNING, "app.services.pool"):
        asyncio.run(ask(url, 20))
        assert len(caplog.messages) == 1
        caplog.clear()
        monkeypatch.setattr(pool, "FAILURE_SECONDS", 0.0)
        asyncio.run(ask(url, 2))
        assert len(caplog.messages) == 2


async def ask_through_a_proxy(supabase: str) -> tuple[list[bytes], str]:
    """What a proxy is asked that refuses everything, and how the failure is put."""
    heads: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        proxy = f"http://user:p%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with pool.AiohttpClient(Settings(SUPABASE_URL=supabase, HTTPS_PROXY=proxy)) as client:
            with pytest.raises(httpx.ConnectError) as failure:
                await client.request("POST", supabase)  # nothing of it was sent, so nobody need wonder
    return heads, str(failure.value)


def test_a_hosted_supabase_is_asked_through_the_proxy_whose_password_nobody_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    [head], told = asyncio.run(ask_through_a_proxy("https://project.supabase.test"))
    assert head.startswith(b"CONNECT project.supabase.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head
    assert told == "status 403"
    assert "the proxy does not let it through: status 403" in caplog.text
    assert not [text for text in (told, caplog.text) if "p@ss" in text or "p%40ss" in text]


def test_what_is_on_this_machine_is_asked_without_the_proxy() -> None:
    heads, _ = asyncio.run(ask_through_a_proxy(f"http://127.0.0.1:{free_port()}"))
    assert heads == []


async def ask_in_turn(heads: list[bytes], answers: list[bytes], *methods: str) -> list[int]:
    """Send these requests one after the other to a server that gives these answers, and closes the connection when
    there are no more. The statuses; `heads` gets what the server was asked."""
    statuses, serving = [], set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                if len(heads) > len(answers):
                    break
                writer.write(answers[len(heads) - 1])
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
        try:
            async with pool.AiohttpClient(Settings(UPSTREAM_CONNECTIONS=1, CONNECT_TIMEOUT=1)) as client:
                for method in methods:
                    answer = await client.request(method, url)
                    statuses.append(answer.status_code)
                    await pool.read_whole(answer, most=2)
        finally:
            await asyncio.gather(*filter(None, serving), return_exceptions=True)
    return statuses


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_a_write_on_a_connection_that_was_closed_meanwhile_is_sent_once() -> None:
    heads: list[bytes] = []
    with pytest.raises(httpx.ReadError):
        asyncio.run(ask_in_turn(heads, [ANSWER], "GET", "DELETE"))
    assert [head.split()[0] for head in heads] == [b"GET", b"DELETE"]


def test_one_callers_cookie_is_not_sent_with_the_next_ones_request() -> None:
    heads: list[bytes] = []
    asyncio.run(ask_in_turn(heads, [ANSWER.replace(b"OK\r\n", b"OK\r\nSet-Cookie: who=ada\r\n")] * 2, "GET", "GET"))
    assert [b"ada" in head for head in heads] == [False, False]


def test_no_redirect_is_followed() -> None:
    heads: list[bytes] = []
    moved = ANSWER.replace(b"200 OK\r\n", b"302 Found\r\nLocation: /elsewhere\r\n")
    assert asyncio.run(ask_in_turn(heads, [moved, ANSWER], "GET")) == [302]


def test_an_answer_that_is_too_large_gives_its_connection_back() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 999
    assert asyncio.run(ask_in_turn([], [endless] * 3, *["GET"] * 3)) == [200] * 3


def in_flight() -> float:
    return REGISTRY.get_sample_value("aide_upstream_in_flight") or 0


def test_a_request_is_in_flight_until_its_answer_is_closed(upstream: respx.Router) -> None:
    upstream.get("/file").respond(200, content=b"text")

    async def run() -> None:
        before = in_flight()
        async with pool.AiohttpClient(Settings()) as client:
            answer = await client.request("GET", f"{server.url}/file")
            assert in_flight() - before == 1, "its body is not read yet"
            await answer.aclose()
            await answer.aclose()
            with pytest.raises(httpx.ConnectError):
                await client.request("GET", f"http://127.0.0.1:{free_port()}/")
        assert in_flight() == before

    asyncio.run(run())
