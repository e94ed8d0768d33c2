"""The resources, and a scene with a row of each for tests that go through all of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from app.models.chat_message import ChatMessage
from app.models.edge import Edge
from app.models.lab import Lab
from app.models.source import Source
from app.models.types import Row as Model
from app.models.workspace import Workspace
from tests.integration.conftest import Backend, User, created
from tests.integration.rows import Row, new_edge, new_lab, new_message, new_source


@dataclass(frozen=True)
class Resource:
    """One table, the route that serves it, and what may be done there."""

    path: str
    model: type[Model]
    new: Callable[["Scene"], Row]
    change: Row
    orders: tuple[str, ...] = ("created_at", "-created_at", "updated_at", "-updated_at")


@dataclass
class Scene:
    """Two users, and a workspace of the one with a row of every table in it."""

    backend: Backend
    owner: User
    stranger: User
    api: httpx.Client
    """The gateway as the owner sees it."""
    clients: dict[tuple[str, str], httpx.Client]
    """Of the gateway and of the data API, as the owner, the stranger and nobody."""
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def workspace(self) -> Row:
        return self.rows["workspaces"]

    def make(self, table: str) -> Row:
        """A new row of the table."""
        return created(self.api.post(RESOURCES[table].path, json=RESOURCES[table].new(self)))

    def find(self, table: str, row_id: str) -> Row | None:
        """The row as its owner reads it, or None when there is none."""
        response = self.api.get(f"{RESOURCES[table].path}/{row_id}")
        if response.status_code == 404:
            return None
        assert response.status_code == 200, response.text
        row: Row = response.json()
        return row


RESOURCES = {
    "workspaces": Resource("/workspaces", Workspace, lambda scene: {"name": "Linear algebra"}, {"name": "Algebra"}),
    "sources": Resource("/sources", Source, lambda scene: new_source(scene.workspace), {"title": "Rank"}),
    "labs": Resource("/labs", Lab, lambda scene: new_lab(scene.workspace), {"status": "completed"}),
    "edges": Resource(
        "/edges",
        Edge,
        lambda scene: new_edge(scene.rows["sources"], scene.rows["labs"], source_handle=str(uuid4())),
        {"label": "practised in"},
        orders=("created_at", "-created_at"),
    ),
    "chat_messages": Resource(
        "/chat-messages",
        ChatMessage,
        lambda scene: new_message(scene.workspace),
        {"content": "Something else."},
        orders=("seq", "-seq"),
    ),
}
IN_WORKSPACE = [table for table in RESOURCES if table != "workspaces"]
VERSIONED = ["sources", "labs"]
TRASHED = ["sources", "labs", "edges"]


@contextmanager
def open_scene(backend: Backend) -> Iterator[Scene]:
    """Make the users and the rows. Tests that change a row of the scene keep `rows` up to date."""
    owner, stranger = backend.new_user(), backend.new_user()
    people = {"owner": owner, "stranger": stranger, "nobody": None}
    with ExitStack() as opened:
        clients = {
            (name, person): opened.enter_context(connect(user))
            for name, connect in {"gateway": backend.gateway, "data API": backend.data_api}.items()
            for person, user in people.items()
        }
        scene = Scene(backend, owner, stranger, clients["gateway", "owner"], clients)
        for table in RESOURCES:
            scene.rows[table] = scene.make(table)
        yield scene


def content(row: Row | None) -> Row | None:
    """The row without the time of its last use, which passes while these tests run."""
    return row and {column: value for column, value in row.items() if column != "active_at"}
