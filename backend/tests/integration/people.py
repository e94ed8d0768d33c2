"""Those who share a workspace or do not, for tests of who may do what in it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from tests.integration.conftest import Backend, User, created
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source
from tests.sample_document import document

PDF = {"Content-Type": "application/pdf"}
CODE = {"instructions": "Add.", "starter_code": "", "tests": "no test", "language": "python"}
VIEWPORT = {"x": 1, "y": 2, "zoom": 1.5}


@dataclass(frozen=True)
class People:
    """Those who meet at a workspace, each with their own client of the gateway."""

    owner: httpx.Client
    editor: httpx.Client
    viewer: httpx.Client
    former: httpx.Client
    stranger: httpx.Client
    nobody: httpx.Client
    users: dict[str, User]


def join(owner: httpx.Client, guest: httpx.Client, workspace: Row, role: str) -> Row:
    """Invite somebody, who accepts."""
    invitation = created(owner.post(f"/workspaces/{workspace['id']}/invitations", json={"role": role}))
    answer = guest.post(f"/invitations/{invitation['token']}/accept")
    assert (answer.status_code, answer.json()) == (200, {"workspace_id": workspace["id"], "role": role}), answer.text
    return invitation


@contextmanager
def open_people(backend: Backend, owner: User, workspace: Row) -> Iterator[People]:
    """Let an editor and a viewer join the owner's workspace, and a former member join and leave it."""
    users = {"owner": owner} | {name: backend.new_user() for name in ("editor", "viewer", "former", "stranger")}
    with ExitStack() as opened:
        clients = {name: opened.enter_context(backend.gateway(user)) for name, user in users.items()}
        nobody = opened.enter_context(backend.gateway())
        for name, role in (("editor", "editor"), ("viewer", "viewer"), ("former", "editor")):
            join(clients["owner"], clients[name], workspace, role)
        left = clients["former"].delete(f"/workspaces/{workspace['id']}/members/{users['former'].id}")
        assert left.status_code == 204, left.text
        yield People(**clients, nobody=nobody, users=users)


def write_content(people: People, workspace: Row) -> dict[str, Row]:
    """One of everything, made by the editor."""
    api = people.editor
    source = created(api.post("/sources", json=new_source(workspace)))
    assert api.put(f"/sources/{source['id']}/file", content=document(), headers=PDF).json()["status"] == "ready"
    lab = created(api.post("/labs", json=new_lab(workspace, source_id=source["id"], generated_content=CODE)))
    return {
        "sources": source,
        "labs": lab,
        "edges": created(api.post("/edges", json=new_edge(source, lab))),
        "chat-messages": created(api.post("/chat-messages", json=new_message(workspace))),
    }
