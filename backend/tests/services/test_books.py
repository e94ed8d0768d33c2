"""Real books, where Debian packages have put them (r-doc-pdf, octave-doc, pari-doc, nauty-doc, debian-reference-ja,
maint-guide-ja, debmake-doc). `make soak`."""

from itertools import pairwise
from pathlib import Path

import pypdfium2
import pytest

from tests.services.test_documents import contents

BOOKS = {
    "/usr/share/R/doc/manual/fullrefman.pdf": (
        2415,
        "Compute the singular-value decomposition of a rectangular matrix",
    ),
    "/usr/share/doc/octave/octave.pdf": (1158, "singular value decomposition of"),
    "/usr/share/pari/doc/users.pdf": (675, "Overview of the PARI system"),
    "/usr/share/pari/doc/tutorial.pdf": (60, "PARI"),
    "/usr/share/pari/doc/refcard.pdf": (4, "PARI"),
    "/usr/share/doc/nauty/nug28.pdf": (109, "dreadnaut"),
    "/usr/share/debian-reference/debian-reference.ja.pdf": (272, "シェルプロンプト"),
    "/usr/share/doc/maint-guide-ja/maint-guide.ja.pdf": (69, "開発に必要なプログラム"),
    "/usr/share/doc/debmake-doc/debmake-doc.ru.pdf": (146, "Обзор"),
}


@pytest.mark.soak
@pytest.mark.parametrize("book", BOOKS)
def test_a_real_book_is_read_whole(book: str) -> None:
    if not Path(book).exists():
        pytest.skip("not installed")
    count, quoted = BOOKS[book]
    pages, chapters = contents(Path(book).read_bytes())
    assert len(pages) == count
    assert any(quoted in page.replace("\n", " ") for page in pages)
    document = pypdfium2.PdfDocument(book)
    own = [
        (bookmark.level + 1, destination.get_index() + 1)
        for bookmark in document.get_toc()
        if (destination := bookmark.get_dest()) and destination.get_index() is not None
    ]
    if own:
        assert [(level, first) for level, _, first, _ in chapters] == own
    else:
        top = [(first, last) for level, _, first, last in chapters if level == 1]
        assert top[-1][1] == count
        assert all(following[0] <= before[1] + 1 for before, following in pairwise(top))
