"""What a route may ask for: each resource as the caller may see and change it, and what serves all callers."""

from typing import Annotated, Any

from fastapi import Depends, Request

from app.context import Context
from app.lab_collection import LabCollection
from app.models.chat_message import ChatMessage
from app.models.edge import Edge
from app.models.lab import Lab
from app.models.member import Invitation
from app.models.source import Source
from app.models.workspace import Workspace
from app.resources import Collection, collection, open_session, read_versions
from app.services.db import Session
from app.services.deletion import MessageTable, TrashedTable, WorkspaceTable
from app.services.files import Files
from app.services.model import Model
from app.services.runner import Runner
from app.services.tables import Table
from app.turns import Turns
from app.workspace_collection import WorkspaceCollection

DatabaseSession = Annotated[Session, Depends(open_session)]


async def read_context(request: Request) -> Context:
    """What is known of this request."""
    return Context.of(request.scope)


def of_app(name: str) -> Any:
    """A dependency: what the application has under this name for all requests (see `create_app`)."""

    async def read_state(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(read_state)


RequestContext = Annotated[Context, Depends(read_context)]
SearchLanguage = Annotated[str, of_app("search_language")]
RunningTurns = Annotated[Turns, of_app("turns")]
LanguageModel = Annotated[Model, of_app("model")]
CodeRunner = Annotated[Runner, of_app("runner")]
IfMatch = Annotated[frozenset[int] | None, Depends(read_versions)]

_ENDS = ("workspace_id", "source_node_id", "target_node_id", "source_handle", "target_handle")


async def open_files(request: Request, session: DatabaseSession, language: SearchLanguage) -> Files:
    """The files of sources as the caller may see and change them."""
    context = Context.of(request.scope)
    state = request.app.state
    return Files(session, state.storage.bucket(context), state.documents, context, language=language)


SourceFiles = Annotated[Files, Depends(open_files)]
Workspaces = Annotated[
    WorkspaceCollection,
    Depends(collection(WorkspaceTable("my_workspaces", Workspace, searched="name"), WorkspaceCollection)),
]
Invitations = Annotated[Collection, Depends(collection(Table("invitations", Invitation), Collection))]
Sources = Annotated[Collection, Depends(collection(TrashedTable("sources", Source, searched="title"), Collection))]
Labs = Annotated[LabCollection, Depends(collection(TrashedTable("labs", Lab, searched="title"), LabCollection))]
ChatMessages = Annotated[Collection, Depends(collection(MessageTable("chat_messages", ChatMessage), Collection))]
Edges = Annotated[Collection, Depends(collection(TrashedTable("edges", Edge, unique=_ENDS), Collection))]
