"""The data API itself, around the gateway: clocks, time zones, and locks that strangers must not meet."""

import subprocess
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.services.pool import IDLE_SECONDS
from dev.postgres import PostgresStack, postgres_stack, psql_command
from dev.processes import Supervisor, base_environment
from tests.integration.conftest import PLAIN, Backend, User, new_row_user
from tests.tokens import mint

REPRESENTATION = {"Prefer": "return=representation"}
# The first and the last that a table takes.
MOMENTS = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]


def inserted(data_api: httpx.Client, table: str, **row: Any) -> dict[str, Any]:
    answer = data_api.post(f"/{table}", json=row, headers=REPRESENTATION)
    assert answer.status_code == 201, answer.text
    (new,) = answer.json()
    return dict(new)


@pytest.mark.parametrize(
    ("claim", "seconds", "status"),
    [
        ("exp", -20, 200),
        ("exp", -60, 401),
        ("nbf", 20, 200),
        ("nbf", 60, 401),
        ("iat", 20, 200),
        ("iat", 60, 401),
    ],
)
def test_a_clock_may_differ_by_half_a_minute(
    backend: Backend, owner: User, claim: str, seconds: int, status: int
) -> None:
    token = mint(owner.id, secret=backend.jwt_secret, **{claim: int(time.time()) + seconds})
    with backend.data_api(User(owner.id, token)) as data_api:
        assert data_api.get("/workspaces").status_code == status


def test_leeway_is_for_our_tokens_alone(backend: Backend, owner: User) -> None:
    token = mint(owner.id, secret="another secret, which is at least as long", exp=int(time.time()) - 5)
    with backend.data_api(User(owner.id, token)) as data_api:
        assert data_api.get("/workspaces").status_code == 401


@pytest.mark.parametrize("backend", ["embedded"], indirect=True)  # the others do not tell
def test_an_idle_connection_is_kept_for_longer_than_the_gateway_uses_it_again(backend: Backend, owner: User) -> None:
    with backend.data_api(owner) as data_api:
        kept = data_api.get("/workspaces").headers["keep-alive"]
    assert int(kept.removeprefix("timeout=")) > 2 * IDLE_SECONDS


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStack]:
    """A PostgreSQL whose time zone a test may change."""
    with postgres_stack(tmp_path_factory.mktemp("elsewhere")) as stack:
        yield stack


@pytest.mark.parametrize(("zone", "offset"), [("Asia/Tokyo", "+09:00"), ("America/New_York", "-05:00")])
def test_dates_can_be_read_in_any_time_zone(elsewhere: PostgresStack, zone: str, offset: str) -> None:
    """The zone is set wherever it can be. Years outside of 1 to 9999 would appear, and offsets with seconds."""
    elsewhere.sql(f"""
        alter database postgres set timezone = '{zone}';
        alter role authenticator set timezone = '{zone}';
        alter role authenticated set timezone = '{zone}';
        notify pgrst, 'reload config';
    """)
    elsewhere.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'")
    user = new_row_user(elsewhere)
    headers = {"apikey": elsewhere.publishable_key, "Authorization": f"Bearer {user.token}"}
    with (
        httpx.Client(base_url=f"{elsewhere.url}/rest/v1", headers=headers, timeout=30, verify=PLAIN) as data_api,
        Supervisor() as supervisor,
    ):
        id_ = str(uuid4())

        def is_there() -> bool:
            """Whether the data API has taken the zone, shown by the time of a workspace: winter in both hemispheres."""
            data_api.post("/workspaces", json={"id": id_, "name": "Algebra"})
            rows = data_api.get("/workspaces", params={"id": f"eq.{id_}"})
            return rows.is_success and bool(rows.json()) and rows.json()[0]["created_at"].endswith(offset)

        supervisor.wait_until(is_there, f"a data API in {zone}")
        for moment in MOMENTS:
            inserted(data_api, "sources", workspace_id=id_, type="pdf", title="Groups", cache_expires_at=moment)
        in_utc = {"Prefer": "timezone=UTC"}
        query = {"workspace_id": f"eq.{id_}", "order": "cache_expires_at"}
        rows = data_api.get("/sources", params=query, headers=in_utc).json()
        assert [row["cache_expires_at"] for row in rows] == [moment.replace("Z", "+00:00") for moment in MOMENTS]
        assert all(row["created_at"].endswith("+00:00") for row in rows)
        for preferred in ({}, in_utc):
            canvas = data_api.post("/rpc/canvas", json={"workspace_id": id_}, headers=preferred).json()[0]
            assert [node["data"]["cache_expires_at"] for node in canvas["nodes"]] == MOMENTS


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_stranger_does_not_wait_for_a_conversation(backend: Backend, owner: User, stranger: User) -> None:
    """Nor makes it wait: the answer, and its time, say nothing of whether somebody writes there."""
    with backend.data_api(owner) as data_api:
        workspace = inserted(data_api, "workspaces", name="Algebra")
    message = {"workspace_id": workspace["id"], "role": "user", "content": "Why?"}
    with subprocess.Popen(
        psql_command(backend.stack.psql, backend.stack.dsn),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=base_environment(),
    ) as writer:
        assert writer.stdin
        assert writer.stdout
        writer.stdin.write(f"""
            begin;
            insert into public.chat_messages (workspace_id, role, content)
              values ('{workspace["id"]}', 'user', 'Wait');
            \\echo held
        """)  # noqa: S608 - an id of ours
        writer.stdin.flush()
        assert writer.stdout.readline() == "held\n"
        with backend.data_api(stranger) as data_api:
            answer = data_api.post("/chat_messages", json=message, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (403, "42501")
        writer.stdin.close()
