"""Development commands: what `make dev`, the integration tests and the benchmark start, and how it ends again."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKEND = ROOT / "backend"
