"""Documents: a file becomes pages of text and chapters, in a process of its own that a hostile file cannot get out of.

The process (`document_worker.py`) limits its memory and time, opens no file and no connection, and is killed with
whoever waits for it. What it writes is bounded and checked here, as data of a stranger.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, get_args

from app.models.file import MAX_PAGES
from app.models.source import Failure

FAILURES: tuple[Failure, ...] = get_args(Failure)
MEDIA_TYPES = ("application/pdf", "text/markdown", "text/plain")
WORKER = Path(__file__).with_name("document_worker.py")
MAX_OUTPUT = 12 << 20
CHUNK = 1 << 16
CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""The container's quota of CPU and the period that it is for, in microseconds: https://docs.kernel.org/admin-guide/cgroup-v2.html"""

_CLOCKS = {signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL}


class DocumentError(Exception):
    """The file has no text that can be read, for this reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure: Failure = failure


def fits(media_type: str, head: bytes) -> bool:
    """Whether a file that begins with `head`, its first 1,024 bytes, can be of this media type."""
    if media_type == "application/pdf":
        return b"%PDF-" in head[:1024]  # readers accept what precedes it, such as a mail's header
    if media_type not in MEDIA_TYPES or head.startswith(b"%PDF-"):
        return False
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or not any(
        byte < 32 and byte not in b"\t\n\v\f\r\x1a\x1b" for byte in head
    )


class Documents:
    """Reads some files at once, by default as many as there are processor cores and two at most; others wait."""

    def __init__(self, at_once: int | None = None) -> None:
        self._turns = asyncio.Semaphore(at_once or min(cores(), 2))

    async def read(self, chunks: AsyncIterable[bytes], media_type: str) -> list[bytes]:
        """The document in a file that arrives in chunks: `{"chapters": [...], "pages": [...]}` as JSON, in pieces, at
        most 12 MiB in all. Raises `DocumentError`, and whatever `chunks` raises.

        It holds no more of the file than a chunk. The caller sets the time limit: a cancelled read ends the process.
        """
        async with self._turns:
            # Without our environment, which holds secrets.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-X", "utf8", WORKER, media_type, str(os.getpid())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            feeding = asyncio.create_task(_feed(process, chunks))
            try:
                output = await _collect(process)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                feeding.cancel()
                await asyncio.wait([feeding])
                await process.wait()
        if not feeding.cancelled() and (error := feeding.exception()):
            raise error
        if output is None:
            status = process.returncode or 0
            raise DocumentError("too_long" if -status in _CLOCKS else "damaged")
        return output


def cores() -> int:
    """How many processor cores this process may use, as far as its container may: 1 at least."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # outside of a container there is no such file, or it says "max"
        quota, period = CPU_LIMIT.read_text().split()
        count = min(count, int(quota) // int(period))
    return max(count, 1)


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterable[bytes]) -> None:
    assert process.stdin
    try:
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        return  # it has ended already, and said why
    except Exception:
        process.kill()
        raise


async def _collect(process: asyncio.subprocess.Process) -> list[bytes] | None:
    """What the process wrote, or None if it ended before it was done."""
    assert process.stdout
    pages: list[bytes] = []
    rest = bytearray()
    size = 0
    while chunk := await process.stdout.read(CHUNK):
        size += len(chunk)
        if size > MAX_OUTPUT:
            raise DocumentError("too_long")
        *lines, tail = chunk.split(b"\n")
        for line in lines:
            rest += line
            value = _decoded(bytes(rest))
            if isinstance(value, dict):
                return _document(pages, value)
            if not isinstance(value, str) or len(pages) == MAX_PAGES:
                raise DocumentError("damaged")
            pages.append(bytes(rest))
            rest.clear()
        rest += tail
    await process.wait()
    return None


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise DocumentError("damaged") from None


def _document(pages: list[bytes], ending: dict[str, Any]) -> list[bytes]:
    if (failure := ending.get("failure")) in FAILURES:
        raise DocumentError(failure)
    chapters = ending.get("chapters")
    if not isinstance(chapters, list) or not pages:
        raise DocumentError("damaged")
    head = json.dumps(chapters, ensure_ascii=False).encode()
    first, *others = pages
    listed = (piece for page in others for piece in (b",", page))
    return [b'{"chapters":', head, b',"pages":[', first, *listed, b"]}"]
