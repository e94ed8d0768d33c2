"""Bodies of new rows, and how to follow a list to its end."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx

Row = dict[str, Any]


def new_source(workspace: Row, **fields: Any) -> Row:
    return {"workspace_id": workspace["id"], "type": "pdf", "title": "Vector spaces"} | fields


def new_lab(workspace: Row, **fields: Any) -> Row:
    return {"workspace_id": workspace["id"], "type": "code_lab"} | fields


def new_edge(source: Row, target: Row, **fields: Any) -> Row:
    """An edge in the workspace of the node where it begins."""
    ends = {"source_node_id": source["id"], "target_node_id": target["id"]}
    return {"workspace_id": source["workspace_id"]} | ends | fields


def new_message(workspace: Row, **fields: Any) -> Row:
    return {"workspace_id": workspace["id"], "role": "user", "content": "What does the rank tell me?"} | fields


def save_text(data_api: httpx.Client, source: Row, pages: Sequence[str], chapters: Sequence[Row] = ()) -> None:
    """Give a source a text of these pages, as if it had been read from a file."""
    place = f"{source['workspace_id']}/{source['id']}/a.txt"
    file = {"storage_path": place, "file_name": "a.txt", "file_bytes": 1, "media_type": "text/plain"}
    document = {"document": {"pages": pages, "chapters": chapters}}
    assert data_api.post("/rpc/save_file", json={"source_id": source["id"]} | file | document).is_success


def pasted(nodes: int, edges: int) -> tuple[list[str], Row]:
    """The ids of so many nodes, half of them labs made from the other half, and the bodies to create them with edges
    between them."""
    ids = [str(uuid4()) for _ in range(nodes)]
    half = nodes // 2
    sources = [{"id": id_, "type": "pdf", "title": f"Part {n}"} for n, id_ in enumerate(ids[:half])]
    labs = [
        {"id": id_, "type": "essay_lab", "source_id": ids[n], "generated_content": {"n": n}, "width": 240.5}
        for n, id_ in enumerate(ids[half:])
    ]
    ends = [(ids[n % half], ids[half + (n + n // half) % half]) for n in range(edges)]
    joined = [{"source_node_id": source, "target_node_id": target} for source, target in ends]
    return ids, {"sources": sources, "labs": labs, "edges": joined}


def canvas_edit(api: httpx.Client, workspace: Row, **changes: Any) -> httpx.Response:
    """The answer to an edit of the workspace's canvas."""
    return api.post(f"/workspaces/{workspace['id']}/canvas", json=changes)


def walk(api: httpx.Client, path: str, **params: Any) -> list[Row]:
    """Every row of a list, page by page."""
    rows: list[Row] = []
    response = api.get(path, params=params or None)  # an empty dict would cut the path's own query off
    while True:
        assert response.status_code == 200, response.text
        rows += response.json()
        if not (link := response.links.get("next")):
            return rows
        response = api.get(link["url"].removeprefix("/v1"))
