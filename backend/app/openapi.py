"""The API's own description: OpenAPI as `/docs`, client generators and readers meet it."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from app.errors import MEDIA_TYPE, ProblemError, UnsupportedMediaTypeError
from app.glossary import explain
from app.models.generation import GenerationConfig
from app.models.stream import AnswerPart, GenerationPart
from app.responses import one_of, problems

DESCRIPTION = """
AIDE is a visual workspace for learning by doing. A **workspace** is an infinite canvas; on it are **sources** (what one
learns from) and **labs** (what one learns with), joined by **edges**; next to it is a chat of **chat messages**.

* **Who you are.** Every `/v1` route needs `Authorization: Bearer <access token>`, a Supabase user's. You see what is
  yours or shared with you, and nothing else. A viewer's writes are refused with `read_only`.
* **Creating.** You may send an `id` of your own making (a UUID). The same `id` with the same content again answers 200
  with the row that is there, so a retried request never makes two; with other content it is a 409.
* **Lists** come in pages of `limit` rows. `Link: <...>; rel="next"` leads to the next page; without it the list ends.
* **Versions.** Workspaces, sources and labs answer with `ETag: "<version>"`. Send it as `If-Match` and a change is
  refused with 412 if somebody else's came first. Layout (`canvas_position`, `width`,
  `height`, `viewport`) does not change it.
* **Errors** are problem documents (RFC 9457) with a stable `code` to switch on; [/problems](problems) lists them all.
  `X-Request-ID` names the request in the logs.
"""

FILES = """
What sources hold: their files, the text of these, and search in it. There are three ways to upload a file.

1. `PUT /v1/sources/{source_id}/file` takes the bytes, stores and reads them in one request:

```sh
curl -T book.pdf -H 'Content-Type: application/pdf' -H "Authorization: Bearer $TOKEN" \\
  "$API_URL/v1/sources/$SOURCE_ID/file?name=book.pdf"
```

2. A page sends a `File` to Supabase Storage itself, and then has it read. Its `type` is `application/pdf`,
`text/markdown` or `text/plain`:

```js
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
const source = `${apiUrl}/v1/sources/${sourceId}`;
const path = `${workspaceId}/${sourceId}/${crypto.randomUUID()}.${file.name.split(".").pop()}`;
const { error } = await supabase.storage.from("sources").upload(path, file);
if (error) throw error;
await fetch(source, { method: "PATCH", headers, body: JSON.stringify({ storage_path: path }) });
await fetch(`${source}/text`, { method: "POST", headers });
```

3. On hosted Supabase, large files over bad connections: a
[resumable upload](https://supabase.com/docs/guides/storage/uploads/resumable-uploads) to the same `path` in place of
`upload`, then the same two calls.
"""

TAGS = [
    {"name": "workspaces", "description": "Infinite canvases, each owned by one user, who may share it."},
    {"name": "sharing", "description": "Members of workspaces, and invitations to become one."},
    {"name": "canvas", "description": "All that is on a workspace's canvas: loaded at once, laid out at once."},
    {"name": "sources", "description": "What one learns from: PDFs, repositories, videos."},
    {"name": "files", "description": FILES},
    {"name": "labs", "description": "What one learns with: coding exercises, flashcards, quizzes."},
    {"name": "edges", "description": "Lines from node to node; a node is a source or a lab."},
    {"name": "chat-messages", "description": "The conversation next to the canvas. Messages are never edited."},
    {"name": "chat", "description": "The tutor: answers that stream, go on without a listener, and can be resumed."},
    {"name": "health", "description": "Whether the gateway lives, and whether it can serve. No token needed."},
]

ACCESS_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` that Supabase's login service gives a user.",
}


EXISTING = {
    "type": "string",
    "format": "uuid",
    "description": "The id of the row that is in the way, where you may read it.",
}
FIELD_ERROR = {
    "type": "object",
    "description": "One value that is not allowed.",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "description": "Where it is in the request.",
        },
        "msg": {"type": "string", "description": "What is wrong with it."},
        "type": {"type": "string", "description": "The same as a word, to switch on."},
        "existing": EXISTING,
    },
}


FIELD_ERRORS = {
    "type": "array",
    "description": "Each place in the request that is wrong.",
    "items": {"$ref": "#/components/schemas/FieldError"},
}


def problem_schema(kind: type[ProblemError]) -> dict[str, Any]:
    """What the documents of this kind of problem have."""
    always = {
        "type": {"type": "string", "description": "Where it is explained."},
        "title": {"type": "string", "description": "The kind of problem, in a few words."},
        "status": {"type": "integer", "const": kind.status, "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What went wrong this time."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "const": kind.code, "description": "The kind of problem, to switch on."},
        "request_id": {"type": "string", "description": "Names the request, as `X-Request-ID` does."},
    }
    if kind.status == 422:
        always["errors"] = FIELD_ERRORS
    sometimes: dict[str, Any] = {}
    if kind.names_existing:
        sometimes["existing"] = EXISTING
        sometimes["errors"] = FIELD_ERRORS
    return {
        "type": "object",
        "description": kind.meaning(),
        "required": [*always],
        "properties": always | sometimes,
    }


def operation_id(route: APIRoute) -> str:
    """A stable operation id: the handler's name."""
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = FastAPI.openapi(app)
    kinds = list(ProblemError.kinds())
    others = models_json_schema(
        [(AnswerPart, "serialization"), (GenerationPart, "serialization"), (GenerationConfig, "validation")],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    problem = {"description": "What went wrong (RFC 9457)."} | one_of(kinds)
    document["components"]["schemas"] |= (
        others
        | {"FieldError": FIELD_ERROR, "Problem": problem}
        | {kind.component(): problem_schema(kind) for kind in kinds}
    )
    document["components"]["securitySchemes"] = {"AccessToken": ACCESS_TOKEN}
    for path in document["paths"]:
        if path.startswith("/v1"):  # where the middleware asks for a token
            for operation in document["paths"][path].values():
                operation["security"] = [{"AccessToken": []}]
                if "application/json" in operation.get("requestBody", {}).get("content", {}):
                    operation["responses"] |= {"415": problems(UnsupportedMediaTypeError)[415]}
    explain(document)
    document["components"]["responses"] = _share_problems(document["paths"])
    return document


def _share_problems(paths: dict[str, Any]) -> dict[str, Any]:
    """Replace each operation's problem responses by references; the responses they refer to."""
    shared: dict[str, Any] = {}
    for operation in (operation for path in paths.values() for operation in path.values()):
        for status, response in operation["responses"].items():
            if examples := response.get("content", {}).get(MEDIA_TYPE, {}).get("examples"):
                name = "Or".join(code.title().replace("_", "") for code in examples)
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared
