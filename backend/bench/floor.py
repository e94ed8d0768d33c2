"""(f) The floor: the gateway's transport alone, in the smallest ASGI app that passes bytes through, unvalidated."""

from starlette.types import Receive, Scope, Send
from yarl import URL

from app.config import get_settings
from app.services.pool import Pool

FORWARDED = {b"authorization", b"apikey", b"accept", b"prefer", b"content-type"}

_settings = get_settings()
_pools: list[Pool] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the request on as it is, answer what comes back."""
    if scope["type"] == "lifespan":
        await receive()
        _pools.append(Pool(_settings))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _pools.pop().aclose()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/health":
        await _answer(send, 200, b"")
        return
    body = (await receive()).get("body", b"")
    answer = await _pools[0].request(
        scope["method"],
        URL(f"{_settings.SUPABASE_URL}{scope['path']}?{scope['query_string'].decode()}", encoded=True),
        [(name.decode(), value.decode()) for name, value in scope["headers"] if name in FORWARDED],
        body or None,
    )
    await _answer(send, answer.status, answer.body)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
