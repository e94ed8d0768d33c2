"""The rooms of the backend: what may import what, and how large the tools may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[1]
CODE = {".py", ".js", ".mjs", ".ts", ".sql"}
MOST = 400
"""Lines of one file."""
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


ERRORS = {"errors", "lab_errors", "sharing_errors"}
REQUEST = {"auth", "context", "lanes", "memory", "metrics"}
MAY_IMPORT = {
    "errors": set[str](),
    "config": set[str](),
    "labs": {"labs", "models.types"},
    "models": {"models", "labs", "errors"},
    "services": {"services", "models", "labs", "config", *ERRORS, *REQUEST},
}
"""What parts of `app` may import of it. Routes import nearly all, and nobody but `main` imports routes."""


def imports_of(part: str) -> set[str]:
    """What of `app` the modules of a part import."""
    files = [BACKEND / "app" / f"{part}.py"]
    files = files if files[0].exists() else list((BACKEND / "app" / part).rglob("*.py"))
    found = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "app":
            found |= {f"{node.module}.{alias.name}".removeprefix("app.") for alias in node.names}
    return found


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    allowed = MAY_IMPORT[part]
    foreign = {name for name in imports_of(part) if not any(f"{name}.".startswith(f"{each}.") for each in allowed)}
    assert foreign == set()


def test_only_the_application_knows_its_routes() -> None:
    parts = {file.stem for file in (BACKEND / "app").iterdir() if file.name not in {"main.py", "routes", "__init__.py"}}
    knowing = [part for part in sorted(parts) if any(name.startswith("routes") for name in imports_of(part))]
    assert knowing == []
    assert "routes" in {name.partition(".")[0] for name in imports_of("main")}


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    files = [file for folder in ("app", "runner", "dev", "bench", "tests") for file in (BACKEND / folder).rglob("*.py")]
    ours = [file for file in files if not {".python", "node_modules"} & set(file.parts)]
    assert len(ours) > 200
    assert [file for file in ours if len(file.read_text().splitlines()) > MOST] == []


def test_the_tools_stay_small() -> None:
    files = [
        path
        for package in ("dev", "bench")
        for path in (BACKEND / package).rglob("*")
        if path.suffix in CODE and "node_modules" not in path.parts
    ]
    assert sum(len(path.read_text().splitlines()) for path in files) < TOOLS
