"""The API's own description is a product: complete, true, and the one that is committed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from app.errors import MEDIA_TYPE, ProblemError
from app.glossary import FIELDS
from app.models.types import Input
from app.services.storage import is_place
from dev.openapi import FILE, text

EXISTING = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
CODES = {kind.code: kind.status for kind in ProblemError.kinds()}

# What a route refuses by a name of its own, in addition to what every route may answer.
REFUSALS = {
    "create_lab": {"unknown_source"},
    "update_lab": {"unknown_source"},
    "create_edge": {"duplicate", "unknown_node"},
    "create_chat_message": {"unknown_node"},
    "update_canvas": {"unknown_node"},
    "edit_canvas": {"duplicate", "unknown_edge", "unknown_node", "unknown_source"},
    "send_chat_message": {
        "unknown_node",
        "turn_running",
        "quota_exceeded",
        "model_rate_limited",
        "model_refused",
        "model_not_configured",
        "model_unavailable",
    },
    "run_lab": {"runner_unavailable", "wrong_lab_type"},
    "download_lab": {"wrong_lab_type"},
    "generate_lab": {
        "lab_has_content",
        "model_not_configured",
        "model_rate_limited",
        "model_refused",
        "model_unavailable",
        "nothing_to_read",
        "quota_exceeded",
        "runner_unavailable",
        "turn_running",
        "unknown_chapter",
        "wrong_lab_type",
    },
}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(app: FastAPI) -> Document:
    return app.openapi()


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """The path and description of each operation."""
    for path, item in document["paths"].items():
        for operation in item.values():
            yield path, operation


def resolve(document: Document, part: Document) -> Document:
    """The part itself, or what it refers to."""
    if "$ref" in part:
        for step in part["$ref"].removeprefix("#/").split("/"):
            document = document[step]
        return document
    return part


def codes(document: Document, operation: Document) -> dict[str, int]:
    """The problems that an operation documents, each with its status."""
    return {
        code: int(status)
        for status, response in operation["responses"].items()
        for code in resolve(document, response).get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    }


def alternatives(schema: Document) -> dict[str, str]:
    """The problems that the schema allows, each with the name of its own."""
    mapping = schema["discriminator"]["mapping"] if "discriminator" in schema else {None: schema["$ref"]}
    references = [part["$ref"] for part in schema.get("oneOf", [schema])]
    assert references == list(mapping.values())
    names = [reference.rpartition("/")[2] for reference in references]
    return {kind.code: name for kind in ProblemError.kinds() for name in names if kind.component() == name}


def models(base: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The app's models below this one, by name."""
    found: dict[str, type[BaseModel]] = {}
    for kind in base.__subclasses__():
        found |= models(kind) | ({kind.__name__: kind} if kind.__module__.startswith("app.") else {})
    return found


def test_the_committed_document_is_the_apps() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "the API has changed: run `make openapi` and commit the file"


def test_every_operation_says_what_it_is(document: Document) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for _, operation in operations(document):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
        assert operation["summary"].lower().replace(" ", "_") == operation["operationId"]
        assert operation["description"].endswith(".")
        assert len(operation["tags"]) == 1
        assert described.issuperset(operation["tags"])


def test_every_v1_route_wants_a_token(document: Document) -> None:
    for path, operation in operations(document):
        assert ("security" in operation) == path.startswith("/v1")


def test_every_field_parameter_and_answer_is_described(document: Document) -> None:
    def described(part: Document) -> bool:
        return "description" in part or bool(resolve(document, part).get("description"))

    schemas = document["components"]["schemas"]
    missing = [
        f"{field} of {name}"
        for name, schema in schemas.items()
        for field, part in schema.get("properties", {}).items()
        if not described(part)
    ]
    for _, operation in operations(document):
        name = operation["operationId"]
        missing += [f"{part['name']} of {name}" for part in operation.get("parameters", []) if not described(part)]
        missing += [
            f"{status} of {name}"
            for status, part in operation["responses"].items()
            if part.get("description") in {"", "Successful Response"}
        ]
    assert missing == [], "describe them where they are declared, or in FIELDS and PARAMETERS of app/glossary.py"
    fields = {(name, field) for name, schema in schemas.items() for field in schema.get("properties", {})}
    known = {field for _, field in fields} | {f"{field} of {name}" for name, field in fields}
    assert known >= FIELDS.keys(), "the glossary explains what there is"


@pytest.mark.parametrize("name", ["Lab", "LabCreate", "LabUpdate", "NewLab"])
def test_what_the_json_of_a_lab_holds_is_said(document: Document, name: str) -> None:
    fields = document["components"]["schemas"][name]["properties"]
    for field, says in {"config": "GenerationConfig", "user_state": "`code`", "generated_content": "`type`"}.items():
        assert says in fields[field]["description"], field
    assert "count" in document["components"]["schemas"]["GenerationConfig"]["properties"]


def test_what_refuses_a_body_that_is_no_json_takes_one(document: Document) -> None:
    for _, operation in operations(document):
        takes_json = "application/json" in operation.get("requestBody", {}).get("content", {})
        assert ("unsupported_media_type" in codes(document, operation)) == takes_json, operation["operationId"]


def test_what_refuses_a_cursor_takes_one(document: Document) -> None:
    for _, operation in operations(document):
        takes_one = "cursor" in {part["name"] for part in operation.get("parameters", [])}
        assert ("invalid_cursor" in codes(document, operation)) == takes_one, operation["operationId"]


def test_every_body_has_examples_that_are_accepted(document: Document) -> None:
    inputs = models(Input)
    bodies = [operation["requestBody"] for _, operation in operations(document) if "requestBody" in operation]
    assert bodies
    for body in bodies:
        if "application/pdf" in body["content"]:  # a file
            continue
        schema = body["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        assert resolve(document, schema)["examples"], name
        for example in resolve(document, schema)["examples"]:
            assert example, "FastAPI drops nulls from examples"
            assert inputs[name].model_validate(example).model_dump(mode="json") == example


def with_nulls(document: Document, schema: Document, value: Any) -> Any:
    """The example as it is answered: FastAPI drops nulls from examples."""
    schema = resolve(document, schema)
    if "discriminator" in schema:
        schema = resolve(document, {"$ref": schema["discriminator"]["mapping"][value["type"]]})
    if "items" in schema:
        return [with_nulls(document, schema["items"], item) for item in value]
    if "properties" in schema:
        fields = schema["properties"]
        whole = {name: with_nulls(document, fields[name], part) for name, part in value.items()}
        return dict.fromkeys(schema["required"]) | whole
    return value


def test_every_answer_has_an_example_as_it_is_answered(document: Document) -> None:
    contents = [
        content["schema"]
        for _, operation in operations(document)
        for status, response in operation["responses"].items()
        if status < "300"
        for name, content in response.get("content", {}).items()
        if name == "application/json"
    ]
    streams = [{"$ref": f"#/components/schemas/{name}"} for name in ("AnswerPart", "GenerationPart")]
    names = {schema.get("items", schema)["$ref"].rpartition("/")[2] for schema in contents + streams}
    assert names > {"Workspace", "Source", "Lab", "Canvas", "Chapter", "FilePage", "FoundPage", "AnswerPart"}
    for name in names:
        schema = document["components"]["schemas"][name]
        assert schema.get("examples"), name
        for example in schema["examples"]:
            whole = with_nulls(document, schema, example)
            dumped = models(BaseModel)[name].model_validate(whole).model_dump(mode="json", by_alias=True)
            assert dumped == whole, name


def test_the_example_of_a_source_names_a_file_of_its_own_workspace(document: Document) -> None:
    for name in ("Source", "SourceCreate"):
        for example in document["components"]["schemas"][name]["examples"]:
            if path := example.get("storage_path"):
                assert is_place(path, example["workspace_id"]), name


def test_every_error_is_documented_as_a_problem(document: Document) -> None:
    for path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            content = resolve(document, response)["content"]
            assert list(content) == [MEDIA_TYPE]
            assert alternatives(content[MEDIA_TYPE]["schema"]).keys() == content[MEDIA_TYPE]["examples"].keys()
            for code, example in content[MEDIA_TYPE]["examples"].items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, int(status))
                assert f"`{code}`" in resolve(document, response)["description"]
        for code, status in codes(document, operation).items():
            assert CODES[code] == status
        if path.startswith("/v1"):
            assert codes(document, operation).keys() >= {
                "malformed_request",
                "unauthenticated",
                "invalid_request",
                "too_many_requests",
                "internal_error",
                "connection_lost",
                "supabase_unavailable",
                "deadline_exceeded",
            }


def test_each_problem_has_its_own_schema_which_real_documents_fit(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert alternatives(schemas["Problem"]).keys() == CODES.keys()
    for kind in ProblemError.kinds():
        schema = schemas[kind.component()]
        written = kind().document("/v1/sources", "the-one")
        assert written.keys() == set(schema["required"])
        if kind.names_existing:
            real = kind(existing=EXISTING, errors=[{"loc": [], "msg": "", "type": "", "existing": EXISTING}])
            written = real.document("/v1/sources", "the-one")
            assert written["errors"][0].keys() == schemas["FieldError"]["properties"].keys()
        assert written.keys() == schema["properties"].keys()
        assert schema["properties"]["code"]["const"] == kind.code
        assert schema["properties"]["status"]["const"] == kind.status
        assert ("errors" in schema["properties"]) == (kind.status == 422 or kind.names_existing)


def test_names_of_components_are_words(document: Document) -> None:
    for part in document["components"].values():
        assert all(re.fullmatch("[A-Za-z]+", name) for name in part)


def test_no_comment_of_a_type_speaks_of_internals(document: Document) -> None:
    def descriptions(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("description"), str):
                yield part["description"]
            for value in part.values():
                yield from descriptions(value)
        elif isinstance(part, list):
            for value in part:
                yield from descriptions(value)

    internals = re.compile(r"database|postgre|pydantic|validat|upstream|middleware|handler", re.I)
    for comment in descriptions(document["components"]["schemas"] | {"paths": document["paths"]}):
        assert not internals.search(comment), comment


def test_who_listens_to_a_turn_takes_no_place_from_short_requests(app: FastAPI, document: Document) -> None:
    lanes: Any = app.user_middleware[-1].kwargs["lanes"]
    streams = {
        lanes.find(method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
    }
    assert len(streams) == 1
    assert lanes.ordinary not in streams


def test_every_refusal_is_documented_where_it_is_made(document: Document) -> None:
    special = set().union(*REFUSALS.values())
    made = {
        operation["operationId"]: special & codes(document, operation).keys() for _, operation in operations(document)
    }
    assert {name: found for name, found in made.items() if found} == REFUSALS, (
        "add to REFUSALS above what the route refuses, and to its `responses` what is in REFUSALS"
    )


def test_what_creates_documents_the_repetition_and_where_the_row_is(document: Document) -> None:
    for path, operation in operations(document):
        if operation["operationId"].startswith("create_"):
            for status in ("200", "201"):
                headers = operation["responses"][status]["headers"]
                versioned = path.removeprefix("/v1/") in {"workspaces", "sources", "labs"}
                assert headers.keys() == ({"Location", "ETag"} if versioned else {"Location"})


def test_every_problem_is_on_the_page_of_problems(anonymous: TestClient, document: Document) -> None:
    page = anonymous.get("/problems")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    explained = set(re.findall(r'id="(\w+)"', page.text))
    assert explained == CODES.keys()
    for _, operation in operations(document):
        for response in operation["responses"].values():
            for example in (
                resolve(document, response).get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).values()
            ):
                address, _, anchor = example["value"]["type"].partition("#")
                assert address == "/problems"
                assert anchor in explained


@pytest.mark.parametrize(
    ("operation_id", "types"),
    [
        (
            "send_chat_message",
            "start text-start text-delta text-end source-document message-metadata error finish",
        ),
        ("resume_generation", "start data-progress message-metadata error finish"),
    ],
)
def test_the_parts_of_streams_are_described(document: Document, operation_id: str, types: str) -> None:
    operation = next(each for _, each in operations(document) if each["operationId"] == operation_id)
    event = operation["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]
    part = resolve(document, event["properties"]["data"]["contentSchema"])
    assert list(part["discriminator"]["mapping"]) == sorted(types.split())
    for kind, reference in part["discriminator"]["mapping"].items():
        schema = resolve(document, {"$ref": reference})
        assert schema["properties"]["type"]["const"] == kind
        assert schema["description"].endswith(".")
        assert "type" in schema["required"]
