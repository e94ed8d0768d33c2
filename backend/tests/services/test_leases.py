"""Rows that turns write: which of them a write reaches, and what of a lab it may hold."""

import json

import pytest
import respx

from app.services.leases import AnswerRow, LabRow, Snapshot
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
