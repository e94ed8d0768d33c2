"""`/v1/edges`"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, status

from app.dependencies import Edges
from app.errors import DuplicateError, UnknownNodeError
from app.models.edge import Edge, EdgeCreate, EdgeQuery, EdgeUpdate
from app.openapi import CHANGED, DELETED, FOUND, LISTED, created, resource_router

router = resource_router("/v1/edges", "edges")


@router.post("", status_code=status.HTTP_201_CREATED, responses=created(Edge, DuplicateError, UnknownNodeError))
async def create_edge(new: EdgeCreate, edges: Edges) -> Edge:
    """Join two nodes of a workspace."""
    return await edges.create(new)


@router.get("", responses=LISTED)
async def list_edges(query: Annotated[EdgeQuery, Query()], edges: Edges) -> list[Edge]:
    """List a workspace's edges, the oldest first."""
    return await edges.list(query)


@router.get("/{edge_id}", responses=FOUND)
async def get_edge(edge_id: UUID, edges: Edges) -> Edge:
    """Read one edge."""
    return await edges.get(edge_id)


@router.patch("/{edge_id}", responses=CHANGED)
async def update_edge(edge_id: UUID, change: EdgeUpdate, edges: Edges) -> Edge:
    """Change an edge's label."""
    return await edges.update(edge_id, change)


@router.delete("/{edge_id}", status_code=status.HTTP_204_NO_CONTENT, responses=DELETED)
async def delete_edge(edge_id: UUID, edges: Edges) -> None:
    """Delete an edge."""
    await edges.delete(edge_id)
