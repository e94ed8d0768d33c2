"""The rooms of the backend: what may import what, and how large the tools may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[1]
CODE = {".py", ".js", ".mjs", ".ts", ".sql"}
TOOLS = 3000
"""Lines of code that `dev` and `bench` may have together: they serve the gateway, and must not outgrow it."""


def imported(package: str) -> Iterator[tuple[str, str]]:
    """Each file of the package with the first name of each module that it imports, wherever in the file."""
    for file in (BACKEND / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{package}.{node.module}" if node.level else node.module or ""]
            else:
                continue
            yield from ((file.name, name.partition(".")[0]) for name in names)


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("app", {"bench", "dev", "tests"}), ("dev", {"bench", "tests"}), ("bench", {"tests"})],
)
def test_a_package_imports_nothing_of_what_serves_it(package: str, forbidden: set[str]) -> None:
    found = list(imported(package))
    assert found
    assert [(file, name) for file, name in found if name in forbidden] == []


def test_the_tools_stay_small() -> None:
    files = [
        path
        for package in ("dev", "bench")
        for path in (BACKEND / package).rglob("*")
        if path.suffix in CODE and "node_modules" not in path.parts
    ]
    assert sum(len(path.read_text().splitlines()) for path in files) < TOOLS
