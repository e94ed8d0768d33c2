"""The language model: nothing of it is loaded before it is used."""

import subprocess
import sys
from pathlib import Path

BACKEND = Path(__file__).parents[2]


def test_what_talks_to_the_model_is_not_imported_at_start() -> None:
    program = "import sys, app.main; sys.exit(any(name in sys.modules for name in ('pydantic_ai', 'openai')))"
    assert subprocess.run([sys.executable, "-c", program], cwd=BACKEND).returncode == 0
