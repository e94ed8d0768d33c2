"""A respx router over a real socket, so that the gateway's own client is what reaches it."""

import asyncio
import threading
from types import TracebackType
from typing import Self

import httpx
import respx
from aiohttp import web

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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runner: web.ServerRunner

    @property
    def url(self) -> str:
        """Where it really answers."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._loop.run_until_complete(self._start())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer), handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

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
