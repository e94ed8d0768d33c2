"""`/v1/edges`"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from app.dependencies import Edges, SourceFiles
from app.errors import DuplicateError, UnknownNodeError
from app.models.edge import Edge, EdgeCreate, EdgeQuery, EdgeUpdate
from app.responses import CHANGED, DELETED, FOUND, LISTED, created

router = APIRouter(prefix="/v1/edges", tags=["edges"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=created(Edge, DuplicateError, UnknownNodeError),
    response_model=Edge,
)
async def create_edge(new: EdgeCreate, edges: Edges) -> Response:
    """Join two nodes of a workspace."""
    return await edges.create(new)


@router.get("", responses=LISTED, response_model=list[Edge])
async def list_edges(query: Annotated[EdgeQuery, Query()], edges: Edges) -> Response:
    """List a workspace's edges, the oldest first."""
    return await edges.list(query)


@router.get("/{edge_id}", responses=FOUND, response_model=Edge)
async def get_edge(edge_id: UUID, edges: Edges) -> Response:
    """Read one edge."""
    return await edges.get(edge_id)


@router.patch("/{edge_id}", responses=CHANGED, response_model=Edge)
async def update_edge(edge_id: UUID, change: EdgeUpdate, edges: Edges) -> Response:
    """Change an edge's label."""
    return await edges.update(edge_id, change)


@router.delete("/{edge_id}", status_code=status.HTTP_204_NO_CONTENT, responses=DELETED)
async def delete_edge(edge_id: UUID, edges: Edges, files: SourceFiles) -> None:
    """Delete an edge. It can be restored."""
    await files.discard(await edges.delete(edge_id))
