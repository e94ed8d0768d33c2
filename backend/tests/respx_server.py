"""A respx router over a real socket, so that the gateway's own client is what reaches it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import respx
from aiohttp import web
from anyio.from_thread import start_blocking_portal

from dev.processes import free_port

SUPABASE_URL = "http://supabase.test"
"""Where requests seem to go: what routers are told."""


async def hang(request: httpx.Request) -> httpx.Response:
    """A route's answer that never comes."""
    return await asyncio.Future()


class RespxServer:
    """Answers as the router of the running test says. A transport error of a route resets the connection."""

    router: respx.Router

    def __init__(self) -> None:
        self._port = free_port()

    @property
    def url(self) -> str:
        """Where it really answers."""
        return f"http://127.0.0.1:{self._port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answers within it, in a thread of its own."""
        with start_blocking_portal() as portal:
            runner = portal.call(self._start)
            yield
            portal.call(runner.cleanup)

    async def _start(self) -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(self._answer), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        return runner

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        sent = httpx.Request(
            request.method,
            SUPABASE_URL + request.path_qs,
            headers=request.raw_headers,
            content=await request.content.read(),
        )
        try:
            answer = await self.router.async_handler(sent)
        except httpx.TransportError:
            assert request.transport
            request.transport.abort()
            raise asyncio.CancelledError from None
        if "transfer-encoding" not in answer.headers:
            return web.Response(status=answer.status_code, headers=answer.headers.multi_items(), body=answer.content)
        stream = web.StreamResponse(status=answer.status_code)  # in chunks, of a length that is not announced
        await stream.prepare(request)
        await stream.write(answer.content)
        return stream
