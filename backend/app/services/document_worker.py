"""Reads one file from standard input and writes its text, in a process that limits itself before it looks at the file.

A program of its own, run as `python -I document_worker.py <media type> <parent's pid>`: it imports nothing of the
gateway. Each line that it writes is JSON: a string for each page, then one object, `{"chapters": [...]}` or
`{"failure": ...}`. Whatever ends it instead is a failure too; `documents.py` says which.
"""

import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import statistics
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

MEMORY = 384 << 20
CPU_SECONDS = 12
WALL_SECONDS = 17
"""From the moment at which it has the whole file: whoever waits is told within 20 s, on a busy machine too."""
MAX_PAGES = 5000
MAX_TEXT = 10 << 20
"""Bytes of the pages as JSON."""
MAX_ENTRIES = 5000
MAX_OUTLINE = 1 << 20
MAX_LEVELS = 10
MAX_HEADING = 10_000
"""Characters of a line that may be a heading."""
MAX_SECTION = 20_000
"""Characters of a text file's section; a longer one is cut between paragraphs."""
RANGE = 20
"""Pages of a chapter where a file has neither an outline nor headings."""

# Of C0 and C1 only what lays text out; U+FFFE, U+FFFF and lone surrogates, which no UTF-8 has, come from broken fonts.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACE = re.compile(r"\s+")

_WORD = r"(?i:part|chapter|appendix|teil|kapitel|anhang|partie|chapitre|parte|cap[ií]tulo|часть|глава)"
_ORDINAL = r"(?:\d{1,3}|[IVXLC]{1,7}|[A-Z])"
_HEADING = re.compile(
    rf"(?P<word>{_WORD})\s+{_ORDINAL}(?:(?P<bare>[.:]?)|(?:\s*[.:–—-]\s*|\s+)\S.*)|"  # noqa: RUF001
    r"第\s*[0-9〇一二三四五六七八九十百]{1,4}\s*(?P<cjk>[章部編编])\s*.*|"  # noqa: RUF001
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,2})\.?\s+(?P<first>[^\W\d_]).*"
)
_PARTS = {"part", "teil", "partie", "parte", "часть", "部"}

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class FailureError(Exception):
    """The file cannot be read; the message is one of the words that `documents.py` lists."""


@dataclass
class Entry:
    """An entry of the outline. Levels and pages count from 1."""

    level: int
    title: str
    first_page: int
    last_page: int = 0


def confine(parent: int) -> None:
    """Give up what a hostile file could use: memory, time, files, processes, the network."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS does not limit memory
            resource.setrlimit(limit, (value, value))
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # before the gateway, when memory is short
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: not without the gateway
    if os.getppid() != parent:
        sys.exit(1)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    libc.unshare(0x50000000)  # CLONE_NEWUSER | CLONE_NEWNET; many systems do not allow it


def clean(text: str) -> str:
    return _UNWANTED.sub("", text)


def one_line(text: str) -> str:
    return _SPACE.sub(" ", clean(text)).strip()[:500]


def with_last_pages(entries: list[Entry], pages: int) -> list[Entry]:
    """The page before the next entry of the same or a higher level, never before the first page."""
    open_entries: list[Entry] = []
    for entry in entries:
        while open_entries and open_entries[-1].level >= entry.level:
            closed = open_entries.pop()
            closed.last_page = max(closed.first_page, entry.first_page - 1)
        open_entries.append(entry)
    for entry in open_entries:
        entry.last_page = max(entry.first_page, pages)
    return entries


def page_ranges(pages: int) -> list[Entry]:
    """Chapters of twenty pages."""
    ranges = [Entry(1, "", first, min(first + RANGE - 1, pages)) for first in range(1, pages + 1, RANGE)]
    for entry in ranges:
        several = entry.last_page > entry.first_page
        entry.title = f"Pages {entry.first_page}–{entry.last_page}" if several else f"Page {entry.first_page}"  # noqa: RUF001
    return ranges


class Writer:
    """Writes pages as they are read, within the bound."""

    def __init__(self) -> None:
        self.pages = 0
        self.bytes = 0
        self.has_text = False

    def page(self, text: str) -> None:
        text = clean(text)
        line = json.dumps(text, ensure_ascii=False).encode()
        self.pages += 1
        self.bytes += len(line)
        if self.pages > MAX_PAGES or self.bytes > MAX_TEXT:
            raise FailureError("too_long")
        self.has_text = self.has_text or bool(text.strip())
        sys.stdout.buffer.write(line + b"\n")


# Headings in text that has no outline.


def heading(line: str) -> tuple[int, str] | None:
    """The rank of a line that reads as a heading (0 a part, 1 a chapter, from 2 numbers by their dots), and itself."""
    line = one_line(line) if len(line) <= MAX_HEADING else ""
    match = _HEADING.fullmatch(line) if len(line) <= 120 else None
    if not match or line[-1] in ",;" or "...." in line or ". . ." in line:  # dots lead to a page in a table of contents
        return None
    if number := match["number"]:
        return None if match["first"].islower() or line.endswith(".") else (2 + number.count("."), line)
    word = match["word"] or match["cjk"]
    # "part A will show": a sentence has it in small letters.
    return None if word[0].islower() else (0 if word.lower() in _PARTS else 1, line)


def ranked(found: Iterable[tuple[int, str, int]]) -> list[Entry]:
    """Entries of (rank, title, page), each title once: a running head repeats it."""
    once: dict[str, tuple[int, str, int]] = {}
    for rank, title, page in found:
        once.setdefault(title, (rank, title, page))
    levels = {rank: level for level, rank in enumerate(sorted({rank for rank, _, _ in once.values()}), 1)}
    return [Entry(levels[rank], title, page) for rank, title, page in list(once.values())[:MAX_ENTRIES]]


# PDF


def read_pdf(data: bytes, writer: Writer) -> list[Entry]:
    import pypdfium2
    from pypdfium2 import raw

    "".encode("utf-16-le").decode("utf-16-le")  # loads the codec, while files can be opened
    # 0, 1 and 2 are taken: from here on neither a file nor a socket can be opened.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise FailureError("encrypted" if locked else "damaged") from None
    pages = len(document)
    if pages > MAX_PAGES:
        raise FailureError("too_long")
    outline = list(pdf_outline(document, pages))
    found: list[tuple[float, int, str, int]] = []
    sizes: list[float] = []
    broken = 0
    for index in range(pages):
        try:
            page = document[index]
            text_page = page.get_textpage()
            text = text_page.get_text_bounded()
            if not outline:
                sizes += sample_sizes(text_page)
                found += [(size, rank, title, index + 1) for size, rank, title in large_headings(text_page, text)]
            text_page.close()
            page.close()
        except pypdfium2.PdfiumError:
            broken += 1
            text = ""
        writer.page(text.replace("\r\n", "\n").replace("\r", "\n"))
    if broken == pages:
        raise FailureError("damaged")
    if outline or not sizes:
        return outline
    large = 1.15 * statistics.median(sizes)
    entries = ranked((rank, title, number) for size, rank, title, number in found if size >= large)
    return entries if len(entries) > 1 else []


def pdf_outline(document: Any, pages: int) -> Iterator[Entry]:
    """The file's own outline. An entry that names no page begins where the first below it does, else it is left out."""
    size = 0
    waiting: list[Entry] = []
    for count, bookmark in enumerate(document.get_toc(max_depth=MAX_LEVELS)):
        title = one_line(bookmark.get_title() or "")
        size += len(title.encode()) + 80
        if count >= MAX_ENTRIES or size > MAX_OUTLINE:
            return
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        entry = Entry(bookmark.level + 1, title, 0)
        while waiting and waiting[-1].level >= entry.level:
            waiting.pop()
        if index is None or not 0 <= index < pages:
            waiting.append(entry)
            continue
        for each in (*waiting, entry):
            each.first_page = index + 1
            each.title = each.title or f"Page {index + 1}"
            yield each
        waiting.clear()


def char_height(text_page: Any, index: int) -> float:
    """The height of a character's line, which counts scaled text too, as the nominal font size does not."""
    _, bottom, _, top = text_page.get_charbox(index, loose=True)
    return float(abs(top - bottom))


def sample_sizes(text_page: Any) -> list[float]:
    count = text_page.count_chars()
    return [char_height(text_page, count * part // 4) for part in (1, 2, 3)] if count > 200 else []


def large_headings(text_page: Any, text: str) -> Iterator[tuple[float, int, str]]:
    """The page's lines that read as headings: the height of their type, rank and title."""
    from pypdfium2 import raw

    lines = text.splitlines()
    candidates = [(number, found) for number, line in enumerate(lines) if (found := heading(line))][:20]
    if not candidates:
        return
    whole = text_page.get_text_range()

    def height(line: str) -> float:
        start = whole.find(line.strip()) if line.strip() else -1
        index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, start) if start >= 0 else -1
        return char_height(text_page, index) if index >= 0 else 0.0

    for number, (rank, title) in candidates:
        size = height(lines[number])
        following = lines[number + 1] if number + 1 < len(lines) else ""
        match = _HEADING.fullmatch(title)
        if (
            match
            and match["bare"] is not None
            and following.strip()
            and not heading(following)
            and height(following) >= size * 0.9
        ):
            title = f"{title} {one_line(following)}"[:500]
        yield size, rank, title


# Text


def decoded(data: bytes) -> str:
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 1 << 18]).best()
    if best is None:
        raise FailureError("unsupported")
    return data.decode(best.encoding, "replace").removeprefix("\ufeff")


def read_text(data: bytes, writer: Writer, *, markdown: bool) -> list[Entry]:
    if len(data) > 4 * MAX_TEXT:
        raise FailureError("too_long")
    lines = decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any(line.strip() for line in lines):
        raise FailureError("no_text")
    found = list(markdown_headings(lines) if markdown else plain_headings(lines))
    starts = [number for number, _, _ in found]
    first_pages: dict[int, int] = {}
    for start, end in pairwise([0, *starts, len(lines)]):
        section = "\n".join(lines[start:end])
        if section.strip():
            first_pages[start] = writer.pages + 1
            for part in cut(section):
                writer.page(part)
    if markdown:
        return [Entry(level, title, first_pages[number]) for number, level, title in found[:MAX_ENTRIES]]
    return ranked((rank, title, first_pages[number]) for number, rank, title in found)


def cut(section: str) -> Iterator[str]:
    """The section in pieces of at most `MAX_SECTION`, cut after a paragraph, a line or a word where there is one."""
    start = 0
    while len(section) - start > MAX_SECTION:
        least, most = start + MAX_SECTION // 2, start + MAX_SECTION
        ends = (section.rfind(mark, least, most) + len(mark) for mark in ("\n\n", "\n", " "))
        end = next((end for end in ends if end > least), most)
        yield section[start:end]
        start = end
    if section[start:].strip():
        yield section[start:]


def markdown_headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Line, level and title of each heading, without those in fenced code."""
    fence = ""
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line[mark.end() :].strip(" \t" + fence[0]):
                fence = ""
            continue
        if fence:
            continue
        if len(line) > MAX_HEADING:
            continue
        if atx := _ATX.fullmatch(line):
            if title := one_line(atx[2] or ""):
                yield number, len(atx[1]), title
        elif (under := number + 1 < len(lines) and _SETEXT.fullmatch(lines[number + 1])) and (
            number == 0 or not lines[number - 1].strip()
        ):
            title = one_line(line)
            if title and not line.startswith(("    ", "\t", ">", "-", "*", "|")):
                yield number, 1 if under[1].startswith("=") else 2, title


def plain_headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Line, rank and title of each line that reads as a heading and has a paragraph of its own."""
    for number, line in enumerate(lines):
        alone = (number == 0 or not lines[number - 1].strip()) and not (lines[number + 1 :] or [""])[0].strip()
        if alone and (found := heading(line)):
            yield number, *found


def main() -> None:
    media_type, parent = sys.argv[1], int(sys.argv[2])
    confine(parent)
    ending: dict[str, object]
    writer = Writer()
    try:
        data = sys.stdin.buffer.read()
        signal.alarm(WALL_SECONDS)
        if media_type == "application/pdf":
            entries = read_pdf(data, writer)
        else:
            entries = read_text(data, writer, markdown=media_type == "text/markdown")
        if not writer.has_text:
            raise FailureError("no_text")
        outline = with_last_pages(entries, writer.pages) if entries else page_ranges(writer.pages)
        ending = {"chapters": [asdict(entry) for entry in outline]}
    except FailureError as error:
        ending = {"failure": str(error)}
    except (MemoryError, RecursionError):
        ending = {"failure": "too_long"}
    sys.stdout.buffer.write(json.dumps(ending, ensure_ascii=False).encode() + b"\n")
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing to tidy up, and hostile data would be walked through once more


if __name__ == "__main__":
    main()
