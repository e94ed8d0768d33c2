"""The guides: what they print is what is there."""

import re
from pathlib import Path
from textwrap import indent

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "backend/*/README.md", "backend/bench/*.md")
    for path in ROOT.glob(pattern)
]


def test_the_sample_test_is_a_real_one() -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", (ROOT / "TESTING_GUIDE.md").read_text(), re.DOTALL)
    tests = (ROOT / "backend/tests/routes/test_workspaces.py").read_text()
    assert indent(sample, "    ") in tests


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_guide_names_is_there(guide: Path) -> None:
    text = guide.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`|\()make (?:-s )?([a-z-]+)", text, re.MULTILINE)
    assert [target for target in named if target not in targets] == []
    paths = re.findall(r"`((?:backend|docs|supabase)/[\w./-]+)`", text)
    kept = [path for path in paths if not path.startswith("supabase/.temp")]  # which `make dev` makes
    assert [path for path in kept if not (ROOT / path).exists()] == []
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (guide.parent / link).exists()] == []
