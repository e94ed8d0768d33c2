"""The real supabase-js, straight at the data API of both backends: what it does on Supabase works on our tables.

The claims are in `tests/javascript`, in its own language; each file is run by Node once for each backend.
"""

from pathlib import Path

import pytest

from tests.integration.conftest import Backend, User
from tests.integration.node_packages import install, run

PROJECT = Path(__file__).parents[1] / "javascript"


@pytest.fixture(scope="module")
def packages() -> None:
    """Installs supabase-js."""
    install(PROJECT)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("claims", sorted(PROJECT.glob("*.test.mjs")), ids=lambda file: file.name.partition(".")[0])
def test_supabase_js_works(backend: Backend, owner: User, stranger: User, claims: Path) -> None:
    run(
        *("node", "--test", "--test-reporter=tap", claims),
        cwd=PROJECT,
        SUPABASE_URL=backend.supabase_url,
        SUPABASE_PUBLISHABLE_KEY=backend.publishable_key,
        OWNER_ID=owner.id,
        OWNER_TOKEN=owner.token,
        STRANGER_ID=stranger.id,
        STRANGER_TOKEN=stranger.token,
    )
