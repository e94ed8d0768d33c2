"""A TypeScript client made from the API's own description compiles under `strict`, refuses what is wrong, and works."""

import shutil
from pathlib import Path

import pytest

from dev.openapi import text
from tests.integration.conftest import Backend, User
from tests.integration.node_packages import install, run

PROJECT = Path(__file__).parents[1] / "typescript"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The generator and the compiler."""
    return install(PROJECT)


@pytest.fixture(scope="module")
def front_end(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs with the generated types, compiled."""
    folder = tmp_path_factory.mktemp("typescript")
    for file in (*PROJECT.glob("*.ts"), PROJECT / "tsconfig.json"):
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (folder / "openapi.json").write_text(text(), encoding="utf-8")
    run("node", node_modules / "openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.ts", cwd=folder)
    run("node", node_modules / "typescript/bin/tsc", "--project", ".", cwd=folder)
    return folder


def test_a_front_end_compiles_against_the_generated_types(front_end: Path) -> None:
    assert {file.stem for file in (front_end / "built").glob("*.js")} >= {"app", "gestures"}


def test_it_pastes_duplicates_deletes_undoes_and_redoes(front_end: Path, backend: Backend, owner: User) -> None:
    said = run("node", "built/gestures.js", cwd=front_end, API=backend.url, TOKEN=owner.token)
    assert said == "done\n"
