"""Files that are broken, or made to break who reads them: each with what may be said of it."""

import random
import struct
import zlib
from collections.abc import Callable
from functools import partial

from tests.pdf import Bookmark, Line, pdf

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"

READ = "read"
"""That it is read, at least in part, is an answer too."""


def plain(pages: int = 1) -> bytes:
    return pdf([[Line(f"This is page {number}.")] for number in range(1, pages + 1)])


def raw(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    output = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(output))
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    output += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    output += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, start)
    return bytes(output)


CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
TREE = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def page(content: int = 5) -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
        b" /Resources << /Font << /F 4 0 R >> /XObject << /X 6 0 R >> >> >>" % content
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def with_content(content: bytes, entries: bytes = b"", *more: bytes) -> bytes:
    return raw(CATALOG, TREE, page(), FONT, stream(content, entries), *more)


def deflated(size: int, byte: bytes = b" ") -> bytes:
    """So many bytes, packed: a MiB is packed once, and repeated."""
    mebibyte = byte * ((1 << 20) // len(byte))
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(mebibyte) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(size >> 20):
        check = zlib.adler32(mebibyte, check)
    return b"\x78\xda" + packed * (size >> 20) + b"\x03\x00" + struct.pack(">I", check)


def bomb() -> bytes:
    return with_content(deflated(512 << 20), b"/Filter /FlateDecode")


def nested_bomb() -> bytes:
    return with_content(zlib.compress(deflated(512 << 20), 9), b"/Filter [/FlateDecode /FlateDecode]")


def text_bomb() -> bytes:
    shown = b"BT /F 9 Tf 9 9 Td (" + b"word " * 20 + b") Tj ET\n"
    return with_content(zlib.compress(shown * 200_000, 9), b"/Filter /FlateDecode")


def encrypted() -> bytes:
    lock = b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <" + b"5a" * 32 + b"> /U <" + b"a5" * 32 + b"> >>"
    objects = (CATALOG, TREE, page(), FONT, stream(b"BT /F 9 Tf (secret) Tj ET"), lock)
    return raw(*objects, trailer=b"/Encrypt 6 0 R /ID [<00> <00>]")


def unknown_lock() -> bytes:
    objects = (CATALOG, TREE, page(), FONT, stream(b""), b"<< /Filter /Other /V 9 /R 9 >>")
    return raw(*objects, trailer=b"/Encrypt 6 0 R /ID [<00> <00>]")


def page_tree_loop() -> bytes:
    return raw(
        CATALOG, b"<< /Type /Pages /Count 9 /Kids [2 0 R 3 0 R] >>", b"<< /Type /Pages /Count 9 /Kids [2 0 R] >>"
    )


def claimed_pages() -> bytes:
    return raw(CATALOG, b"<< /Type /Pages /Count 2000000000 /Kids [3 0 R] >>", page(), FONT, stream(b""))


def same_page(times: int) -> bytes:
    kids = b"3 0 R " * times
    tree = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (times, kids)
    return raw(CATALOG, tree, page(), FONT, stream(b"BT /F 9 Tf 9 9 Td (again) Tj ET"))


def form_loop() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
    return with_content(b"/X Do", b"", stream(b"/X Do /X Do", form))


def many_laughs() -> bytes:
    """Forms that show the next one ten times each, twelve deep: 10 to the power of 12 texts."""
    forms = []
    for number in range(6, 18):
        entries = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >>" % (
            number + 1
        )
        forms.append(stream(b"/X Do " * 10, entries))
    last = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F 4 0 R >> >>"
    return with_content(b"/X Do", b"", *forms, stream(b"BT /F 9 Tf (ha) Tj ET", last))


def outline_loop() -> bytes:
    catalog = b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>"
    outline = b"<< /First 7 0 R /Last 7 0 R /Count 1 >>"
    entry = b"<< /Title (Round) /Parent 6 0 R /First 7 0 R /Next 7 0 R /Dest [3 0 R /Fit] >>"
    return raw(catalog, TREE, page(), FONT, stream(b"BT /F 9 Tf 9 9 Td (text) Tj ET"), outline, entry)


def long_outline() -> bytes:
    return pdf([[Line("One page.")]], [Bookmark(1 + index % 9, "entry " * 80, 1) for index in range(20_000)])


def deep_nesting() -> bytes:
    return with_content(b"BT /F 9 Tf 9 9 Td (text) Tj ET " + b"q " * 500_000 + b"[" * 500_000)


def xref_loop() -> bytes:
    whole = plain()
    start = whole.rindex(b"\nxref\n") + 1
    return whole.replace(b"/Info", b"/Prev %d /Info" % start)


def object_stream_bomb() -> bytes:
    packed = deflated(512 << 20)
    entries = b"/Type /ObjStm /N 100000000 /First 10 /Filter /FlateDecode"
    return with_content(b"", b"", stream(packed, entries))


def null_text() -> bytes:
    return with_content(b"BT /F 9 Tf 9 9 Td (a\\000b\\001c) Tj ET")


def noise(seed: int) -> bytes:
    """A good file with a hundred bytes changed."""
    generator = random.Random(seed)  # noqa: S311
    data = bytearray(pdf([[Line("Some text.")]] * 5, [Bookmark(1, "One", 1), Bookmark(2, "Two", 3)]))
    for _ in range(100):
        data[generator.randrange(9, len(data))] = generator.randrange(256)
    return bytes(data)


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(4096)


FILES: dict[str, tuple[str, Callable[[], bytes], set[str]]] = {
    "nothing": (PDF, lambda: b"", {"damaged"}),
    "a PNG": (PDF, png, {"damaged"}),
    "a web page": (PDF, lambda: b"<html>%PDF-1.7</html>" * 100, {"damaged"}),
    "a header alone": (PDF, lambda: b"%PDF-1.7\n", {"damaged"}),
    "the first half": (PDF, lambda: plain(50)[: len(plain(50)) // 2], {"damaged", READ}),
    "all but the end": (PDF, lambda: plain(50)[:-300], {READ, "damaged"}),
    "random bytes": (PDF, lambda: b"%PDF-1.7\n" + random.Random(1).randbytes(1 << 20), {"damaged"}),  # noqa: S311
    "60 MiB of zeros": (PDF, lambda: b"%PDF-1.7\n" + bytes(60 << 20), {"damaged"}),
    "a password": (PDF, encrypted, {"encrypted"}),
    "an unknown lock": (PDF, unknown_lock, {"encrypted", "damaged"}),
    "512 MiB in 512 KiB": (PDF, bomb, {"damaged", "too_long", "no_text"}),
    "512 MiB in 3 KiB": (PDF, nested_bomb, {"damaged", "too_long", "no_text"}),
    "20 MB of text on a page": (PDF, text_bomb, {READ, "too_long", "damaged"}),
    "a page tree that loops": (PDF, page_tree_loop, {"damaged", "no_text"}),
    "two billion pages claimed": (PDF, claimed_pages, {"too_long", "damaged", "no_text"}),
    "200,000 pages": (PDF, lambda: same_page(200_000), {"too_long"}),
    "5,001 pages": (PDF, lambda: plain(5001), {"too_long"}),
    "a form that shows itself": (PDF, form_loop, {"too_long", "no_text", "damaged"}),
    "a trillion texts": (PDF, many_laughs, {"too_long", "damaged", "no_text"}),
    "an outline that loops": (PDF, outline_loop, {READ}),
    "20,000 long bookmarks": (PDF, long_outline, {READ}),
    "a million brackets": (PDF, deep_nesting, {READ, "damaged"}),
    "a cross reference that loops": (PDF, xref_loop, {READ, "damaged"}),
    "an object stream of 512 MiB": (PDF, object_stream_bomb, {"no_text", "damaged"}),
    "control characters": (PDF, null_text, {READ}),
    "no text": (PDF, lambda: with_content(b"0 0 9 9 re f"), {"no_text"}),
    **{f"noise {seed}": (PDF, partial(noise, seed), {READ, "damaged", "no_text"}) for seed in range(4)},
    "blank text": (TEXT, lambda: b" \n\t\r\n\xc2\xa0" * 10, {"no_text"}),
    "empty text": (TEXT, lambda: b"", {"no_text"}),
    "11 MiB of text": (TEXT, lambda: b"word " * (11 << 18), {"too_long"}),
    "50 MiB of text": (TEXT, lambda: b"word " * (10 << 20), {"too_long"}),
    "6,000 sections": (MARKDOWN, lambda: b"# Title\n\ntext\n\n" * 6000, {"too_long"}),
    "a line of 9 MiB": (MARKDOWN, lambda: b"#" * (9 << 20), {READ, "too_long"}),
    "a heading of 9 MiB": (MARKDOWN, lambda: b"# " + b"x #" * (3 << 20), {READ}),
    "fences and spaces": (MARKDOWN, lambda: (b"```" + b" " * 5000 + b"x\n") * 1000, {READ}),
    "half a surrogate": (TEXT, lambda: b"\xff\xfe" + b"\x00\xd8a\x00" * 1000, {READ, "unsupported"}),
    "nothing known": (TEXT, lambda: random.Random(2).randbytes(1 << 16), {READ, "unsupported"}),  # noqa: S311
}
