"""Writes small PDFs: lines of text in one of the fonts that every reader has, and an outline.

For the sample and for tests, so that neither needs a library or a file whose rights are another's.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 595, 842, 72
"""A4, in points."""


@dataclass(frozen=True)
class Line:
    """A line of text; the characters of Windows-1252 alone."""

    text: str
    size: float = 11.0


@dataclass(frozen=True)
class Bookmark:
    """An entry of the outline. Levels and pages count from 1."""

    level: int
    title: str
    page: int


def pdf(pages: Sequence[Iterable[Line]], outline: Sequence[Bookmark] = (), title: str = "") -> bytes:
    """A PDF with these pages, each of lines from the top down, and this outline."""
    objects: dict[int, bytes] = {}
    catalog, tree, font, info, outlines = 1, 2, 3, 4, 5
    first_page = 6
    first_entry = first_page + 2 * len(pages)
    for index, lines in enumerate(pages):
        content = zlib.compress(_content(lines), 9)
        number = first_page + 2 * index
        objects[number] = (
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
            f"/Resources << /Font << /F {font} 0 R >> >> /Contents {number + 1} 0 R >>"
        ).encode()
        objects[number + 1] = (
            b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(content) + content + b"\nendstream"
        )
    kids = " ".join(f"{first_page + 2 * index} 0 R" for index in range(len(pages)))
    objects[catalog] = f"<< /Type /Catalog /Pages {tree} 0 R /Outlines {outlines} 0 R >>".encode()
    objects[tree] = f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode()
    objects[font] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects[info] = b"<< /Title " + _text(title) + b" >>"
    objects |= _outline(outline, outlines, first_entry, first_page)
    return _file(objects, catalog, info)


def _content(lines: Iterable[Line]) -> bytes:
    parts = []
    y = HEIGHT - MARGIN
    for line in lines:
        y -= round(line.size * 1.4)
        escaped = line.text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        parts.append(b"BT /F %.1f Tf %d %d Td (%s) Tj ET" % (line.size, MARGIN, y, escaped))
    return b"\n".join(parts)


def _outline(entries: Sequence[Bookmark], root: int, first: int, first_page: int) -> dict[int, bytes]:
    """The tree of entries: each names its parent, neighbours and children."""
    children: dict[int, list[int]] = {root: []}
    path = [(0, root)]
    parents = []
    for index, entry in enumerate(entries):
        while path[-1][0] >= entry.level:
            path.pop()
        parents.append(path[-1][1])
        children[path[-1][1]].append(first + index)
        children[first + index] = []
        path.append((entry.level, first + index))

    def ends(number: int) -> str:
        own = children[number]
        return f"/First {own[0]} 0 R /Last {own[-1]} 0 R /Count {len(own)}" if own else ""

    objects = {root: f"<< /Type /Outlines {ends(root)} >>".encode()}
    for index, entry in enumerate(entries):
        number = first + index
        siblings = children[parents[index]]
        at = siblings.index(number)
        before = f"/Prev {siblings[at - 1]} 0 R " if at else ""
        after = f"/Next {siblings[at + 1]} 0 R " if at + 1 < len(siblings) else ""
        place = f"/Dest [{first_page + 2 * (entry.page - 1)} 0 R /Fit] /Parent {parents[index]} 0 R "
        objects[number] = b"<< /Title " + _text(entry.title) + f" {place}{before}{after}{ends(number)} >>".encode()
    return objects


def _text(text: str) -> bytes:
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode() + b">"


def _file(objects: dict[int, bytes], catalog: int, info: int) -> bytes:
    output = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(output)
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(output)
    size = max(objects) + 1
    output += b"xref\n0 %d\n0000000000 65535 f \n" % size
    output += b"".join(b"%010d 00000 n \n" % offsets[number] for number in range(1, size))
    output += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (size, catalog, info)
    return bytes(output + b"startxref\n%d\n%%%%EOF\n" % start)
