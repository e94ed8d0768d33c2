"""Every route under `/v1`, by the table of `route_table.py`: without a token, invalid, hidden, stale, valid."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.routes.exchange import NO_ROW, last_request, problem, raised
from tests.routes.route_table import FILES, ROUTES, STREAMED, Route

every_route = pytest.mark.parametrize("name", ROUTES)


def operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The method, path and description of each operation."""
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def documented(app: FastAPI, name: str) -> set[int]:
    """The statuses that OpenAPI promises for the operation."""
    (responses,) = (entry["responses"] for *_, entry in operations(app) if entry["operationId"] == name)
    return set(map(int, responses))


def test_no_route_is_missing_here(app: FastAPI) -> None:
    described = {
        operation["operationId"]: (method, path)
        for method, path, operation in operations(app)
        if path.startswith("/v1") and operation["operationId"] not in STREAMED
    }
    assert described.keys() - FILES == ROUTES.keys(), "name each route in ROUTES, FILES or STREAMED of route_table.py"
    for name, (method, path) in described.items():
        if name in FILES:
            continue
        route = ROUTES[name]
        parts = route.path.partition("?")[0].split("/")
        assert route.method == method
        assert [part for part in path.split("/") if "{" not in part] == [part for part in parts if len(part) < 36]


@every_route
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic dTpw"])
def test_without_a_valid_token_nothing_is_answered(
    anonymous: TestClient, upstream: respx.Router, app: FastAPI, name: str, header: str | None
) -> None:
    response = ROUTES[name].send(anonymous, headers={"Authorization": header} if header else {})
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert not upstream.calls
    assert 401 in documented(app, name)


@every_route
def test_an_invalid_request_is_refused_and_nothing_goes_up(
    client: TestClient, upstream: respx.Router, app: FastAPI, name: str
) -> None:
    route = ROUTES[name]
    if route.invalid_path:
        response = replace(route, path=route.invalid_path).send(client)
    else:
        response = replace(route, body=route.body | {"unknown": 1}).send(client)
    assert problem(response, 422, "invalid_request")["errors"]
    assert not upstream.calls
    assert 422 in documented(app, name)


WITHIN = {"list_lab_runs": "/rest/v1/labs", "list_invitations": "/rest/v1/my_workspaces"}
"""Lists of what belongs to a row, and where that row is."""


@pytest.mark.parametrize(("name", "parent"), WITHIN.items())
def test_what_belongs_to_something_hidden_is_not_found(
    client: TestClient, upstream: respx.Router, app: FastAPI, name: str, parent: str
) -> None:
    route = ROUTES[name]
    upstream.request(*route.upstream).respond(200, json=[])
    upstream.get(parent, name="parent").mock(return_value=NO_ROW)
    problem(route.send(client), 404, "not_found")
    assert 404 in documented(app, name)
    upstream["parent"].respond(200, json={"id": "any"})
    assert route.send(client).json() == []


@pytest.mark.parametrize(
    "name",
    [name for name, route in ROUTES.items() if route.hidden and name not in WITHIN],
)
def test_what_is_hidden_is_not_found(client: TestClient, upstream: respx.Router, app: FastAPI, name: str) -> None:
    route = ROUTES[name]
    if route.hidden is NO_ROW and name.startswith("list_"):
        upstream.request(*route.upstream).respond(200, json=[])
        response = route.send(client)
        assert (response.status_code, response.json()) == (200, [])
    else:
        upstream.request(*route.upstream).mock(return_value=route.hidden)
        upstream.get(route.upstream[1]).mock(return_value=NO_ROW)
        if not route.upstream[1].endswith("/my_workspaces"):  # where the role is that a viewer would have
            upstream.get("/rest/v1/my_workspaces").respond(200, json=[])
        if route.first:  # it may also go in between
            method, path, answer = route.first
            upstream.request(method, path).mock(side_effect=[httpx.Response(200, json=answer), NO_ROW])
            problem(route.send(client), 404, "not_found")
        problem(route.send(client), 404, "not_found")
        if route.stale:
            problem(route.send(client, headers={"If-Match": '"2"'}), 404, "not_found")
        assert 404 in documented(app, name)


def is_write(route: Route) -> bool:
    """Whether an editor may send it, and a viewer may not."""
    return route.method != "GET" and route.hidden is not None and not route.path.endswith(("/copy", "/accept"))


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if is_write(route)])
def test_what_a_viewer_writes_is_refused(client: TestClient, upstream: respx.Router, app: FastAPI, name: str) -> None:
    route = ROUTES[name]
    refused = raised(403, "read_only") if "/rpc/" in route.upstream[1] else route.hidden
    upstream.request(*route.upstream).mock(return_value=refused)
    if name == "update_workspace":
        upstream.get("/rest/v1/my_workspaces").respond(200, json=route.answer | {"role": "viewer"})
    else:
        upstream.get("/rest/v1/my_workspaces").respond(200, json=[{"role": "viewer"}])
        upstream.get(route.upstream[1]).respond(200, json=route.answer)
    if route.first:
        method, path, answer = route.first
        upstream.request(method, path).respond(200, json=answer)
    problem(route.send(client), 403, "read_only")
    assert len(upstream.calls) <= 2, "one further read names the refusal"
    assert 403 in documented(app, name)


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.stale])
def test_a_stale_version_is_refused(client: TestClient, upstream: respx.Router, app: FastAPI, name: str) -> None:
    route = ROUTES[name]
    upstream.request(*route.upstream).mock(return_value=route.stale)
    upstream.get(route.upstream[1]).respond(200, json=route.answer)
    problem(route.send(client, headers={"If-Match": '"2", "1"'}), 412, "stale_version")
    asked = upstream.calls[0].request
    if asked.method == "POST":
        assert json.loads(asked.content)["versions"] == [1, 2]
    else:
        assert asked.url.params["version"] == "in.(1,2)"
    assert 412 in documented(app, name)


def test_versioned_rows_are_the_ones_that_heed_if_match(app: FastAPI) -> None:
    heeding = {
        operation["operationId"]
        for *_, operation in operations(app)
        if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ()))
    }
    assert heeding == {name for name, route in ROUTES.items() if route.stale} | FILES - {"download_file"}


@every_route
def test_a_valid_request_takes_one_request_upstream_with_the_callers_token(
    client: TestClient, upstream: respx.Router, app: FastAPI, name: str
) -> None:
    route = ROUTES[name]
    upstream.request(*route.upstream).respond(200, json=route.answer)
    if route.first:
        upstream.request(*route.first[:2]).respond(200, json=route.first[2])
    response = route.send(client)
    assert response.status_code == route.status
    answer = None if route.status == 204 else route.makes(route.answer)
    assert answer is None or response.json() == answer
    assert len(upstream.calls) == (2 if route.first else 1)
    assert last_request(upstream).headers["authorization"] == client.headers["authorization"]
    assert response.headers["cache-control"] == "no-store"
    assert ("etag" in response.headers) == ("version" in (answer or ()))
    assert route.status in documented(app, name)
