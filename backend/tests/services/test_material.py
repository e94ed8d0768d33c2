"""What a lab is generated from: a long chapter is shortened in a way that can be told beforehand."""

from itertools import pairwise

import pytest

from app.services.material import CUT, MAX_CHARACTERS, MAX_PAGES, MIN_HEAD, Page, condense, spread


def pages(*lengths: int) -> list[Page]:
    return [Page(number, ("word " * (length // 5 + 1))[:length]) for number, length in enumerate(lengths, 1)]


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (1000, 100), (3, 2)])
def test_a_spread_has_both_ends_no_item_twice_and_even_steps(count: int, most: int) -> None:
    items = list(range(count))
    chosen = spread(items, most)
    assert len(chosen) == len(set(chosen)) == min(count, most)
    assert chosen == sorted(chosen)
    assert [chosen[:1], chosen[-1:]] == [items[:1], items[-1:]]
    steps = {after - before for before, after in pairwise(chosen)}
    assert not steps or max(steps) - min(steps) <= 1


def test_what_fits_stays_as_it_is_and_blank_pages_go() -> None:
    given = pages(100, 200)
    assert condense([*given, Page(3, " \n")], 300) == given
    assert condense([Page(1, "\t")], 300) == []


def test_short_pages_stay_whole_and_long_ones_are_cut_at_one_length() -> None:
    given = pages(500, 9000, 7000, 100)
    short, long, longer, last = condense(given, 4600)
    assert (short, last) == (given[0], given[3])
    for page in (long, longer):
        assert page.text.endswith(f"word{CUT}")
        assert 1990 <= len(page.text) <= 2000


@pytest.mark.parametrize("lengths", [[3000] * MAX_PAGES, [10, *[50_000] * 60], [1_000_000], [400] * 99])
def test_however_long_a_chapter_is_it_fits_and_no_page_is_a_scrap(lengths: list[int]) -> None:
    given = pages(*lengths)
    short = condense(given, MAX_CHARACTERS)
    assert sum(len(page.text) for page in short) <= MAX_CHARACTERS
    assert sum(len(page.text) for page in short) > MAX_CHARACTERS // 3
    assert all(len(page.text) >= min(len(given[page.number - 1].text), MIN_HEAD - 20) for page in short)
    assert (short[0].number, short[-1].number) == (1, len(given))
    assert condense(given, MAX_CHARACTERS) == short


def test_a_page_without_spaces_is_cut_too() -> None:
    (short,) = condense([Page(1, "漢" * 30_000)], 1000)
    assert short.text.endswith(CUT)
    assert len(short.text) <= 1000


def test_a_small_budget_still_shows_both_ends() -> None:
    assert [page.number for page in condense(pages(900, 900, 900), 1000)] == [1, 3]
