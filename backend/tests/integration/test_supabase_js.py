"""The real supabase-js, straight at the data API and the file store of both backends: what it does on Supabase works
here.

The claims are in `tests/javascript`, in its own language; each file is run by Node once for each backend.
"""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.openapi import FILES
from tests.integration.conftest import Backend, User
from tests.integration.node_packages import install, run
from tests.integration.test_files import source
from tests.sample_document import document

__all__ = ["source"]

PROJECT = Path(__file__).parents[1] / "javascript"
README = Path(__file__).parents[3] / "README.md"
# What a page has already when it uploads.
PAGE = """
import { readFile } from "node:fs/promises";
import { owner as supabase } from "./client.mjs";
const { API_URL: apiUrl, OWNER_TOKEN: token, WORKSPACE_ID: workspaceId, SOURCE_ID: sourceId } = process.env;
const { FILE: name, MEDIA_TYPE: type } = process.env;
const file = new File([await readFile(name)], name, { type });
"""


@pytest.fixture(scope="module")
def packages() -> None:
    """Installs supabase-js."""
    install(PROJECT)


def run_page(backend: Backend, owner: User, stranger: User, *command: str | Path, **more: Any) -> None:
    run(
        *("node", *command),
        cwd=PROJECT,
        SUPABASE_URL=backend.supabase_url,
        SUPABASE_PUBLISHABLE_KEY=backend.publishable_key,
        OWNER_ID=owner.id,
        OWNER_TOKEN=owner.token,
        STRANGER_ID=stranger.id,
        STRANGER_TOKEN=stranger.token,
        **more,
    )


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("claims", sorted(PROJECT.glob("*.test.mjs")), ids=lambda file: file.name.partition(".")[0])
def test_supabase_js_works(backend: Backend, owner: User, stranger: User, claims: Path) -> None:
    run_page(backend, owner, stranger, "--test", "--test-reporter=tap", claims)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("name", "media_type", "content", "pages"),
    [
        ("book.pdf", "application/pdf", document(), 6),
        ("notes.md", "text/markdown", b"# Vectors\n\nA vector has a length.", 1),
    ],
    ids=["pdf", "markdown"],
)
def test_a_page_uploads_by_the_lines_of_the_readme(
    backend: Backend,
    api: httpx.Client,
    owner: User,
    stranger: User,
    source: dict[str, Any],
    tmp_path: Path,
    name: str,
    media_type: str,
    content: bytes,
    pages: int,
) -> None:
    (lines,) = re.findall(r"```js\n(.*?)```", README.read_text(), re.DOTALL)
    assert f"```js\n{lines}```" in FILES, "/docs shows them too"
    book = tmp_path / name
    book.write_bytes(content)
    env = {
        "API_URL": backend.url,
        "WORKSPACE_ID": source["workspace_id"],
        "SOURCE_ID": source["id"],
        "FILE": str(book),
        "MEDIA_TYPE": media_type,
    }
    run_page(backend, owner, stranger, "--input-type=module", script=PAGE + lines, **env)
    row = api.get(f"/sources/{source['id']}").json()
    assert (row["status"], row["page_count"], row["media_type"]) == ("ready", pages, media_type)
    assert api.get(f"/sources/{source['id']}/file").content == book.read_bytes()
