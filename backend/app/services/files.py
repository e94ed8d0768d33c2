"""A source's file: from the client to the file store, read into pages and chapters, and back.

The order keeps rows true whenever it is broken off: the new file, then the row, then the old file. So a row never names
a file that is not there, and what is left over is a file that no row names: a later call removes it, or `make sweep`.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import msgspec
from postgrest.base_request_builder import RequestConfig
from starlette.requests import ClientDisconnect

from app.context import Context
from app.errors import (
    BadUpstreamError,
    ConnectionLostError,
    InvalidRequestError,
    MalformedRequestError,
    NotFoundError,
    OverloadedError,
    ProblemError,
    RangeError,
    StaleVersionError,
    UnsupportedFileError,
)
from app.models.file import FilePageQuery, TextQuery
from app.services.db import Query, Session, decoded, write_refusal
from app.services.documents import MEDIA_TYPES, DocumentError, Documents, fits
from app.services.refusals import PERHAPS_DONE, outside_workspace, unreadable
from app.services.storage import Bucket, is_place

COPIED_AT_ONCE = 4
"""Files that are being copied for one request at the same time."""
HEAD_BYTES = 1024
"""So many bytes say whether a file can be what it is called."""
ENDINGS = dict(zip(MEDIA_TYPES, (".pdf", ".md", ".txt"), strict=True))
_KINDS = {ending: media_type for media_type, ending in ENDINGS.items()} | {".markdown": "text/markdown"}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

logger = logging.getLogger(__name__)


class Upload:
    """A file as a client sends it."""

    def __init__(self, content_type: str, size: int | None, chunks: AsyncIterator[bytes]) -> None:
        """`size` is how many bytes are announced, if any. Raises `UnsupportedFileError` for another kind of file."""
        self.media_type = content_type.partition(";")[0].strip().lower()
        self.announced = size
        self.size = 0
        """How many bytes have come."""
        self._chunks = chunks
        self._head = b""
        if self.media_type not in MEDIA_TYPES:
            raise UnsupportedFileError

    async def begin(self) -> None:
        """Read its first bytes. Raises `UnsupportedFileError` when it cannot be what it is called."""
        while len(self._head) < HEAD_BYTES and (chunk := await self._next()):
            self._head += chunk
        if not self._head:
            fault = {"loc": ("body",), "msg": "The file is empty", "type": "empty_file"}
            raise InvalidRequestError("The file is empty.", errors=[fault])
        if not fits(self.media_type, self._head[:HEAD_BYTES]):
            raise UnsupportedFileError(f"The bytes are not those of {self.media_type}, which `Content-Type` says.")

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of its bytes, as they come. Raises `MalformedRequestError` when the client breaks off."""
        yield self._head
        while chunk := await self._next():
            yield chunk

    async def _next(self) -> bytes:
        try:
            async for chunk in self._chunks:
                if chunk:
                    self.size += len(chunk)
                    return chunk
        except ClientDisconnect:
            raise MalformedRequestError("The body ended before it was whole.") from None
        return b""


class SavedSource(NamedTuple):
    """A source as it is after its file was saved."""

    body: bytes
    version: int


class Download(NamedTuple):
    """A file on its way, or a part of it."""

    upstream: httpx.Response
    """What holds it, to be closed."""
    skipped: int
    """So many of its bytes come before the part."""
    length: int
    status: int
    headers: dict[str, str]
    media_type: str


class PageList(NamedTuple):
    """Pages as JSON, and the page to go on from if there is one."""

    body: bytes
    following: int | None


class WrittenRequest(RequestConfig[httpx.AsyncClient]):
    """The request of a call whose arguments are JSON already, in pieces that are sent as they are."""

    def __init__(self, call: RequestConfig[httpx.AsyncClient], pieces: Sequence[bytes]) -> None:
        super().__init__(call.session, call.path, call.http_method, call.headers, call.params, None, None)
        self._pieces = pieces

    def send(self, additional_headers: httpx.Headers) -> Awaitable[httpx.Response]:
        size = str(sum(map(len, self._pieces)))
        additional_headers.update({**self.headers, "Content-Type": "application/json", "Content-Length": size})
        return self.session.request("POST", str(self.path), content=self._body(), headers=additional_headers)

    async def _body(self) -> AsyncIterator[bytes]:
        for begin in range(0, len(self._pieces), 50):  # each alone would be a write to the socket
            yield b"".join(self._pieces[begin : begin + 50])


class Files:
    """The files of sources, for one request of one caller."""

    def __init__(
        self, session: Session, bucket: Bucket, documents: Documents, context: Context, *, language: str
    ) -> None:
        """`language` is the one whose word forms are found."""
        self._session = session
        self._bucket = bucket
        self._documents = documents
        self._context = context
        self._language = language

    async def upload(
        self, source_id: UUID, file: Upload, name: str | None, versions: frozenset[int] | None = None
    ) -> SavedSource:
        """Store a file, read it, and give it to the source in place of the one that it had, when the source has one of
        the versions: another one is refused before the file is read, and again when the file is saved."""
        source = await self._source(source_id, versions)
        await file.begin()
        path = f"{source.workspace_id}/{source.id}/{uuid4()}{ENDINGS[file.media_type]}"
        try:
            await self._bucket.put(path, file.pieces(), file.media_type, file.announced)
            name = name or _name(source, file.media_type)
            return await self._read(source, path, file.media_type, name, file.size, versions)
        except PERHAPS_DONE:
            raise  # perhaps the row names it by now
        except ProblemError as refusal:
            await self.discard([path])
            if isinstance(refusal, NotFoundError):
                raise await write_refusal(self._session, source.workspace_id, refusal) from None
            raise

    async def read_again(self, source_id: UUID, versions: frozenset[int] | None) -> SavedSource:
        """Read the file that is at the source's `storage_path`, when the source has one of the versions. Raises
        `WriteConflictError` when the source is given another file, or none, before it is read."""
        source = await self._source(source_id, versions)
        path = _place(source)
        answer = await self._open(path)
        await answer.aclose()
        sent_type = answer.headers.get("content-type", "").partition(";")[0]
        name = path.rpartition("/")[2][:255]
        media_type = sent_type if sent_type in MEDIA_TYPES else _KINDS.get(f".{name.rpartition('.')[2].lower()}")
        if media_type is None:
            raise UnsupportedFileError
        size = int(answer.headers.get("content-length") or 0)
        return await self._read(source, path, media_type, source.file_name or name, size, versions)

    async def remove(self, source_id: UUID, versions: frozenset[int] | None) -> None:
        """Take the file and its text away, when the source has one of the versions."""
        await self._save(source_id, {}, versions)

    async def copy(self, paths: Mapping[str, str]) -> list[str]:
        """Copy files to other paths, a few at a time; the paths that have no file. Raises what else Storage refuses."""
        pairs, missing = list(paths.items()), []
        for begin in range(0, len(pairs), COPIED_AT_ONCE):
            some = pairs[begin : begin + COPIED_AT_ONCE]
            results = await asyncio.gather(*(self._bucket.copy(*pair) for pair in some), return_exceptions=True)
            for (path, _), result in zip(some, results, strict=True):
                if isinstance(result, NotFoundError):
                    missing.append(path)
                elif isinstance(result, BaseException):
                    raise result
        return missing

    async def discard(self, paths: Sequence[str]) -> None:
        """Remove files that no source refers to any more. What goes wrong is logged: they are garbage, and nobody's
        loss."""
        try:
            await self._bucket.remove(paths)
        except ProblemError as error:
            logger.warning("%d files are left that no source refers to: %s", len(paths), error.code)

    async def download(self, source_id: UUID, asked: str | None, if_range: str | None) -> Download:
        """The file, or the one range of its bytes that is asked for (RFC 9110, section 14)."""
        source = await self._source(source_id)
        asked = asked if asked and _RANGE.fullmatch(asked) else None  # several ranges and other units are ignored
        upstream = await self._open(_place(source), None if if_range else asked)
        try:
            return _download(source, upstream, asked, if_range)
        except BaseException:
            await upstream.aclose()
            raise

    async def chapters(self, source_id: UUID) -> bytes:
        """The outline as JSON."""
        query = self._session.call("read_chapters", {"source_id": str(source_id)}, read_only=True)
        return await self._list(query)

    async def pages(self, source_id: UUID, asked: FilePageQuery) -> PageList:
        """Pages of text."""
        arguments = {"source_id": str(source_id), "first": asked.first, "last": asked.last, "size": asked.limit}
        query = self._session.call("read_pages", arguments, read_only=True)
        pages = await self._session.read(query, _pages, "read_pages")
        following = pages[-1].following if pages else None
        return PageList(msgspec.json.encode([{"number": page.number, "text": page.text} for page in pages]), following)

    async def search(self, workspace_id: UUID, asked: TextQuery) -> bytes:
        """The pages of a workspace that match, best first, as JSON."""
        arguments = {
            "workspace_id": str(workspace_id),
            "query": asked.q,
            "language": self._language,
            "size": asked.limit,
            **({"source_ids": f"{{{asked.source_id}}}"} if asked.source_id else {}),
        }
        return await self._list(self._session.call("search_pages", arguments, read_only=True))

    async def _open(self, path: str, byte_range: str | None = None) -> httpx.Response:
        try:
            return await self._bucket.open(path, byte_range)
        except NotFoundError:
            raise _missing() from None

    async def _list(self, query: Query) -> bytes:
        body = await self._session.send(query)
        if not body.startswith(b"["):
            raise unreadable(body)
        return body

    async def _source(self, source_id: UUID, versions: frozenset[int] | None = None) -> Any:
        select = self._session.table("sources").select(_COLUMNS).eq("id", source_id)
        source = await self._session.read(select, _source, "sources", one=True)
        if versions is not None and source.version not in versions:
            raise await write_refusal(self._session, source.workspace_id, StaleVersionError())
        return source

    async def _read(
        self, source: Any, path: str, media_type: str, name: str, size: int, versions: frozenset[int] | None
    ) -> SavedSource:
        saved = {"storage_path": path, "file_name": name, "file_bytes": size, "media_type": media_type}
        if path == source.storage_path:
            saved["former_path"] = path  # whoever replaces it meanwhile has it removed
        document: Sequence[bytes] = ()
        try:
            async with aclosing(self._bucket.pieces(path)) as pieces:
                document = await self._documents.read(pieces, media_type)
            await self._context.memory.grow(sum(map(len, document)))
        except DocumentError as error:
            saved["failure"] = error.failure
        return await self._save(source.id, saved, versions, document)

    async def _save(
        self, source_id: UUID, values: dict[str, Any], versions: frozenset[int] | None, document: Sequence[bytes] = ()
    ) -> SavedSource:
        known = {"language": self._language, "versions": None if versions is None else sorted(versions)}
        # The builder would write a long text again, hold it twice, and everybody up.
        arguments = msgspec.json.encode({"source_id": str(source_id), **known, **values})
        body = [arguments[:-1], b',"document":', *document, b"}"] if document else [arguments]
        query = self._session.call("save_file", {})
        query.request = WrittenRequest(query.request, body)
        try:
            (saved,) = await self._session.read(query, _saved, "save_file")
        except OverloadedError:
            raise ConnectionLostError(_UNREAD) from None  # as overloaded, it would be taken for not saved
        except NotFoundError as refusal:
            source = await self._source(source_id)  # a hidden one is not found
            raise await write_refusal(self._session, source.workspace_id, refusal) from None
        await self.discard(saved.unused)
        return SavedSource(bytes(saved.source), decoded(_version, bytes(saved.source), "save_file").version)


_UNREAD = "The file is saved, but the gateway has no memory now for the source, which is large. Read the source."
_missing = partial(
    NotFoundError, "There is no file at the source's `storage_path`: upload it there first, or use `PUT .../file`."
)


def _place(source: Any) -> str:
    """Where the source's file is. Raises `NotFoundError` and, for a path that is none of its workspace,
    `InvalidRequestError`."""
    path: str | None = source.storage_path
    if path is None:
        raise _missing()
    if not is_place(path, source.workspace_id):
        raise outside_workspace()
    return path


def _name(source: Any, media_type: str) -> str:
    title = " ".join(re.sub(r"[\x00-\x1f\x7f/\\]", " ", source.title).split())[:240]
    return f"{title or 'file'}{ENDINGS[media_type]}"


def _download(source: Any, upstream: httpx.Response, asked: str | None, if_range: str | None) -> Download:
    name = source.file_name or (source.storage_path or "").rpartition("/")[2]
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",  # RFC 6266
    }
    if tag := upstream.headers.get("etag"):
        headers["ETag"] = tag
    kind = source.media_type or upstream.headers.get("content-type", "application/octet-stream")
    length = int(upstream.headers.get("content-length", -1))
    part = upstream.headers.get("content-range")
    if length < 0 or (upstream.status_code == 206 and not part):
        raise BadUpstreamError
    if upstream.status_code == 206:
        headers["Content-Range"] = part
        return Download(upstream, 0, length, 206, headers, kind)
    if not asked or (if_range and if_range != tag):
        return Download(upstream, 0, length, 200, headers, kind)
    # A file store that sends the whole of it.
    begin, end = _range(asked, length)
    headers["Content-Range"] = f"bytes {begin}-{end - 1}/{length}"
    return Download(upstream, begin, end - begin, 206, headers, kind)


def _range(asked: str, size: int) -> tuple[int, int]:
    """Where the range begins, and where it has ended. Raises `RangeError`."""
    first, last = _RANGE.fullmatch(asked).groups()  # type: ignore[union-attr]
    begin, end = (int(first), int(last or size) + 1) if first else (size - int(last or 0), size)
    begin, end = max(begin, 0), min(end, size)
    if begin >= end:
        raise RangeError(headers={"Content-Range": f"bytes */{size}"})
    return begin, end


_COLUMNS = "id,workspace_id,version,title,storage_path,file_name,media_type"
_Source: Any = msgspec.defstruct(
    "Source",
    [
        ("id", str),
        ("workspace_id", str),
        ("version", int),
        ("title", str),
        ("storage_path", str | None),
        ("file_name", str | None),
        ("media_type", str | None),
    ],
)
_source = msgspec.json.Decoder(_Source).decode
_Saved: Any = msgspec.defstruct("Saved", [("source", msgspec.Raw), ("unused", list[str])])
_saved = msgspec.json.Decoder(list[_Saved]).decode
_Version: Any = msgspec.defstruct("Version", [("version", int)])
_version = msgspec.json.Decoder(_Version).decode
_Page: Any = msgspec.defstruct("Page", [("number", int), ("text", msgspec.Raw), ("following", int | None, None)])
_pages = msgspec.json.Decoder(list[_Page]).decode
