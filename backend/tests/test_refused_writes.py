"""What a write that the database refuses is called: it depends on the role that the caller has by then."""

import pytest
import respx
from fastapi.testclient import TestClient

from tests.answer_row import REFUSED, WORKSPACE_ID


@pytest.mark.parametrize(
    ("roles", "status", "code"),
    [
        ([], 404, "not_found"),
        ([{"role": "viewer"}], 403, "read_only"),
        ([{"role": "editor"}], 409, "write_conflict"),  # a role that came back between the write and this question
    ],
)
def test_a_row_that_may_not_be_created(
    client: TestClient, upstream: respx.Router, roles: list[dict[str, str]], status: int, code: str
) -> None:
    upstream.post("/rest/v1/labs").mock(return_value=REFUSED)
    upstream.get("/rest/v1/my_workspaces").respond(200, json=roles)
    new = {"workspace_id": str(WORKSPACE_ID), "title": "Optics", "type": "quiz"}
    answer = client.post("/v1/labs", json=new)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
