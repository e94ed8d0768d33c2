"""The stack killed under writes and started again: what was acknowledged is there, and the gateway comes back alone."""

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from dev import http_calls
from dev.embedded import EmbeddedStack
from dev.postgres import postgres_stack
from dev.processes import Supervisor, free_port
from tests.integration.conftest import PLAIN, User, new_row_user, sign_up, start_gateway
from tests.integration.migrated import migrated_stack
from tests.integration.rows import walk

WRITERS = 4
PAUSE = 0.02
RECOVERY = 2.0
# What a writer may be told while Supabase is away, or comes and goes.
PROBLEMS = {(502, "connection_lost"), (503, "supabase_unavailable"), (504, "deadline_exceeded")}


@dataclass
class Written:
    """What writers were told, as it happens."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    """The ids answered 201, and when (`time.monotonic`)."""
    sent: set[str] = field(default_factory=set)
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)


@contextlib.contextmanager
def writers(url: str, user: User) -> Iterator[Written]:
    """Threads that create workspaces, one after the other, until the block ends."""
    written = Written()
    done = threading.Event()
    failures: list[Exception] = []

    def write() -> None:
        headers = {"Authorization": f"Bearer {user.token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30, verify=PLAIN) as client:
            while not done.wait(PAUSE):
                row_id = str(uuid4())
                written.sent.add(row_id)
                answer = client.post("/v1/workspaces", json={"id": row_id, "name": "kept"})
                if answer.status_code == 201:
                    written.acknowledged[row_id] = time.monotonic()
                else:
                    assert answer.headers["content-type"] == "application/problem+json", answer.text
                    written.refused[answer.status_code, answer.json()["code"]] += 1

    def guarded() -> None:
        try:
            write()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    with Supervisor() as supervisor:
        supervisor.wait_until(condition, "what is waited for", seconds)


def time_to_recover(written: Written, answers_at: float) -> float:
    """Seconds from the moment at which the stack answers to the first write of many that are acknowledged."""

    def since() -> list[float]:
        return [at for at in list(written.acknowledged.values()) if at > answers_at]

    wait_for(lambda: len(since()) >= 20)
    return min(since()) - answers_at


def check(url: str, user: User, written: Written) -> None:
    """Assert that all that was acknowledged is there, once, and that every other answer was a documented one."""
    with httpx.Client(
        base_url=f"{url}/v1", headers={"Authorization": f"Bearer {user.token}"}, timeout=30, verify=PLAIN
    ) as api:
        there = [row["id"] for row in walk(api, "/workspaces", limit=100)]
    print(f"{len(written.acknowledged)} acknowledged, {len(there)} there, refused: {dict(written.refused)}")  # noqa: T201
    assert len(there) == len(set(there))
    assert written.acknowledged.keys() <= set(there) <= written.sent
    assert written.refused.keys() <= PROBLEMS


def test_the_embedded_stack_killed_and_started_again(tmp_path: Path) -> None:
    kept: dict[str, Any] = {
        "port": free_port(),
        "jwt_secret": uuid4().hex * 2,
        "publishable_key": "sb_publishable_test",
    }
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second, Supervisor() as supervisor:
        stack: EmbeddedStack = first.enter_context(migrated_stack(tmp_path, **kept))
        url = start_gateway(supervisor, tmp_path, stack)
        user = sign_up(stack)
        with writers(url, user) as written:
            wait_for(lambda: len(written.acknowledged) >= 20)
            assert stack.server
            os.killpg(stack.server.pid, signal.SIGKILL)
            wait_for(lambda: (503, "supabase_unavailable") in written.refused)
            first.close()
            second.enter_context(migrated_stack(tmp_path, **kept))
            took = time_to_recover(written, time.monotonic())
        check(url, user, written)
    assert took < RECOVERY


def test_postgres_crashing_and_recovering(tmp_path: Path) -> None:
    with postgres_stack(tmp_path) as stack, Supervisor() as supervisor:
        # The stack trades durability for speed; here PostgREST's sessions must have what a Supabase has.
        stack.sql("alter role authenticator set synchronous_commit = on")
        sessions = "from pg_stat_activity where usename = 'authenticator'"
        stack.sql(f"select pg_terminate_backend(pid) {sessions}")
        url = start_gateway(supervisor, tmp_path, stack)
        user = new_row_user(stack)
        rows = f"{stack.url}/rest/v1/workspaces?limit=1"
        with writers(url, user) as written:
            wait_for(lambda: len(written.acknowledged) >= 20)
            (crashing, *_) = stack.sql(f"select pid {sessions}").split()
            os.kill(int(crashing), signal.SIGKILL)  # Postgres then ends all sessions and recovers from its log
            wait_for(lambda: bool(written.refused))
            wait_for(lambda: http_calls.is_ok(rows, {"Authorization": f"Bearer {user.token}"}))
            took = time_to_recover(written, time.monotonic())
        assert "reinitializing" in (tmp_path / "postgres.log").read_text()
        check(url, user, written)
    assert took < RECOVERY
