"""A language model by script, in a process of its own, and gateways that use it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import TypeAdapter

from app.models.stream import AnswerPart, GenerationPart
from dev import http_calls
from dev.processes import Child, Supervisor, free_port
from tests.integration.conftest import BACKEND, Backend, start_worker
from tests.integration.rows import Row

Described: TypeAdapter[AnswerPart | GenerationPart] = TypeAdapter(AnswerPart | GenerationPart)
Start = Callable[..., AbstractContextManager[tuple[Child, str]]]


@dataclass(frozen=True)
class Stage:
    """A model, and two gateways that use it."""

    start: Start
    """Starts another gateway, for the model of a name and with other settings: its process and its address."""
    first: str
    second: str
    model: str
    pid: int
    """The process of the first."""

    def asked(self, marker: str) -> list[Any]:
        """The requests to the model that hold this word."""
        return [each for each in httpx.get(f"{self.model}/seen").json() if marker in json.dumps(each)]

    def go_on(self, name: str) -> None:
        """Let the answer to the question with `Hold: <name>` go on."""
        assert httpx.post(f"{self.model}/go/{name}").is_success


@contextmanager
def open_model(folder: Path) -> Iterator[str]:
    """The scripted model: its address."""
    with Supervisor() as supervisor:
        port = free_port()
        model = f"http://127.0.0.1:{port}"
        supervisor.start(
            "the model",
            [sys.executable, "-W", "ignore", "-m", "tests.scripted_model", str(port)],
            env={},
            cwd=BACKEND,
            output=folder / "model.log",
        )
        supervisor.wait_until(lambda: http_calls.is_ok(f"{model}/seen"), "the model")
        yield model


@contextmanager
def open_stage(
    backend: Backend, folder: Path, first_script: str, second_script: str, **all_settings: str
) -> Iterator[Stage]:
    """A stage whose gateways ask for the models of these names. What they log goes to `folder`, DEBUG included."""
    with open_model(folder) as model:

        @contextmanager
        def start(script: str = first_script, **settings: str) -> Iterator[tuple[Child, str]]:
            usual = {"AI_BASE_URL": f"{model}/v1", "AI_MODEL": script, "AI_API_KEY": "sk-secret", "LOG_LEVEL": "DEBUG"}
            with Supervisor() as own:
                yield start_worker(own, folder, backend.stack, **usual | all_settings | settings)

        with start() as (child, first), start(second_script) as (_, second):
            yield Stage(start, first, second, model, child.pid)


def chunks(response: httpx.Response) -> Iterator[Row]:
    """The parts of a UI message stream, which are those that OpenAPI describes."""
    assert response.status_code == 200, response.read()
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    for line in response.iter_lines():
        if line.startswith("data: {"):
            data = line.removeprefix("data: ")
            Described.validate_json(data)
            yield json.loads(data)
