"""The table of all routes under `/v1`: what each is sent, what it asks upstream, and how it can be refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from fastapi.testclient import TestClient

from app.models.chat_message import ChatMessage
from app.models.edge import Edge
from app.models.lab import Lab
from app.models.source import Source
from app.models.types import Row
from app.models.workspace import Workspace
from tests.conftest import USER_ID
from tests.routes.exchange import NO_ROW, NOT_ALLOWED, raised

ID = "60000000-0000-4000-8000-000000000001"
OTHER_ID = "60000000-0000-4000-8000-000000000002"
WORKSPACE_ID = "10000000-0000-4000-8000-000000000001"
MOMENT = "2026-11-23T00:12:45.122000Z"
POSITION = {"x": 1.0, "y": 2.0}
SIZE = {"width": 320.0}
VIEWPORT = {"x": 0.0, "y": 0.0, "zoom": 1.0}
IN_WORKSPACE = {"workspace_id": WORKSPACE_ID}
DELETED_FOR_GOOD = {"chat_message"}
"""Resources whose rows are deleted at once: those of others go to the trash, workspaces by a function."""
VERSIONED = {"version": 3, "created_at": MOMENT, "updated_at": MOMENT}


@dataclass(frozen=True)
class Route:
    """What one route is sent, what it asks upstream, and what it makes of each answer."""

    method: str
    path: str
    upstream: tuple[str, str]
    answer: Any
    """What the data API answers when all is well; the route answers it too, or nothing with 204."""
    status: int
    body: Any = None
    invalid_path: str | None = None
    """Refused as it is; without it, an unknown field in the body is what is refused."""
    hidden: httpx.Response | None = NO_ROW
    """How the data API refuses when the row or its workspace is another user's; None where nothing can be hidden."""
    stale: httpx.Response | None = None
    """How the data API refuses another version than `If-Match` has; None where the route ignores it."""
    first: tuple[str, str, Any] | None = None
    """What it reads upstream before, and the answer to that."""
    makes: Callable[[Any], Any] = lambda answer: answer
    """What the route makes of the answer."""

    def send(self, client: TestClient, **options: Any) -> Any:
        return client.request(self.method, self.path, json=self.body, **options)


def resource(
    name: str, path: str, model: type[Row], own: dict[str, Any], new: dict[str, Any], change: Any
) -> dict[str, Route]:
    """The routes that rows of one table have. What `own` leaves out of a row is null."""
    row = dict.fromkeys(model.model_fields) | {"id": ID} | own
    table = "my_workspaces" if name == "workspace" else path.removeprefix("/v1/").replace("-", "_")
    table = f"/rest/v1/{table}"
    scope = "?workspace_id=" + WORKSPACE_ID if "workspace_id" in new else ""
    item, no_uuid, stale = f"{path}/{ID}", f"{path}/1", NO_ROW if "version" in own else None
    create = Route("POST", path, ("POST", table), row, 201, body=new, hidden=NOT_ALLOWED if scope else None)
    found = Route("GET", item, ("GET", table), row, 200, invalid_path=no_uuid)
    delete = replace(found, method="DELETE", upstream=("DELETE", table), status=204, stale=stale)
    if name not in DELETED_FOR_GOOD:
        delete = replace(
            delete,
            upstream=("POST", f"/rest/v1/rpc/{'delete_workspace' if name == 'workspace' else 'move_to_trash'}"),
            answer=[],
            hidden=raised(404, "not_found"),
            stale=stale and raised(412, "stale_version"),
        )
    return {
        f"create_{name}": create,
        f"list_{name}s": Route("GET", path + scope, ("GET", table), [row], 200, invalid_path=path + "?limit=0"),
        f"get_{name}": found,
        f"update_{name}": replace(
            found, method="PATCH", upstream=("PATCH", table), body=change, invalid_path=None, stale=stale
        ),
        f"delete_{name}": delete,
    }


ROUTES = (
    resource(
        "workspace",
        "/v1/workspaces",
        Workspace,
        {
            "owner_id": str(USER_ID),
            "name": "Linear algebra",
            "viewport": VIEWPORT,
            **VERSIONED,
            "active_at": MOMENT,
            "role": "owner",
        },
        {"name": "Linear algebra"},
        {"name": "Algebra"},
    )
    | resource(
        "source",
        "/v1/sources",
        Source,
        {
            **IN_WORKSPACE,
            "type": "pdf",
            "title": "Vector spaces",
            "metadata": {},
            "canvas_position": POSITION,
            **SIZE,
            "status": "empty",
            **VERSIONED,
        },
        {**IN_WORKSPACE, "type": "pdf", "title": "Vector spaces"},
        {"title": "Rank"},
    )
    | resource(
        "lab",
        "/v1/labs",
        Lab,
        {
            **IN_WORKSPACE,
            "type": "code_lab",
            "status": "pending",
            "config": {},
            "user_state": {},
            "canvas_position": POSITION,
            **SIZE,
            **VERSIONED,
        },
        {**IN_WORKSPACE, "type": "code_lab"},
        {"status": "completed"},
    )
    | resource(
        "edge",
        "/v1/edges",
        Edge,
        {
            **IN_WORKSPACE,
            "source_node_id": ID,
            "target_node_id": OTHER_ID,
            "created_at": MOMENT,
        },
        {**IN_WORKSPACE, "source_node_id": ID, "target_node_id": OTHER_ID},
        {"label": "practised in"},
    )
    | resource(
        "chat_message",
        "/v1/chat-messages",
        ChatMessage,
        {
            **IN_WORKSPACE,
            "user_id": ID,
            "chat_id": "main",
            "role": "user",
            "content": "Why?",
            "mentions": [],
            "status": "complete",
            "sources": [],
            "seq": 1,
            "created_at": MOMENT,
        },
        {**IN_WORKSPACE, "role": "user", "content": "Why?"},
        None,
    )
    | {
        f"list_{things}": Route(
            "GET",
            f"/v1/sources/{ID}/{things}",
            ("GET", f"/rest/v1/rpc/read_{things}"),
            answer,
            200,
            invalid_path=f"/v1/sources/1/{things}",
            hidden=raised(404, "source_not_found"),
        )
        for things, answer in (
            ("chapters", [{"position": 1, "level": 1, "title": "One", "first_page": 1, "last_page": 2}]),
            ("pages", [{"number": 1, "text": "One"}]),
        )
    }
    | {
        "search_workspace": Route(
            "GET",
            f"/v1/workspaces/{WORKSPACE_ID}/search?q=rank",
            ("GET", "/rest/v1/rpc/search_pages"),
            [{"source_id": ID, "title": "Vector spaces", "page": 1, "excerpt": "the \u0002rank\u0003"}],
            200,
            invalid_path=f"/v1/workspaces/{WORKSPACE_ID}/search",
            hidden=raised(404, "workspace_not_found"),
        ),
        "get_canvas": Route(
            "GET",
            f"/v1/workspaces/{WORKSPACE_ID}/canvas",
            ("GET", "/rest/v1/rpc/canvas"),
            [{"nodes": [], "edges": [], "viewport": VIEWPORT}],
            200,
            invalid_path="/v1/workspaces/1/canvas",
            hidden=httpx.Response(200, json=[]),
            makes=lambda answer: answer[0],  # the gateway takes the row out of its list
        ),
        "get_json_canvas": Route(
            "GET",
            f"/v1/workspaces/{WORKSPACE_ID}/jsoncanvas",
            ("GET", "/rest/v1/rpc/json_canvas"),
            [{"nodes": [], "edges": []}],
            200,
            invalid_path="/v1/workspaces/1/jsoncanvas",
            hidden=httpx.Response(200, json=[]),
            makes=lambda answer: answer[0],
        ),
        "update_canvas": Route(
            "PATCH",
            f"/v1/workspaces/{WORKSPACE_ID}/canvas",
            ("POST", "/rest/v1/rpc/arrange_canvas"),
            None,
            204,
            body={"viewport": VIEWPORT},
            hidden=raised(404, "workspace_not_found"),
        ),
        "edit_canvas": Route(
            "POST",
            f"/v1/workspaces/{WORKSPACE_ID}/canvas",
            ("POST", "/rest/v1/rpc/edit_canvas"),
            {part: {"nodes": [], "edges": [ID]} for part in ("created", "copied", "deleted", "restored")},
            200,
            body={"delete": {"edges": [ID]}},
            hidden=raised(404, "workspace_not_found"),
        ),
    }
)
LAB = ROUTES["get_lab"]
RUN: dict[str, Any] = {
    "id": OTHER_ID,
    "user_id": str(USER_ID),
    "status": "error",
    "message": "The lab's tests cannot be used.",
    "tests": [],
    "output": "",
    "seconds": None,
    "code": "x = 1",
    "created_at": MOMENT,
}
ROUTES |= {
    "list_lab_runs": replace(
        LAB,
        path=f"{LAB.path}/runs",
        upstream=("GET", "/rest/v1/lab_runs"),
        answer=[RUN],
        invalid_path=f"{LAB.path}/runs?limit=0",
    ),
    "reset_lab": replace(
        LAB,
        method="POST",
        path=f"{LAB.path}/reset",
        upstream=("POST", "/rest/v1/rpc/reset_lab"),
        invalid_path="/v1/labs/1/reset",
        hidden=raised(404, "lab_not_found"),
    ),
    "get_lab_solution": replace(
        LAB,
        path=f"{LAB.path}/solution",
        upstream=("GET", "/rest/v1/rpc/lab_solution"),
        answer="x = 1",
        invalid_path="/v1/labs/1/solution",
        hidden=raised(404, "lab_not_found"),
        makes=lambda answer: {"solution": answer},
    ),
    "download_lab": replace(
        LAB,
        path=f"{LAB.path}/download",
        answer=LAB.answer | {"type": "flashcard_lab", "generated_content": {"cards": [{"front": "f", "back": "b"}]}},
        invalid_path="/v1/labs/1/download",
        makes=lambda answer: None,
    ),
    "run_lab": replace(
        LAB,
        method="POST",
        path=f"{LAB.path}/run",
        upstream=("POST", "/rest/v1/rpc/record_run"),
        answer=RUN,
        body={"code": "x = 1"},
        invalid_path=None,
        hidden=raised(404, "lab_not_found"),
        first=("GET", "/rest/v1/labs", LAB.answer | {"generated_content": {"tests": "no test"}}),
    ),
}
HOME = f"/v1/workspaces/{WORKSPACE_ID}"
MEMBER = {"user_id": ID, "role": "editor", "email": "ed@example.com", "created_at": MOMENT}
INVITATION = {
    "id": ID,
    **IN_WORKSPACE,
    "role": "viewer",
    "uses_left": 1,
    "expires_at": MOMENT,
    "created_at": MOMENT,
}
ROUTES |= {
    "list_members": Route(
        "GET",
        f"{HOME}/members",
        ("GET", "/rest/v1/rpc/list_members"),
        [MEMBER],
        200,
        invalid_path="/v1/workspaces/1/members",
        hidden=raised(404, "workspace_not_found"),
    ),
    "update_member": Route(
        "PATCH",
        f"{HOME}/members/{ID}",
        ("POST", "/rest/v1/rpc/change_member"),
        MEMBER,
        200,
        body={"role": "editor"},
        hidden=raised(404, "member_not_found"),
    ),
    "delete_member": Route(
        "DELETE",
        f"{HOME}/members/{ID}",
        ("POST", "/rest/v1/rpc/remove_member"),
        None,
        204,
        invalid_path=f"{HOME}/members/1",
        hidden=raised(404, "workspace_not_found"),
    ),
    "issue_invitation": Route(
        "POST",
        f"{HOME}/invitations",
        ("POST", "/rest/v1/rpc/create_invitation"),
        INVITATION | {"token": "4f1d0c6f"},
        201,
        body={"role": "viewer"},
        hidden=raised(404, "workspace_not_found"),
    ),
    "list_invitations": Route(
        "GET",
        f"{HOME}/invitations",
        ("GET", "/rest/v1/invitations"),
        [INVITATION],
        200,
        invalid_path=f"{HOME}/invitations?limit=0",
    ),
    "delete_invitation": Route(
        "DELETE",
        f"{HOME}/invitations/{ID}",
        ("POST", "/rest/v1/rpc/revoke_invitation"),
        None,
        204,
        invalid_path=f"{HOME}/invitations/1",
        hidden=raised(404, "invitation_not_found"),
    ),
    "accept_invitation": Route(
        "POST",
        "/v1/invitations/4f1d0c6f-4f1d0c6f-4f1d0c6f-4f1d0c6f-/accept",
        ("POST", "/rest/v1/rpc/accept_invitation"),
        {**IN_WORKSPACE, "role": "viewer"},
        200,
        invalid_path=f"/v1/invitations/{'x' * 101}/accept",
        hidden=raised(404, "invitation_not_found"),
    ),
    "copy_workspace": replace(
        ROUTES["create_workspace"],
        path=f"{HOME}/copy",
        upstream=("POST", "/rest/v1/rpc/finish_copy"),
        body={"name": "Mine"},
        hidden=raised(404, "workspace_not_found"),
        first=("POST", "/rest/v1/rpc/begin_copy", {"id": ID, "paths": {}}),
    ),
}
del ROUTES["update_chat_message"]  # messages are never edited

FILES = {"upload_file", "download_file", "delete_file", "read_file"}
"""Speak with the file store too: see `test_files.py`."""
STREAMED = {
    "send_chat_message",
    "resume_chat",
    "stop_chat",
    "generate_lab",
    "resume_generation",
    "stop_generation",
}
"""Their answers are streams: see test_chat.py and test_generation.py, and test_turns.py in tests/integration."""
