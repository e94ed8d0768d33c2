"""What makes chapters and pages, without a process: headings, outlines, and where long texts are cut."""

import pytest

from app.services.document_worker import (
    MAX_ENTRIES,
    MAX_SECTION,
    Entry,
    cut,
    heading,
    markdown_headings,
    plain_headings,
    ranked,
    with_last_pages,
)


@pytest.mark.parametrize(
    ("line", "rank"),
    [
        ("Part II", 0),
        ("Chapter 3: Light", 1),
        ("KAPITEL IV Licht", 1),
        ("第三章 光", 1),
        ("7 Waves", 2),
        ("7.1. Small waves", 3),
        ("7.1.2 Smaller waves", 4),
        ("Chapter 3 Light,", None),
        ("Chapter 3 Light;", None),
        ("Chapter 3 Light ........ 41", None),
        ("Chapter 3 Light . . . . 41", None),
        ("part A will show", None),
        ("12 angry men", None),
        ("1. It ends with a dot.", None),
        ("7.1.2.3 Too deep", None),
        ("Light", None),
        (f"Chapter 3 {'x' * 120}", None),
        (f"Chapter 3 Light{' ' * 10_000}", None),
        ("", None),
    ],
)
def test_a_line_is_a_heading_by_how_it_reads(line: str, rank: int | None) -> None:
    assert heading(line) == (None if rank is None else (rank, line))


def test_a_title_counts_once_and_there_are_so_many_entries() -> None:
    assert ranked([(1, "One", 2), (3, "Under", 2), (1, "One", 5)]) == [Entry(1, "One", 2), Entry(2, "Under", 2)]
    assert len(ranked((1, f"Chapter {number}", number) for number in range(MAX_ENTRIES + 1))) == MAX_ENTRIES


def test_an_entry_ends_before_the_next_of_its_level_and_never_before_it_begins() -> None:
    entries = [Entry(1, "a", 2), Entry(2, "b", 4), Entry(1, "c", 4), Entry(1, "d", 3), Entry(2, "e", 9)]
    assert [entry.last_page for entry in with_last_pages(entries, 7)] == [3, 4, 4, 7, 9]


@pytest.mark.parametrize("mark", ["\n\n", "\n", " "])
def test_a_section_is_cut_in_its_second_half(mark: str) -> None:
    section = f"a{mark}{'b' * (MAX_SECTION - 100)}{mark}{'c' * MAX_SECTION}"
    assert list(cut(section)) == [section[: MAX_SECTION - 99 + 2 * len(mark)], "c" * MAX_SECTION]
    assert [len(piece) for piece in cut("a\n\n" + "b" * MAX_SECTION)] == [MAX_SECTION, 3]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("````\n```\n# code\n````\n# One", [(4, 1, "One")]),
        ("```\n~~~\n# code\n```\n# One", [(4, 1, "One")]),
        ("```\n``` x\n# code\n```\n# One", [(4, 1, "One")]),
        ("One\n===\n\nTwo\n---", [(0, 1, "One"), (3, 2, "Two")]),
        ("a line\nof text\n===", []),
        ("> quoted\n---\n\n- item\n---\n\n    code\n===", []),
        (f"# {'x' * 10_000}\n###### Deep ######", [(1, 6, "Deep")]),
    ],
)
def test_headings_of_markdown_are_those_that_readers_show(text: str, found: list[tuple[int, int, str]]) -> None:
    assert list(markdown_headings(text.split("\n"))) == found


def test_a_heading_of_plain_text_has_a_paragraph_of_its_own() -> None:
    text = "Chapter 1\n\nChapter 2\ntext\n\ntext\nChapter 3\n\nChapter 4"
    assert [title for _, _, title in plain_headings(text.split("\n"))] == ["Chapter 1", "Chapter 4"]
