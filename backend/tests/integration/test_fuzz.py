"""The API against its own description: schemathesis makes requests of every kind that OpenAPI allows and forbids, and
holds each answer to what is written there. Over real PostgreSQL and PostgREST, as two users who must not meet."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from app.main import app
from dev.processes import Supervisor
from tests.integration.conftest import BACKEND, Backend, User

CONFIG = """
hooks = "tests.integration.fuzzing"
continue-on-failure = true

[auth.wfc]
path = "users.json"
user = "owner"
peers = ["owner", "stranger"]

# Without a model these two answer 503, and the last message of a chat must be a user's, which no schema says.
[[operations]]
include-path-regex = "/(chat|generate)$"
[operations.checks]
not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
positive_data_acceptance.expected-statuses = ["2xx", "4xx", 503]
"""

pytestmark = pytest.mark.parametrize("backend", ["postgres"], indirect=True)


def fuzz(backend: Backend, folder: Path, *, phases: str, examples: int, seed: int, seconds: float) -> None:
    """Let schemathesis loose on the gateway; assert that all of its checks pass on every operation."""

    def identity(name: str, user: User) -> dict[str, object]:
        return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {user.token}"}]}

    users = [identity(name, backend.new_user()) for name in ("owner", "stranger")]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    (folder / "schemathesis.toml").write_text(CONFIG)
    report = folder / "report.txt"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{backend.url}/openapi.json", "--checks", "all", "--phases", phases),
        *("--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none", "--no-color"),
    ]
    with Supervisor() as supervisor:
        status = supervisor.run(
            "schemathesis", command, seconds=seconds, env={"PYTHONPATH": str(BACKEND)}, cwd=folder, output=report
        )
    text = report.read_text()
    print(text[text.find("=== SUMMARY") :])  # noqa: T201 - shown by `pytest -s`, as `make fuzz` runs it
    assert status == 0, text
    operations = sum(map(len, app.openapi()["paths"].values()))
    assert re.search(rf"Tested:\s+{operations}\n", text), text


def test_a_short_fuzz_finds_nothing(backend: Backend, tmp_path: Path) -> None:
    fuzz(backend, tmp_path, phases="examples,fuzzing,stateful", examples=3, seed=1, seconds=120)


@pytest.mark.soak
def test_a_long_fuzz_finds_nothing(backend: Backend, tmp_path: Path) -> None:
    examples, seed = int(os.environ.get("EXAMPLES") or 100), int(os.environ.get("SEED") or 1)
    fuzz(backend, tmp_path, phases="examples,coverage,fuzzing,stateful", examples=examples, seed=seed, seconds=7200)
