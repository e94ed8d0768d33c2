"""The sample workspace: what `make dev` posts for the development user, so that the first look is not an empty one.

Identifiers are fixed, so it is there once. The first post makes the workspace; the others are sent only when it was
new.
"""

from typing import Any

WORKSPACE_ID = "5a3f1e00-0000-4000-8000-000000000001"

POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/workspaces", {"id": WORKSPACE_ID, "name": "Welcome to AIDE"}),
]
