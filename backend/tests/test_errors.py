"""What every kind of problem has."""

import re

import pytest

from app import errors
from app.errors import ProblemError


@pytest.mark.parametrize("kind", list(ProblemError.kinds()), ids=lambda kind: kind.code)
def test_each_kind_of_problem_is_complete(kind: type[ProblemError]) -> None:
    document = kind().document("/v1/sources", "the-one")
    assert document["type"] == f"/problems#{kind.code}"
    assert document["status"] == kind.status
    assert len(document["detail"]) > 20
    assert ("errors" in document) == (kind.status == 422)
    assert ("Retry-After" in kind.fields) == (kind.status in {429, 503})
    assert ("WWW-Authenticate" in kind.fields) == (kind.status == 401)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in ProblemError.kinds()]
    assert len(codes) == len(set(codes))


def test_the_tree_at_the_top_of_the_module_is_that_of_the_classes() -> None:
    drawn = re.findall(r"^ +(.*)── (\w+) +(\d+) +(\w+)$", errors.__doc__ or "", re.MULTILINE)
    told = [(len(branch) // 4, name, int(status), code) for branch, name, status, code in drawn]
    classes = [(len(kind.__mro__) - len(ProblemError.__mro__) - 1, kind) for kind in ProblemError.kinds()]
    assert told == [(depth, kind.__name__, kind.status, kind.code) for depth, kind in classes]
