"""What names mean that many schemas and routes have: what OpenAPI says of them where no model or route does."""

from collections.abc import Iterator
from typing import Any

FIELDS = {
    "id": "Its id, a UUID.",
    "workspace_id": "The workspace that it is in.",
    "source_id": "The source that it comes from.",
    "created_at": "When it was made.",
    "updated_at": "When it last changed, layout apart.",
    "version": "Grows with each change, layout apart. `ETag` carries it, for `If-Match`.",
    "role": "What one may do with it: `viewer` reads, `editor` writes too, `owner` also shares and deletes it.",
    "type": "What kind it is: a lower-case word, such as `pdf` of a source or `code_lab` of a lab.",
    "width": "How wide it is drawn, in canvas units; null leaves that to the front end.",
    "height": "How high it is drawn, in canvas units; null leaves that to the front end.",
    "storage_path": "Where its file is in the bucket `sources`: `<workspace_id>/<source_id>/<name>`. Null without one.",
    "cache_id": "The file's name in a model provider's cache. Kept for clients; the gateway does not use it.",
    "cache_expires_at": "Until when `cache_id` is good.",
    "page": "The page, from 1.",
    "text": "Its text.",
    "chat_id": "The conversation, as the client names it.",
    "role of ChatMessage": "Who speaks.",
    "role of ChatMessageCreate": "Who speaks.",
    "role of ChatTurn": "Who speaks.",
    "mentions": "Nodes that the message speaks of.",
    "content": "Its text.",
    "seq": "Its number in the workspace: later messages have larger ones.",
    "source_node_id": "The node that it begins at.",
    "target_node_id": "The node that it ends at.",
    "source_handle": "React Flow's handle that it begins at; null where the node has but one.",
    "target_handle": "React Flow's handle that it ends at; null where the node has but one.",
    "source": "The node that it begins at.",
    "target": "The node that it ends at.",
    "sourceHandle": "React Flow's handle that it begins at; null where the node has but one.",
    "targetHandle": "React Flow's handle that it ends at; null where the node has but one.",
    "label": "What is written next to it.",
    "fromNode": "The card that it begins at.",
    "toNode": "The card that it ends at.",
    "fromSide": "The side of the card that it begins at.",
    "toSide": "The side of the card that it ends at.",
    "x": "How far to the right, in pixels.",
    "y": "How far down, in pixels.",
    "x of Position": "How far to the right, in canvas units.",
    "y of Position": "How far down, in canvas units.",
    "zoom": "How large it is drawn: 1 is a pixel for each canvas unit.",
    "nodes": "Ids of sources and labs.",
    "edges": "Ids of edges.",
    "nodes of Canvas": "Its sources and labs.",
    "edges of Canvas": "What joins them.",
    "nodes of CanvasUpdate": "The nodes to move or resize.",
    "nodes of JsonCanvas": "The sources and labs, as cards.",
    "edges of JsonCanvas": "What joins them.",
    "sources of CanvasCreate": "Sources to create.",
    "title of Source": "The source's title.",
    "title of Citation": "The source's title.",
    "title of FoundPage": "The source's title.",
}
"""By the field's name alone, or by `<field> of <schema>` where that means something else."""

PARAMETERS = {
    "workspace_id": "The workspace's id.",
    "source_id": "The source's id.",
    "lab_id": "The lab's id.",
    "edge_id": "The edge's id.",
    "chat_message_id": "The message's id.",
    "invitation_id": "The invitation's id.",
    "user_id": "The member's user id.",
    "order": "What the list is ordered by; `-` means the latest first.",
    "type": "Only those of this kind.",
    "status": "Only those with this status.",
}

_DONE = {"201": "Created. ", "204": "Done. The answer has no body."}


def explain(document: dict[str, Any]) -> None:
    """Describe each field, parameter and successful response of an OpenAPI document that is not described yet."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            _describe(described, described, FIELDS.get(f"{field} of {name}", FIELDS.get(field)))
    for operation in _operations(document):
        for parameter in operation.get("parameters", []):
            _describe(parameter, parameter["schema"], PARAMETERS.get(parameter["name"]))
        for status, response in operation["responses"].items():
            if response["description"] == "Successful Response":
                response["description"] = _DONE.get(status, "") + _answered(schemas, response)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())


def _describe(described: dict[str, Any], schema: dict[str, Any], meaning: str | None) -> None:
    """Add the description, unless it has its own or that of what it refers to. Where null is allowed, its own is within
    one of the alternatives."""
    if "description" in described or "$ref" in schema:
        return
    if "const" in schema:
        meaning = f"Always `{schema['const']}`."
    if meaning is None:
        meaning = next((part["description"] for part in schema.get("anyOf", []) if "description" in part), None)
    if meaning:
        described["description"] = meaning


def _answered(schemas: dict[str, Any], response: dict[str, Any]) -> str:
    """What the schema of an answer says of itself."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    each = "A list. Each item: " if "items" in schema else ""
    reference = schema.get("items", schema).get("$ref", "")
    return each + schemas[reference.rpartition("/")[2]]["description"] if reference else ""
