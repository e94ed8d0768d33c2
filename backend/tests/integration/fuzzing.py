"""What the fuzzer is told beyond the API's own description. Schemathesis loads it as its hooks."""

from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis import Case, HookContext, Response
from schemathesis.openapi.checks import RejectedPositiveData

# Refusals that depend on the rows that are there, or on rules that JSON Schema has no words for. Every other refusal of
# a request that the description allows is a failure.
BY_ROWS = {"invalid_cursor", "stale_version", "unknown_edge", "unknown_node", "unknown_source"}
BY_RULES = {"content_shape", "duplicate_id", "duplicate_node", "empty_file", "expiry", "other_workspace"} | {
    "same_node",
    "storage_path",
    "too_many_changes",
    *(f"json_{fault}" for fault in ("depth", "number", "text", "too_large")),
}


@schemathesis.hook
def filter_failure(context: HookContext, failure: Exception, case: Case[Any], response: Response) -> bool:
    """Whether it is a failure."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    rules = {error["type"] for error in problem.get("errors", ())}
    return problem["code"] not in BY_ROWS and not (rules and rules <= BY_RULES)


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Add what the fuzzer cannot find by itself."""
    _link_to_an_edge(raw_schema["paths"])
    for operation in (operation for path in raw_schema["paths"].values() for operation in path.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "If-Match":
                _generate_by_pattern(parameter["schema"])


def _link_to_an_edge(paths: dict[str, Any]) -> None:
    """Lead from a source to a lab made of it, and on to an edge between them: the links that the fuzzer guesses never
    bring two rows of the same workspace together."""
    row = "$response.body#/"
    workspace = {"workspace_id": f"{row}workspace_id"}
    for path, target, body in (
        ("/v1/sources", "create_lab", {"source_id": f"{row}id"}),
        ("/v1/labs", "create_edge", {"source_node_id": f"{row}source_id", "target_node_id": f"{row}id"}),
    ):
        link = {"operationId": target, "requestBody": workspace | body, "x-schemathesis": {"merge_body": True}}
        paths[path]["post"]["responses"]["201"]["links"] = {target: link}


def _generate_by_pattern(schema: dict[str, Any]) -> None:
    """Make the fuzzer generate a header's text itself: by a pattern, Schemathesis 4.32 takes `0` for a valid one."""
    any_tags = strategies.from_regex(schema.pop("pattern"), fullmatch=True)
    schemathesis.openapi.format("entity-tags", strategies.sampled_from(["*", '"1"', '"2"']) | any_tags)
    schema["format"] = "entity-tags"
