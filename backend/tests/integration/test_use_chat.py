"""The real `useChat` of `@ai-sdk/react` over two replicas: what a front end shows, whatever happens to either.

The claims are in `tests/chat`, in its own language.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Backend, User
from tests.integration.model_stage import Stage, open_stage
from tests.integration.node_packages import install, run
from tests.scripted_model import text
from tests.tokens import mint

PROJECT = Path(__file__).parents[1] / "chat"
WORDS, PAUSE = 150, 30


@pytest.fixture(scope="module")
def stage(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = f"words-{WORDS}-{PAUSE}"
    many = {"MAX_TURNS_PER_USER": "20", "AI_TOKENS_PER_DAY": "10000000"}  # all claims at once
    with open_stage(backend, tmp_path_factory.mktemp("use_chat"), script, script, **many) as stage:
        yield stage


def test_a_front_end_shows_the_answer_as_it_is(
    backend: Backend, stage: Stage, owner: User, workspace: dict[str, Any]
) -> None:
    install(PROJECT)
    # The grace is enough for the usual answer, and not for a long one.
    with stage.start() as (killed, killed_url), stage.start(TURN_GRACE="15") as (ended, ended_url):
        # A minute is the shortest life that begins an answer. To wait for it on one backend is enough.
        token = mint(owner.id, secret=backend.jwt_secret, exp=int(time.time()) + 75)
        run(
            *("node", "--test", "--test-reporter=tap", "chat.test.mjs"),
            cwd=PROJECT,
            timeout=180,
            FIRST=stage.first,
            SECOND=stage.second,
            MODEL=stage.model,
            KILLED=killed_url,
            KILLED_PID=str(killed.pid),
            ENDED=ended_url,
            ENDED_PID=str(ended.pid),
            TOKEN=owner.token,
            SHORT_TOKEN=token if backend.name == "postgres" else "",
            WORKSPACE=workspace["id"],
            WHOLE=text(WORDS),
        )
