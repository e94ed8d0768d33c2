"""Which submissions are taken, how long their results are kept, and what is left of them when the runner stops."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from dev.runner import CodeRunner
from runner.api import create_app
from runner.settings import Settings

ENDLESS = "while True: pass"


@contextmanager
def judge(**settings: Any) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(**settings))) as client:
        yield client


def submit(judge: TestClient, source: str, **fields: Any) -> Any:
    answer = judge.post("/submissions?wait=true", json={"language_id": 71, "source_code": source} | fields)
    assert answer.status_code == 201
    return answer.json()


def test_without_a_queue_a_free_slot_takes_a_program(service: CodeRunner) -> None:
    with judge(queue=0, slots=1) as client:
        assert submit(client, "print(1)")["stdout"] == "1\n"


def test_a_program_without_time_has_used_it_up(service: CodeRunner) -> None:
    with judge() as client:
        assert submit(client, ENDLESS, cpu_time_limit=0)["status"]["description"] == "Time Limit Exceeded"


def test_a_result_is_kept_for_its_time(service: CodeRunner) -> None:
    with judge(kept_seconds=3) as client:
        token = submit(client, "print(1)")["token"]
        assert client.get(f"/submissions/{token}").status_code == 200
        give_up_at = time.monotonic() + 60
        while client.get(f"/submissions/{token}").status_code == 200:
            assert time.monotonic() < give_up_at


def test_results_are_kept_as_long_as_they_have_room(service: CodeRunner) -> None:
    with judge(kept_bytes=3000) as client:
        tokens = [submit(client, f"print('x' * {size})")["token"] for size in (1000, 1000, 2500)]
        assert [client.get(f"/submissions/{token}").status_code for token in tokens] == [404, 404, 200]


def test_a_runner_that_stops_waits_for_no_program(service: CodeRunner) -> None:
    with judge(slots=1) as client:
        for _ in range(2):  # one runs, one waits
            client.post("/submissions", json={"language_id": 71, "source_code": ENDLESS, "cpu_time_limit": 15})
        started_at = time.monotonic()
    assert time.monotonic() - started_at < 10
