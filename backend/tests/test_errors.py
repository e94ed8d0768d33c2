"""What every kind of problem has."""

import re
from types import ModuleType

import pytest

from app import errors, lab_errors, sharing_errors
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


@pytest.mark.parametrize("kind", list(ProblemError.kinds()), ids=lambda kind: kind.code)
def test_each_kind_of_problem_says_what_to_do_next(kind: type[ProblemError]) -> None:
    """An order to the caller, or what whoever runs the gateway can do."""
    orders = (
        "ask check choose compare correct follow generate give hand load make pass read refresh remove report send set"
        " start try use wait write"
    )
    assert re.search(rf"\b({orders.replace(' ', '|')}|whoever runs)\b", kind.meaning(), re.IGNORECASE)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in ProblemError.kinds()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("module", [errors, lab_errors, sharing_errors], ids=lambda module: module.__name__)
def test_the_tree_at_the_top_of_each_module_is_that_of_its_classes(module: ModuleType) -> None:
    drawn = re.findall(r"^ +(.*)── (\w+) +(\d+) +(\w+)$", module.__doc__ or "", re.MULTILINE)
    told = [(name, int(status), code) for _, name, status, code in drawn]
    kinds = [kind for kind in ProblemError.kinds() if kind.__module__ == module.__name__]
    assert told == [(kind.__name__, kind.status, kind.code) for kind in kinds]
    branches = [(name, len(branch) // 4) for branch, name, _, _ in drawn]
    local = [sum(parent.__module__ == module.__name__ for parent in kind.__mro__) for kind in kinds]
    depth = 2 if module is errors else 1  # where its root is
    assert branches == [(kind.__name__, parents - depth) for kind, parents in zip(kinds, local, strict=True)]
