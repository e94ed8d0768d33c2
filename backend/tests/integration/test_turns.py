"""The tutor over two replicas and a scripted model: answers survive what happens to their listeners and writers."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from app.tutor import MAX_ANSWER
from tests.integration.chats import Chat, read_some, whole
from tests.integration.conftest import PLAIN, Backend, User, created, problem
from tests.integration.model_stage import Stage, chunks, open_stage
from tests.processes import Memory
from tests.scripted_model import text
from tests.tokens import mint

WORDS, PAUSE = 60, 10
WHOLE = text(WORDS)


@pytest.fixture(scope="module")
def stage(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = f"words-{WORDS}-{PAUSE}"
    with open_stage(backend, tmp_path_factory.mktemp("turns"), script, script) as stage:
        yield stage


def new_message(chat: Chat, **fields: Any) -> dict[str, Any]:
    return {"workspace_id": chat.workspace_id, "role": "assistant", "content": "Hm", **fields}


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
    assert WHOLE.startswith(read_some(chat.ask(stage.first, chat.held)))
    back = chat.resume(stage.second if other else stage.first)
    said, end, _ = whole(back, begun=lambda: stage.go_on(chat.workspace_id))
    assert (said, end["status"]) == (WHOLE, "complete")


def test_however_many_come_and_go_no_character_is_lost_or_doubled(stage: Stage, chat: Chat) -> None:
    read_some(chat.ask(stage.first, chat.held))
    urls = [stage.first, stage.second] * 4
    all_are_there = Barrier(len(urls) + 1, timeout=60)
    with ThreadPoolExecutor(len(urls)) as pool:
        followers = [pool.submit(whole, chat.resume(url), all_are_there.wait) for url in urls]
        all_are_there.wait()
        for url in urls:
            assert WHOLE.startswith(read_some(chat.resume(url)))
        stage.go_on(chat.workspace_id)
        assert {follower.result()[0] for follower in followers} == {WHOLE}


def test_an_answer_is_stopped_through_another_replica(stage: Stage, chat: Chat) -> None:
    said = ""
    stopped_at = 0.0
    with chat.ask(stage.first, chat.held) as response:
        for chunk in chunks(response):
            said += chunk.get("delta", "")
            if len(said) > 20 and not stopped_at:
                chat.stop(stage.second)
                stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 2
    answer = chat.rows(stage.first)[-1]
    assert (answer["status"], answer["content"]) == ("stopped", said)


def test_a_second_question_at_the_same_time_is_refused(stage: Stage, chat: Chat) -> None:
    whole(chat.ask(stage.second, "Who?"))  # whose first question takes longer
    read_some(chat.ask(stage.first, chat.held))
    with chat.ask(stage.second, "And?") as response:
        response.read()
        problem(response, 409, "turn_running")
    assert whole(chat.resume(stage.second), begun=lambda: stage.go_on(chat.workspace_id))[0] == WHOLE
    assert len(chat.rows(stage.first)) == 4


def test_an_answer_that_is_deleted_meanwhile_is_not_written_again(stage: Stage, chat: Chat, api: httpx.Client) -> None:
    with chat.ask(stage.first, chat.held) as response:
        parts = chunks(response)
        answer_id = next(parts)["messageId"]
        next(parts)
        problem(api.post("/chat-messages", json=new_message(chat, status="streaming")), 422, "invalid_request")
        problem(api.patch(f"/chat-messages/{answer_id}", json={"status": "streaming"}), 405, "method_not_allowed")
        assert api.delete(f"/chat-messages/{answer_id}").status_code == 204
        end = [part["messageMetadata"] for part in parts if part["type"] == "message-metadata"]
    assert end == [{"status": "failed", "failure": "interrupted"}]
    assert [row["role"] for row in chat.rows(stage.first)] == ["user"]
    assert whole(chat.ask(stage.second, "And?"))[1]["status"] == "complete"


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
        read_some(chat.ask(url), 10)  # some of it is in the row by then
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
    ("script", "status", "code"),
    [("refused", 502, "model_refused"), ("busy", 429, "model_rate_limited"), ("broken", 503, "model_unavailable")],
)
def test_what_the_model_refuses_is_a_problem_document(
    stage: Stage, chat: Chat, script: str, status: int, code: str
) -> None:
    with chat.ask(stage.first, f"Script: {script}") as response:
        response.read()
        problem(response, status, code)
        assert script != "busy" or response.headers["retry-after"] == "7"
    assert chat.rows(stage.first)[-1]["failure"] == code


@pytest.mark.parametrize("script", ["cut", "bad-json"])
def test_an_answer_that_breaks_off_has_failed_and_keeps_its_text(stage: Stage, chat: Chat, script: str) -> None:
    said, end, _ = whole(chat.ask(stage.first, f"Script: {script}"))
    assert (said, end["status"], end["failure"]) == (text(3), "failed", "model_unavailable")


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)  # a gateway of its own
def test_a_model_that_does_not_go_on_is_not_waited_for(stage: Stage, owner: User, workspace: dict[str, Any]) -> None:
    with stage.start(AI_FIRST_TOKEN_TIMEOUT="1", AI_TOKEN_TIMEOUT="1") as (_, url):
        for script, said in (("silent", ""), ("words-9-3000", "w0 ")):
            chat = Chat(owner, workspace, script)
            with chat.ask(url, f"Script: {script}") as response:
                response.read()
                if not said:
                    problem(response, 503, "model_unavailable")
            answer = chat.rows(stage.first)[-1]
            assert (answer["status"], answer["failure"], answer["content"]) == ("failed", "model_unavailable", said)


@pytest.mark.parametrize("script", ["endless", "words-100000-0"])
def test_of_an_answer_without_end_so_much_is_read_as_a_message_holds(stage: Stage, chat: Chat, script: str) -> None:
    whole(chat.ask(stage.first, "Script: words-1-1"))  # loads what talks to the model
    memory = Memory(stage.pid)
    said, end, _ = whole(chat.ask(stage.first, f"Script: {script}"))
    assert (said, end["status"]) == (text(20_000)[:MAX_ANSWER], "complete")
    assert memory.growth() < 30
    assert chat.rows(stage.first)[-1]["content"] == said


@pytest.mark.parametrize("script", ["line", "packed"])
def test_what_cannot_be_bounded_is_not_read(stage: Stage, chat: Chat, script: str) -> None:
    whole(chat.ask(stage.first, "Script: words-1-1"))  # loads what talks to the model
    memory = Memory(stage.pid)
    with chat.ask(stage.first, f"Script: {script}") as response:
        response.read()
        problem(response, 503, "model_unavailable")
    assert memory.growth() < 30


def test_a_days_tokens_are_bounded(stage: Stage, chat: Chat) -> None:
    with stage.start("words-5-1", AI_TOKENS_PER_DAY="150") as (_, url):
        whole(chat.ask(url))
        whole(chat.ask(url, "And?"))
        with chat.ask(url, "More?") as response:
            response.read()
            problem(response, 429, "quota_exceeded")
            assert 0 < int(response.headers["retry-after"]) <= 86_401
        assert len(chat.rows(url)) == 4


def test_of_fifty_turns_that_begin_at_once_one_overspends_the_day(backend: Backend, owner: User) -> None:
    def reserve(data_api: httpx.Client) -> int:
        return data_api.post("/rpc/reserve_tokens", json={"amount": 600, "per_day": 1000}).status_code

    with backend.data_api(owner) as data_api, ThreadPoolExecutor(50) as pool:
        assert Counter(pool.map(reserve, [data_api] * 50)) == {200: 2, 429: 48}


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)  # a gateway of its own
def test_more_turns_than_there_are_places_for_are_refused_and_leave_nothing(
    stage: Stage, backend: Backend, workspace: dict[str, Any], owner: User, stranger: User
) -> None:
    def ask(chat: Chat, question: str = "Why?") -> tuple[int, str, bool]:
        with chat.ask(url, question) as response:
            if response.status_code == 200:
                assert next(chunks(response))["type"] == "start"
                return 200, "", True
            refused = json.loads(response.read())
            return response.status_code, refused["code"], "retry-after" in response.headers

    def conversations(user: User, place: dict[str, Any]) -> list[Chat]:
        return [Chat(user, place, f"c{number}") for number in range(8)]

    with (
        stage.start("words-1000-30", MAX_TURNS="5", MAX_TURNS_PER_USER="3") as (_, url),
        backend.gateway(stranger) as other,
        ThreadPoolExecutor(16) as pool,
    ):
        mine = conversations(owner, workspace)
        assert Counter(pool.map(ask, mine)) == {(200, "", True): 3, (429, "too_many_requests", True): 5}
        theirs = conversations(stranger, created(other.post("/workspaces", json={"name": "Geometry"})))
        assert Counter(pool.map(ask, theirs)) == {(200, "", True): 2, (503, "overloaded", True): 6}
        begun = [chat for chat in mine + theirs if chat.rows(url)]
        assert len(begun) == 5
        for chat in begun:
            chat.stop(url)
            with chat.resume(url) as response:
                response.read()  # to its end, if it has not ended yet
        assert {chat.rows(url)[-1]["status"] for chat in begun} == {"stopped"}
        assert ask(mine[0], "And?")[0] == 200


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
    read_some(chat.ask(stage.first, chat.held))
    other = Chat(stranger, workspace)
    for opened in (other.ask(stage.first), other.resume(stage.first)):
        with opened as response:
            response.read()
            problem(response, 404, "not_found")
    path = f"{other.path}/main/stop"
    problem(httpx.post(stage.first + path, headers=other.headers, verify=PLAIN, timeout=30), 404, "not_found")
    assert whole(chat.resume(stage.first), begun=lambda: stage.go_on(chat.workspace_id))[0] == WHOLE


def test_nothing_that_is_said_is_logged(stage: Stage, chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> None:
    with chat.ask(stage.first, "A very private question. Script: busy") as response:
        response.read()
    log = "".join(file.read_text() for file in tmp_path_factory.getbasetemp().glob("turns*/gateway.log"))
    assert "the model failed: ModelRateLimitError" in log
    assert not any(hidden in log for hidden in ("sk-secret", "very private"))


def test_without_a_model_the_tutor_says_so(backend: Backend, chat: Chat) -> None:
    with chat.ask(backend.url) as response:
        response.read()
        problem(response, 503, "model_not_configured")
    assert chat.rows(backend.url) == []
