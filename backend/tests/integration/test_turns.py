"""The tutor over two replicas and a scripted model: answers survive what happens to their listeners and writers."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from dev.processes import Child, Supervisor, free_port
from tests.integration.conftest import BACKEND, PLAIN, Backend, User, problem, start_worker
from tests.scripted_model import text
from tests.tokens import mint

WORDS, PAUSE = 60, 30
WHOLE = text(WORDS)
Start = Callable[..., AbstractContextManager[tuple[Child, str]]]


@dataclass(frozen=True)
class Stage:
    """A model, and gateways that use it."""

    start: Start
    first: str
    second: str


@pytest.fixture(scope="module")
def stage(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("turns")
    with Supervisor() as supervisor:
        port = free_port()
        supervisor.start(
            "the model",
            [sys.executable, "-W", "ignore", "-m", "tests.scripted_model", str(port)],
            env={},
            cwd=BACKEND,
            output=folder / "model.log",
        )
        supervisor.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/seen"), "the model")

        @contextmanager
        def start(model: str = f"words-{WORDS}-{PAUSE}", **settings: str) -> Iterator[tuple[Child, str]]:
            usual = {"AI_BASE_URL": f"http://127.0.0.1:{port}/v1", "AI_MODEL": model, "AI_API_KEY": "sk-secret"}
            with Supervisor() as own:
                yield start_worker(own, folder, backend.stack, **usual | settings)

        with start() as (_, first), start() as (_, second):
            yield Stage(start, first, second)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


class Chat:
    """A conversation as one of its clients has it."""

    def __init__(self, user: User, workspace: dict[str, Any], chat_id: str = "main") -> None:
        self.headers = {"Authorization": f"Bearer {user.token}"}
        self.chat_id = chat_id
        self.path = f"/v1/workspaces/{workspace['id']}/chat"
        self.workspace_id = workspace["id"]

    def ask(self, url: str, question: str = "Why?", **body: Any) -> Any:
        message = {"id": "m" + question, "role": "user", "parts": [{"type": "text", "text": question}], "extra": 1}
        body = {"id": self.chat_id, "messages": [message], "trigger": "submit-message", "extra": True} | body
        return httpx.stream("POST", url + self.path, json=body, headers=self.headers, timeout=60, verify=PLAIN)

    def resume(self, url: str) -> Any:
        path = f"{self.path}/{self.chat_id}/stream"
        return httpx.stream("GET", url + path, headers=self.headers, timeout=60, verify=PLAIN)

    def stop(self, url: str) -> None:
        path = f"{self.path}/{self.chat_id}/stop"
        assert httpx.post(url + path, headers=self.headers, timeout=30, verify=PLAIN).status_code == 204

    def rows(self, url: str) -> list[dict[str, Any]]:
        query = {"workspace_id": self.workspace_id, "chat_id": self.chat_id, "order": "seq"}
        rows: list[dict[str, Any]] = httpx.get(
            f"{url}/v1/chat-messages", params=query, headers=self.headers, timeout=30, verify=PLAIN
        ).json()
        return rows


def chunks(response: httpx.Response) -> Iterator[dict[str, Any]]:
    assert response.status_code == 200, response.read()
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def whole(opened: Any) -> tuple[str, dict[str, Any], list[str]]:
    """The text of a stream, how it ended, and the kinds of its chunks in their order."""
    said = ""
    end: dict[str, Any] = {}
    kinds = []
    with opened as response:
        for chunk in chunks(response):
            kinds.append(chunk["type"])
            said += chunk.get("delta", "")
            end |= chunk.get("messageMetadata", {})
    return said, end, list(dict.fromkeys(kinds))


def read_some(opened: Any, pieces: int = 5) -> str:
    """Read a few pieces of text, and leave."""
    said = ""
    with opened as response:
        for chunk in chunks(response):
            said += chunk.get("delta", "")
            pieces -= "delta" in chunk
            if not pieces:
                break
    return said


@pytest.fixture
def chat(owner: User, workspace: dict[str, Any]) -> Chat:
    return Chat(owner, workspace)


def test_an_answer_is_streamed_and_kept(stage: Stage, chat: Chat) -> None:
    said, end, kinds = whole(chat.ask(stage.first))
    assert (said, end["status"]) == (WHOLE, "complete")
    assert kinds == ["start", "text-start", "text-delta", "text-end", "message-metadata", "finish"]
    question, answer = chat.rows(stage.first)
    assert (question["role"], question["content"]) == ("user", "Why?")
    assert (answer["content"], answer["status"], answer["tokens"]) == (WHOLE, "complete", 100 + WORDS)
    with chat.resume(stage.second) as response:
        assert response.status_code == 204


@pytest.mark.parametrize("other", [False, True], ids=["the same replica", "another replica"])
def test_who_leaves_and_comes_back_misses_nothing(stage: Stage, chat: Chat, other: bool) -> None:
    assert WHOLE.startswith(read_some(chat.ask(stage.first)))
    said, end, _ = whole(chat.resume(stage.second if other else stage.first))
    assert (said, end["status"]) == (WHOLE, "complete")


def test_however_many_come_and_go_no_character_is_lost_or_doubled(stage: Stage, chat: Chat) -> None:
    read_some(chat.ask(stage.first), 1)
    with ThreadPoolExecutor(8) as pool:
        urls = [stage.first, stage.second] * 4
        followers = [pool.submit(whole, chat.resume(url)) for url in urls]
        for url in urls:
            assert WHOLE.startswith(read_some(chat.resume(url), 1))
        assert {follower.result()[0] for follower in followers} == {WHOLE}


def test_an_answer_is_stopped_through_another_replica(stage: Stage, chat: Chat) -> None:
    said = ""
    with chat.ask(stage.first) as response:
        for chunk in chunks(response):
            said += chunk.get("delta", "")
            if len(said) > 20 and chunk["type"] == "text-delta" and "stopped_at" not in locals():
                chat.stop(stage.second)
                stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 2
    answer = chat.rows(stage.first)[-1]
    assert (answer["status"], answer["content"]) == ("stopped", said)
    assert said != WHOLE


def test_a_second_question_at_the_same_time_is_refused(stage: Stage, chat: Chat) -> None:
    read_some(chat.ask(stage.first), 1)
    with chat.ask(stage.second, "And?") as response:
        response.read()
        problem(response, 409, "turn_running")
    assert whole(chat.resume(stage.second))[0] == WHOLE
    assert len(chat.rows(stage.first)) == 2


def test_the_last_question_is_answered_again(stage: Stage, chat: Chat) -> None:
    whole(chat.ask(stage.first))
    before = chat.rows(stage.first)
    assert (
        whole(chat.ask(stage.second, trigger="regenerate-message", messages=[], messageId=before[1]["id"]))[0] == WHOLE
    )
    after = chat.rows(stage.first)
    assert after[0] == before[0]
    assert len(after) == 2
    assert after[1]["id"] != before[1]["id"]


def test_the_answer_of_a_replica_that_is_killed_has_failed_and_keeps_its_text(stage: Stage, chat: Chat) -> None:
    with stage.start("words-1000-30") as (child, url):
        read_some(chat.ask(url), 40)
        child.process.kill()
    killed_at = time.monotonic()
    said, end, kinds = whole(chat.resume(stage.second))
    assert time.monotonic() - killed_at < 20
    assert (end["status"], end["failure"], "error" in kinds) == ("failed", "interrupted", True)
    assert said
    answer = chat.rows(stage.first)[-1]
    assert (answer["status"], answer["content"]) == ("failed", said)


def test_a_replica_told_to_stop_ends_its_answers_within_the_grace(stage: Stage, chat: Chat) -> None:
    with stage.start("words-1000-30", TURN_GRACE="1") as (child, url), chat.ask(url) as response:
        stream = chunks(response)
        next(stream)
        child.process.send_signal(signal.SIGTERM)
        said = "".join(chunk.get("delta", "") for chunk in stream)
    answer = chat.rows(stage.first)[-1]
    assert (answer["status"], answer["failure"], answer["content"]) == ("failed", "interrupted", said)


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("refused", 502, "model_refused"), ("busy", 429, "model_rate_limited"), ("broken", 503, "model_unavailable")],
)
def test_what_the_model_refuses_is_a_problem_document(
    stage: Stage, chat: Chat, model: str, status: int, code: str
) -> None:
    with stage.start(model) as (_, url), chat.ask(url) as response:
        response.read()
        problem(response, status, code)
        assert model != "busy" or response.headers["retry-after"] == "7"
    assert chat.rows(stage.first)[-1]["failure"] == code


@pytest.mark.parametrize("model", ["cut", "bad-json"])
def test_an_answer_that_breaks_off_has_failed_and_keeps_its_text(stage: Stage, chat: Chat, model: str) -> None:
    with stage.start(model) as (_, url):
        said, end, _ = whole(chat.ask(url))
    assert (said, end["status"], end["failure"]) == (text(3), "failed", "model_unavailable")


def test_a_days_tokens_are_bounded(stage: Stage, chat: Chat) -> None:
    with stage.start("words-5-1", AI_TOKENS_PER_DAY="150") as (_, url):
        whole(chat.ask(url))
        whole(chat.ask(url, "And?"))
        with chat.ask(url, "More?") as response:
            response.read()
            problem(response, 429, "quota_exceeded")
            assert 0 < int(response.headers["retry-after"]) <= 86_401
        assert len(chat.rows(url)) == 4


def test_a_token_that_ends_soon_begins_no_answer(
    stage: Stage, backend: Backend, owner: User, workspace: dict[str, Any]
) -> None:
    token = mint(owner.id, secret=backend.jwt_secret, exp=int(time.time()) + 50)
    with Chat(User(owner.id, token), workspace).ask(stage.first) as response:
        response.read()
        problem(response, 401, "token_expired")


def test_a_stranger_asks_follows_and_stops_nothing(
    stage: Stage, stranger: User, workspace: dict[str, Any], chat: Chat
) -> None:
    read_some(chat.ask(stage.first), 1)
    other = Chat(stranger, workspace)
    for opened in (other.ask(stage.first), other.resume(stage.first)):
        with opened as response:
            response.read()
            problem(response, 404, "not_found")
    path = f"{other.path}/main/stop"
    problem(httpx.post(stage.first + path, headers=other.headers, verify=PLAIN, timeout=30), 404, "not_found")
    assert whole(chat.resume(stage.first))[0] == WHOLE


def test_nothing_that_is_said_is_logged(stage: Stage, chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> None:
    with stage.start("busy", LOG_LEVEL="DEBUG") as (_, url), chat.ask(url, "A very private question") as response:
        response.read()
    logs = [file.read_text() for file in tmp_path_factory.getbasetemp().glob("turns*/gateway.log")]
    assert logs
    assert not any("sk-secret" in log or "very private" in log for log in logs)


def test_without_a_model_the_tutor_says_so(backend: Backend, chat: Chat) -> None:
    with chat.ask(backend.url) as response:
        response.read()
        problem(response, 503, "model_not_configured")
    assert chat.rows(backend.url) == []
