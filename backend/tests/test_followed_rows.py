"""Answers that another replica writes: what is shown of them, from their rows alone."""

from typing import Any

import httpx
import pytest
import respx

from app import turns
from app.errors import ProblemError
from app.services.leases import AnswerRow, Snapshot
from app.turns import follow_row
from tests.answer_row import AWAY, REFUSED, TABLE, WORKSPACE_ID, tell, written


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is read again at once."""
    monkeypatch.setattr(turns, "READ_SECONDS", 0.01)


def rows(*found: dict[str, Any] | None) -> list[httpx.Response]:
    """What the row holds, each time that it is read."""
    return [httpx.Response(200, json=[each] if each else []) for each in found]


async def heard(row: AnswerRow) -> list[Snapshot | None]:
    return [state async for state in follow_row(row)]


def lease(second: int, **more: Any) -> dict[str, Any]:
    return {"status": "streaming", "lease_until": f"2026-11-24T10:00:{second:02}Z", **more}


def test_a_row_that_is_written_elsewhere_is_shown_by_its_changes(upstream: respx.Router) -> None:
    upstream.get(TABLE).mock(
        side_effect=[
            *rows(lease(1, content="a"), lease(2, content="a")),
            AWAY,
            *rows(lease(3, content="ab"), {"status": "complete", "content": "abc"}),
        ]
    )

    async def story(row: AnswerRow) -> None:
        assert [state and state.content for state in await heard(row)] == ["a", "ab", "abc"]

    tell(story)


def test_a_row_that_goes_is_shown_no_longer(upstream: respx.Router) -> None:
    upstream.get(TABLE).mock(side_effect=rows(lease(1, content="a"), None))

    async def story(row: AnswerRow) -> None:
        assert [state and state.content for state in await heard(row)] == ["a"]

    tell(story)


def test_whoever_may_not_read_a_row_is_told_so(upstream: respx.Router) -> None:
    upstream.get(TABLE).mock(return_value=REFUSED)

    async def story(row: AnswerRow) -> None:
        with pytest.raises(ProblemError) as caught:
            await heard(row)
        assert caught.value.status < 500

    tell(story)


def test_a_row_that_does_not_change_is_told_of_as_quiet(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUIET_SECONDS", 0.0)
    end = {"status": "complete", "content": "a"}
    upstream.get(TABLE).mock(side_effect=rows(lease(1, content="a"), lease(2, content="a"), end))

    async def story(row: AnswerRow) -> None:
        assert [state and state.status for state in await heard(row)] == ["streaming", None, "complete"]

    tell(story)


def test_only_a_lease_that_does_not_move_is_ended(upstream: respx.Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "UNMOVED_SECONDS", 0.0)
    upstream.get(TABLE).mock(side_effect=rows(lease(1), lease(2), lease(2), {"status": "failed", "failure": "x"}))
    ended = upstream.post("/rest/v1/rpc/end_lapsed_turns").respond(200, json=None)

    async def story(row: AnswerRow) -> None:
        await heard(row)

    tell(story)
    assert written(ended) == [{"workspace_id": WORKSPACE_ID}]


def test_of_a_row_that_does_not_move_is_told_and_asked_once_in_a_while(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUIET_SECONDS", 0.8)
    monkeypatch.setattr(turns, "UNMOVED_SECONDS", 1.0)
    ended = upstream.post("/rest/v1/rpc/end_lapsed_turns").respond(200, json=None)
    read_since = 0

    def read(request: httpx.Request) -> httpx.Response:
        nonlocal read_since
        read_since += bool(ended.calls)
        return rows({"status": "stopped"} if read_since == 3 else lease(1))[0]

    upstream.get(TABLE).mock(side_effect=read)

    async def story(row: AnswerRow) -> None:
        assert [state and state.status for state in await heard(row)] == ["streaming", None, "stopped"]

    tell(story)
    assert len(ended.calls) == 1


def test_a_row_is_followed_while_supabase_is_away_longer_than_a_lease_takes_to_move(
    upstream: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "UNMOVED_SECONDS", 0.0)
    away_at_first = [AWAY, AWAY]
    upstream.get(TABLE).mock(
        side_effect=[*away_at_first, *rows(lease(1)), AWAY, *rows(lease(1), {"status": "stopped"})]
    )
    asked = upstream.post("/rest/v1/rpc/end_lapsed_turns").mock(return_value=AWAY)

    async def story(row: AnswerRow) -> None:
        assert [state and state.status for state in await heard(row)] == ["streaming", "stopped"]

    tell(story)
    assert len(asked.calls) == 1
