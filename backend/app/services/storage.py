"""Supabase Storage: the bucket with the files of sources, with the caller's own token, streamed both ways."""

import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from urllib.parse import quote

import httpx

from app import metrics
from app.config import Settings
from app.context import Context
from app.errors import (
    BodyTooLargeError,
    ConnectionLostError,
    NotFoundError,
    ProblemError,
    RangeError,
    TokenExpiredError,
    UnauthenticatedError,
    UnsupportedFileError,
    UpstreamUnavailableError,
)
from app.services.pool import MAX_REFUSAL_BYTES, read_whole
from app.services.refusals import PROXIES, unreadable

BUCKET = "sources"
MAX_REMOVED = 1000
"""Files that one request removes at most."""

logger = logging.getLogger(__name__)

# What Storage calls a refusal: https://supabase.com/docs/guides/storage/debugging/error-codes. Its answer has status
# 400, and the real status in its body.
_REFUSALS: Mapping[str, type[ProblemError]] = {
    "401": UnauthenticatedError,
    "403": NotFoundError,  # row-level security
    "404": NotFoundError,
    "413": BodyTooLargeError,
    "415": UnsupportedFileError,
    "416": RangeError,
}


class Storage:
    """The shared way to the file store."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._url = f"{settings.SUPABASE_URL}/storage/v1/object"
        self._key = settings.publishable_key
        self._http = http

    def bucket(self, context: Context) -> "Bucket":
        """The files that the caller of this request may see and change."""
        return Bucket(self._http, self._url, {"apikey": self._key, **context.identity()}, context)


class Bucket:
    """One caller's access to the files, for the length of one request."""

    def __init__(self, http: httpx.AsyncClient, url: str, identity: Mapping[str, str], context: Context) -> None:
        self._http = http
        self._url = url
        # What is packed on its way has another length than the file.
        self._headers = {**identity, "Accept-Encoding": "identity"}
        self._context = context

    async def put(self, path: str, chunks: AsyncIterator[bytes], media_type: str, size: int | None) -> None:
        """Store a new file as its bytes come. `size` is how many are announced, if any.

        Raises what `chunks` raises, `NotFoundError` when the caller may not write there, and as `open` does.
        """
        headers = {"Content-Type": media_type, "x-upsert": "false"}
        if size is not None:
            headers["Content-Length"] = str(size)
        failed: list[Exception] = []

        async def watched() -> AsyncIterator[bytes]:
            try:
                async for chunk in chunks:
                    yield chunk
            except Exception as error:
                failed.append(error)  # the HTTP client would call it a lost connection
                raise

        try:
            answer = await self._send("POST", f"{BUCKET}/{path}", headers, watched())
        except ProblemError:
            if failed:
                raise failed[0] from None
            raise
        await answer.aclose()

    async def open(self, path: str, byte_range: str | None = None) -> httpx.Response:
        """The file as an answer whose body is unread, to be closed. `byte_range` is a `Range`; Storage may ignore it.

        Raises `NotFoundError` when there is none that the caller may see, `RangeError`, and what else Storage refuses.
        """
        return await self._send("GET", f"{BUCKET}/{path}", {"Range": byte_range} if byte_range else {})

    async def pieces(self, path: str) -> AsyncGenerator[bytes]:
        """The file's bytes as they come. Raises as `open` does."""
        answer = await self.open(path)
        try:
            assert isinstance(answer.stream, httpx.AsyncByteStream)
            async for piece in answer.stream:
                yield piece
        except httpx.TransportError as error:
            raise UpstreamUnavailableError from error
        finally:
            await answer.aclose()

    async def copy(self, path: str, new_path: str) -> None:
        """Copy a file. Raises `NotFoundError` when it is not there or the caller may not write at the new path."""
        body = json.dumps({"bucketId": BUCKET, "sourceKey": path, "destinationKey": new_path}).encode()
        answer = await self._send("POST", "copy", {"Content-Type": "application/json"}, body)
        await answer.aclose()

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove files; those that are gone already do no harm. Raises `ProblemError`."""
        for begin in range(0, len(paths), MAX_REMOVED):
            body = json.dumps({"prefixes": paths[begin : begin + MAX_REMOVED]}).encode()
            answer = await self._send("DELETE", BUCKET, {"Content-Type": "application/json"}, body)
            await answer.aclose()

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], content: AsyncIterator[bytes] | bytes | None = None
    ) -> httpx.Response:
        url = f"{self._url}/{quote(path)}"
        started_at = time.perf_counter()
        outcome = "failed"
        try:
            answer = await self._http.request(
                method, url, headers=httpx.Headers({**self._headers, **headers}), content=content
            )
            outcome = str(answer.status_code)
            if answer.status_code > 299:
                problem = storage_problem(answer.status_code, await read_whole(answer, MAX_REFUSAL_BYTES) or b"")
                if isinstance(problem, RangeError) and "content-range" in answer.headers:
                    problem = RangeError(headers={"Content-Range": answer.headers["content-range"]})
                raise problem
        except httpx.ConnectError as error:
            raise UpstreamUnavailableError from error
        except httpx.TransportError as error:
            raise (UpstreamUnavailableError if method == "GET" else ConnectionLostError) from error
        finally:
            seconds = time.perf_counter() - started_at
            self._context.upstream_seconds += seconds
            metrics.upstream.labels(method, outcome).observe(seconds)
        return answer


def storage_problem(status: int, body: bytes) -> ProblemError:
    """What a refusal of Storage means to the caller. Nothing of its own wording goes on."""
    try:
        document = json.loads(body)
        said, message = str(document.get("statusCode", status)), str(document.get("message"))
    except (ValueError, AttributeError, RecursionError):
        said, message = str(status), ""
    if message == "jwt expired" or '"exp" claim' in message:
        return TokenExpiredError()
    if message == "Bucket not found":
        return UpstreamUnavailableError(
            f"The file store has no bucket `{BUCKET}`. Whoever runs the gateway applies the migrations to a database"
            " that has Supabase Storage."
        )
    if problem := _REFUSALS.get(said):
        return problem()
    if proxied := PROXIES.get(status):
        return proxied()
    logger.warning("Supabase's file store answered %d (%.32r)", status, said)
    return unreadable(body)


def is_place(path: str, workspace_id: str) -> bool:
    """Whether a path is that of a file below the workspace's folder: of an address, dots would make another one."""
    first, *rest = path.split("/")
    return first == workspace_id and bool(rest) and all(part not in {"", ".", ".."} for part in rest)
