"""What the runner answers when it cannot run anything."""

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from dev.runner import CodeRunner
from runner.api import create_app
from runner.settings import Settings

PROGRAM = {"language_id": 71, "source_code": "print(1)"}


def test_without_its_python_it_is_not_healthy_and_says_so(tmp_path: Path) -> None:
    answer = TestClient(create_app(Settings(python_folder=tmp_path))).get("/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure() -> None:
    async def leave() -> list[Message]:
        sent: list[Message] = []
        parts: Iterator[Message] = iter(
            [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        )

        async def receive() -> Message:
            return next(parts)

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/submissions", "headers": headers, "query_string": b""}
        await create_app(Settings())(scope, receive, send)
        return sent

    assert asyncio.run(leave())[0]["status"] == 499


def test_without_a_process_to_be_had_it_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*command: str, **options: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    assert TestClient(create_app(Settings())).get("/health").status_code == 503


def test_a_run_for_which_the_machine_has_nothing_left_is_no_fault_of_the_program(
    service: CodeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with TestClient(create_app(Settings())) as judge:
        with monkeypatch.context() as patch:
            patch.setattr(os, "memfd_create", refuse)
            answer = judge.post("/submissions?wait=true", json=PROGRAM)
        assert answer.json()["status"] == {"id": 13, "description": "Internal Error"}
        assert "says nothing about the program" in answer.json()["message"]
        assert judge.post("/submissions?wait=true", json=PROGRAM).json()["stdout"] == "1\n"
