"""Rows that turns write: which of them a write reaches, and what of a lab it may hold."""

import json
from typing import Any
from uuid import UUID

import pytest
import respx

from app.services.leases import AnswerRow, LabRow, Snapshot, stop_answer
from app.sharing_errors import AskerOnlyError, ReadOnlyError
from tests.answer_row import WORKSPACE_ID, tell

LAB_ID = "60000000-0000-4000-8000-000000000002"


def test_a_generation_writes_its_own_lab_alone_and_nothing_generated_before_its_end(upstream: respx.Router) -> None:
    route = upstream.patch("/rest/v1/labs").respond(200, json=[{"status": "generating"}])

    async def story(row: AnswerRow) -> None:
        lab = LabRow(row.session, LAB_ID, WORKSPACE_ID, "the-turn")
        shown = lab.columns(Snapshot("generating", progress={"step": "writing", "attempt": 2}))
        assert shown == {"progress": {"step": "writing", "attempt": 2, "turn": "the-turn"}}
        ended = {"status": "failed", "failure": "turn_timeout", "generated_content": {}, "title": "t", "solution": "s"}
        assert await lab.write(shown | ended) == "generating"

    tell(story)
    sent = route.calls.last.request
    assert dict(sent.url.params) == {
        "id": f"eq.{LAB_ID}",
        "status": "eq.generating",
        "progress->>turn": "eq.the-turn",
        "select": "status",
    }
    assert json.loads(sent.content).keys() == {"status", "failure", "progress"}


@pytest.mark.parametrize(
    ("status", "running"),
    [
        *((status, True) for status in ("streaming", "stopping", "generating")),
        *((status, False) for status in ("complete", "stopped", "failed", "pending", "in_progress")),
    ],
)
def test_a_row_that_is_asked_to_stop_has_a_writer_still(status: str, running: bool) -> None:
    assert Snapshot(status).is_running is running


def stop(upstream: respx.Router, *, updated: list[Any], unfinished: list[Any], role: str = "owner") -> str | None:
    """Stop the answer of a conversation whose rows are these; the id of the answer that is stopped."""
    upstream.patch("/rest/v1/chat_messages", params__contains={"status": "eq.streaming"}).respond(200, json=updated)
    upstream.get("/rest/v1/chat_messages").respond(200, json=unfinished)
    upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": role}])
    stopped: list[str | None] = []

    async def story(row: AnswerRow) -> None:
        stopped.append(await stop_answer(row.session, UUID(WORKSPACE_ID), "main"))

    tell(story)
    return stopped[0]


def test_to_stop_once_more_writes_nothing_and_ends_what_has_no_writer(upstream: respx.Router) -> None:
    ended = upstream.post("/rest/v1/rpc/end_lapsed_turns").respond(200, json=None)
    assert stop(upstream, updated=[{"id": LAB_ID, "status": "stopping"}], unfinished=[]) == LAB_ID
    assert stop(upstream, updated=[], unfinished=[{"id": LAB_ID, "status": "stopping"}]) == LAB_ID
    assert len(ended.calls) == 2
    assert stop(upstream, updated=[], unfinished=[]) is None


def test_an_answer_that_another_member_asked_for_is_not_stopped(upstream: respx.Router) -> None:
    with pytest.raises(AskerOnlyError):
        stop(upstream, updated=[], unfinished=[{"id": LAB_ID, "status": "streaming"}])
    with pytest.raises(ReadOnlyError):
        stop(upstream, updated=[], unfinished=[{"id": LAB_ID, "status": "streaming"}], role="viewer")
