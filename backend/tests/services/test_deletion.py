"""What a deletion answers that cannot be read: it has happened, and its files are left to a later call."""

import pytest
import respx
from fastapi.testclient import TestClient

from tests.routes.exchange import problem

ID = "60000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("answer", [b"{}", b"[1]", b"", b'["\xff"]'])
@pytest.mark.parametrize(
    ("path", "function"),
    [("workspaces", "delete_workspace"), ("sources", "move_to_trash"), ("labs", "move_to_trash")],
)
def test_what_is_no_list_of_paths_is_a_fault_of_upstream(
    client: TestClient, upstream: respx.Router, path: str, function: str, answer: bytes
) -> None:
    upstream.post(f"/rest/v1/rpc/{function}").respond(200, content=answer)
    problem(client.delete(f"/v1/{path}/{ID}"), 502, "bad_upstream")
    assert len(upstream.calls) == 1
