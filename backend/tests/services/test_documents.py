"""Files become pages and chapters, and nothing that a file holds gets out of the process that reads it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.services import documents
from app.services.documents import DocumentError, Documents, fits
from tests.pdf import Bookmark, Line, pdf
from tests.processes import command, descendants
from tests.sample_document import document as sample
from tests.services.hostile import FILES, READ, deflated, plain, with_content

CHUNK = 1 << 16
SECONDS = 20


async def in_chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


def read(data: bytes, media_type: str = "application/pdf") -> list[bytes]:
    async def run() -> list[bytes]:
        async with asyncio.timeout(90):
            return await Documents().read(in_chunks(data), media_type)

    return asyncio.run(run())


def contents(data: bytes, media_type: str = "application/pdf") -> tuple[list[str], list[tuple[Any, ...]]]:
    """The pages, and the chapters as (level, title, first page, last page)."""
    written = json.loads(b"".join(read(data, media_type)))
    chapters = [(each["level"], each["title"], each["first_page"], each["last_page"]) for each in written["chapters"]]
    return written["pages"], chapters


def workers(of: int | None = None) -> set[int]:
    """The processes of ours, or of this one's, that read files now."""
    return descendants(str(documents.WORKER), of)


@pytest.fixture(autouse=True)
def _leaves_no_process() -> Any:
    before = workers()
    yield
    assert workers() <= before


def test_pages_and_the_outline_are_read() -> None:
    outline = [Bookmark(1, "One", 1), Bookmark(2, "Ünder — one", 2), Bookmark(2, "Again", 2), Bookmark(1, "Two", 4)]
    pages, chapters = contents(
        pdf([[Line(f"Page {number}."), Line("Ende — schön")] for number in range(1, 6)], outline)
    )
    assert pages == [f"Page {number}.\nEnde — schön" for number in range(1, 6)]
    assert chapters == [(1, "One", 1, 3), (2, "Ünder — one", 2, 2), (2, "Again", 2, 3), (1, "Two", 4, 5)]


def test_an_outline_of_long_titles_is_read_to_one_mebibyte() -> None:
    outline = [Bookmark(1, f"{number} {'x' * 480}", 1) for number in range(2500)]
    assert 1800 < len(contents(pdf([[Line("text")]], outline))[1]) < 1900


def test_without_an_outline_headings_in_large_type_are_chapters() -> None:
    text = [Line("Chapter 9 is mentioned, in small type."), *[Line("Words and more words to read. " * 3)] * 10]
    pages = [
        [Line("Contents", 20), Line("Chapter 1 Beginnings . . . . 2", 20), *text],
        [Line("Part I Everything", 26), *text],
        [Line("Chapter 1", 22), Line("Beginnings", 22), *text],
        [Line("1.1 Small steps", 16), *text],
        [Line("Chapter 1", 22), Line("Beginnings", 22), *text],
        [Line("Chapter 2: Endings", 22), *text],
    ]
    assert contents(pdf(pages))[1] == [
        (1, "Part I Everything", 2, 6),
        (2, "Chapter 1 Beginnings", 3, 5),
        (3, "1.1 Small steps", 4, 5),
        (2, "Chapter 2: Endings", 6, 6),
    ]


def test_a_heading_that_is_alone_makes_no_chapter() -> None:
    text = [Line("Words and more words to read. " * 3)] * 10
    assert contents(pdf([[Line("Chapter 1: Light", 22), *text], text]))[1] == [(1, "Pages 1–2", 1, 2)]  # noqa: RUF001


def test_without_headings_chapters_are_ranges_of_twenty_pages() -> None:
    assert contents(plain(41))[1] == [(1, "Pages 1–20", 1, 20), (1, "Pages 21–40", 21, 40), (1, "Page 41", 41, 41)]  # noqa: RUF001


def test_markdown_is_read_by_its_headings() -> None:
    text = "Before.\n\n# One\ntext\n\n```\n# code\n```\n## Under #\n\nTwo\n===\n\n- - -\n\n### \n#no heading\n"
    pages, chapters = contents(text.encode(), "text/markdown")
    assert pages == [
        "Before.\n",
        "# One\ntext\n\n```\n# code\n```",
        "## Under #\n",
        "Two\n===\n\n- - -\n\n### \n#no heading\n",
    ]
    assert chapters == [(1, "One", 2, 3), (2, "Under", 3, 3), (1, "Two", 4, 4)]


def test_plain_text_is_read_by_its_headings() -> None:
    text = "Part I\n\nChapter 1. Light\n\nIt bends.\n1. not a heading\n2. nor this\n\nChapter 2. Waves\n\nThey add.\n"
    pages, chapters = contents(text.encode(), "text/plain")
    assert [page.split("\n")[0] for page in pages] == ["Part I", "Chapter 1. Light", "Chapter 2. Waves"]
    assert chapters == [(1, "Part I", 1, 3), (2, "Chapter 1. Light", 2, 2), (2, "Chapter 2. Waves", 3, 3)]


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraph = "Some words, and some more. " * 40 + "\n\n"
    pages, chapters = contents(("# One\n\n" + paragraph * 50).encode(), "text/markdown")
    assert len(pages) == 3
    assert all(len(page) <= 20_000 for page in pages)
    assert "".join(pages) == "# One\n\n" + paragraph * 50
    assert chapters == [(1, "One", 1, 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis", "koi8-r", "gb18030"])
def test_text_is_read_in_the_encoding_it_has(encoding: str) -> None:
    tongue = {
        "shift_jis": "行列の積を計算します。ベクトル空間の基底を選びます。",
        "koi8-r": "Умножение матриц не коммутативно.",
        "gb18030": "本章我们学习矩阵的乘法与逆矩阵。",
    }
    text = tongue.get(encoding, "Der größte Eigenwert: schön für Köche, süße Äpfel und Übermut.") * 20
    assert contents(text.encode(encoding), "text/plain")[0] == [text]


def test_a_password_is_told_from_damage() -> None:
    for name, failure in (("a password", "encrypted"), ("a PNG", "damaged")):
        with pytest.raises(DocumentError) as caught:
            read(FILES[name][1]())
        assert caught.value.failure == failure


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_has_a_clear_answer(name: str) -> None:
    media_type, make, allowed = FILES[name]
    data = make()
    started_at = time.monotonic()
    try:
        pages = contents(data, media_type)[0]
        said = READ
        assert any(page.strip() for page in pages)
        assert not any(ord(character) < 32 and character not in "\t\n" for page in pages for character in page)
    except DocumentError as error:
        said = error.failure
    assert said in allowed
    assert time.monotonic() - started_at < SECONDS


def test_the_reader_grows_by_little() -> None:
    """In a process of its own, since the highest mark of memory never falls."""
    program = """
import asyncio, resource, sys
from app.services.documents import Documents
from tests.services.test_documents import in_chunks

async def text():
    for _ in range(160):
        yield (b"word and " * 7280 + b"\\n\\n")[:65536]

async def main():
    documents = Documents()
    await documents.read(in_chunks(b"# small"), "text/markdown")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = await documents.read(text(), "text/plain")
    print(sum(map(len, document)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    size, growth = map(int, done.stdout.split())
    assert size > 9 << 20
    assert growth < 30 << 10


def endless() -> bytes:
    """A file that keeps the worker busy for seconds."""
    return FILES["a trillion texts"][1]()


async def unfinished() -> AsyncIterator[bytes]:
    """A file whose end never arrives."""
    yield b"%PDF-1.7"
    await asyncio.Event().wait()


async def started(task: "asyncio.Task[list[bytes]]", before: set[int]) -> int:
    while not (new := workers() - before):
        assert not task.done()
        await asyncio.sleep(0)
    return new.pop()


def test_a_cancelled_read_ends_the_process() -> None:
    async def run() -> None:
        task = asyncio.create_task(Documents().read(in_chunks(endless()), "application/pdf"))
        await started(task, workers())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = workers()
    asyncio.run(run())
    assert workers() == before


def test_a_read_ends_at_its_deadline() -> None:
    async def run() -> None:
        async with asyncio.timeout(1):
            await Documents().read(unfinished(), "application/pdf")

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_files_wait_for_their_turn() -> None:
    async def run() -> None:
        reader = Documents(at_once=1)
        before = workers()
        first = asyncio.create_task(reader.read(unfinished(), "application/pdf"))
        running = await started(first, before)
        second = asyncio.create_task(reader.read(in_chunks(plain()), "application/pdf"))
        for _ in range(50):
            await asyncio.sleep(0)
            assert workers() - before == {running}
        first.cancel()
        assert await second
        await asyncio.wait([first])

    asyncio.run(run())


@pytest.mark.parametrize(
    ("limit", "expected"), [("100000 100000\n", 1), ("50000 100000\n", 1), ("max 100000\n", 4), ("900000 100000\n", 4)]
)
def test_a_container_has_as_many_cores_as_its_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(4), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(documents, "CPU_LIMIT", tmp_path / "cpu.max")
    assert documents.cores() == expected


def test_what_the_file_comes_from_may_fail() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"
        raise ConnectionError("the file store is gone")

    async def run() -> None:
        with pytest.raises(ConnectionError):
            await Documents().read(broken(), "application/pdf")

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_process_has_given_everything_up() -> None:
    async def run() -> None:
        before = workers()
        task = asyncio.create_task(Documents().read(in_chunks(endless()), "application/pdf"))
        process = Path("/proc") / str(await started(task, before))

        def limits() -> dict[str, str]:
            lines = (process / "limits").read_text().splitlines()[1:]
            return {line[:25].strip(): line[26:46].strip() for line in lines}

        # The last that is set, once the library is loaded.
        while limits()["Max open files"] != "3":  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert (
            limits()
            | {
                "Max address space": str(384 << 20),
                "Max cpu time": "12",
                "Max file size": "0",
                "Max core file size": "0",
                "Max processes": "0",
            }
            == limits()
        )
        assert {entry.name for entry in (process / "fd").iterdir()} == {"0", "1", "2"}
        assert (process / "oom_score_adj").read_text().strip() == "1000"
        assert not (process / "environ").read_bytes()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_process_ends_with_the_gateway(tmp_path: Path) -> None:
    program = """
import asyncio
from app.services.documents import Documents
from tests.services.test_documents import endless, in_chunks
asyncio.run(Documents().read(in_chunks(endless()), "application/pdf"))
"""
    gateway = subprocess.Popen([sys.executable, "-c", program])
    while not (running := workers(of=gateway.pid)):
        assert gateway.poll() is None
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.wait()
    deadline = time.monotonic() + 10
    while any(map(command, running)):
        assert time.monotonic() < deadline


def test_a_process_whose_gateway_has_ended_already_reads_nothing() -> None:
    command = [sys.executable, "-I", str(documents.WORKER), "text/plain", "1"]
    done = subprocess.run(command, input=b"some text", capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_process_that_nobody_listens_to_is_ended_by_its_clock() -> None:
    program = documents.WORKER.read_text().replace("WALL_SECONDS = 17", "WALL_SECONDS = 1")
    command = [sys.executable, "-I", "-c", program, "text/plain", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"some text " * 200_000)
        process.stdin.close()
        assert process.wait(20) == -signal.SIGALRM


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("os.kill(os.getpid(), signal.SIGXCPU)", "too_long"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "damaged"),
        ("for _ in range(13): print('\"' + 'x' * (1 << 20) + '\"')\nprint('{\"chapters\": []}')", "too_long"),
        ("print('\"a\"\\n' * 5001 + '{\"chapters\": []}')", "damaged"),
        ("print('{\"chapters\": []}')", "damaged"),
        ("print('[1]')", "damaged"),
        ("print('{')", "damaged"),
    ],
)
def test_what_a_process_writes_that_was_taken_over_is_bounded_and_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, failure: str
) -> None:
    monkeypatch.setattr(documents, "WORKER", tmp_path / "worker.py")
    documents.WORKER.write_text(f"import os, signal\n{program}\n")
    with pytest.raises(DocumentError) as refused:
        read(b"some text", "text/plain")
    assert refused.value.failure == failure


def test_memory_over_the_limit_is_refused() -> None:
    with pytest.raises(DocumentError):
        read(with_content(deflated(450 << 20, b"BT "), b"/Filter /FlateDecode"))


@pytest.mark.parametrize(
    ("media_type", "head", "fitting"),
    [
        ("application/pdf", b"%PDF-1.4\n", True),
        ("application/pdf", b"\n" * 1000 + b"%PDF-1.4\n", True),
        ("application/pdf", b"\x89PNG\r\n", False),
        ("application/pdf", b"", False),
        ("text/plain", b"words", True),
        ("text/plain", b"", True),
        ("text/markdown", "# Über\r\n\tx".encode(), True),
        ("text/plain", "wide".encode("utf-16"), True),
        ("text/plain", b"%PDF-1.4\n", False),
        ("text/markdown", b"a\0b", False),
        ("text/plain", b"\x89PNG\r\n\x1a\n\0", False),
        ("image/png", b"\x89PNG\r\n", False),
    ],
)
def test_a_media_type_fits_the_bytes(media_type: str, head: bytes, fitting: bool) -> None:
    assert fits(media_type, head) is fitting


def test_the_sample_is_small_and_whole() -> None:
    data = sample()
    pages, chapters = contents(data)
    assert len(data) < 60_000
    assert len(pages) == 6
    assert [title for level, title, *_ in chapters if level == 1] == [
        "1 Vectors",
        "2 Softmax",
        "3 Attention",
        "4 Masking",
        "5 Several heads",
    ]
    assert ["square root of d before softmax" in page.replace("\n", " ") for page in pages].index(True) + 1 == 4
