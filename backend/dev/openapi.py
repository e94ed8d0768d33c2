"""Writes the API's own description to `openapi.json`: what client generators read, and reviewers see change.

Run as `python -m dev.openapi`.
"""

import json
from pathlib import Path

from app.config import Settings
from app.main import create_app

FILE = Path(__file__).parents[1] / "openapi.json"


def text() -> str:
    """The document of an app with the usual settings, whatever the environment says."""
    return json.dumps(create_app(Settings.model_construct()).openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
