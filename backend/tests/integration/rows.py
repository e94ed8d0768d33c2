"""Bodies of new rows, and how to follow a list to its end."""

from typing import Any

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
