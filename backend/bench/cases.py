"""What is asked of each arrangement: the same rows, by the gateway's API or by the data API's."""

from dataclasses import dataclass
from typing import Literal, TypedDict
from uuid import UUID, uuid4

from app.models.edge import Edge
from app.models.lab import CanvasLab
from app.models.source import Source
from app.models.types import Row
from app.models.workspace import Workspace
from tests.tokens import mint

Case = Literal["one", "list1", "list100", "create", "canvas", "canvas5000"]

CASES: tuple[Case, ...] = ("one", "list1", "list100", "create", "canvas")
"""Those that every arrangement is asked, at every level."""

DATA_API_ROWS = 1000
"""The data API's `max_rows`: whoever wants more asks for the next page."""
NODES: dict[Case, int] = {"canvas": 200, "canvas5000": 5000}
EDGES: dict[Case, int] = {"canvas": 200, "canvas5000": 10_000}


class Request(TypedDict, total=False):
    """A request in the load generator's form."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class User:
    """Somebody with a token, and the first of their workspaces."""

    id: UUID
    workspace_id: UUID
    token: str

    @classmethod
    def new(cls, jwt_secret: str) -> "User":
        """A user whom the database does not know yet."""
        user_id = uuid4()
        # Longer than any run: a verified token is looked at again after five minutes, as in production.
        return cls(user_id, uuid4(), mint(str(user_id), secret=jwt_secret, exp=4_000_000_000))


def to_gateway(case: Case, user: User) -> Request:
    """The request to the gateway, or to what stands in its place."""
    headers = {"Authorization": f"Bearer {user.token}"}
    one = f"/v1/workspaces/{user.workspace_id}"
    match case:
        case "one":
            return {"method": "GET", "path": one, "headers": headers}
        case "list1":
            return {"method": "GET", "path": "/v1/workspaces", "headers": headers}
        case "list100":
            return {"method": "GET", "path": "/v1/workspaces?limit=100", "headers": headers}
        case "create":
            headers["Content-Type"] = "application/json"
            return {"method": "POST", "path": "/v1/workspaces", "headers": headers, "body": '{"name":"Linear algebra"}'}
        case "canvas" | "canvas5000":
            return {"method": "GET", "path": f"{one}/canvas", "headers": headers}


def to_data_api(case: Case, user: User, publishable_key: str) -> Request:
    """What the gateway asks of the data API for it."""
    headers = _headers(user, publishable_key)
    columns = _columns(Workspace)
    row = headers | {"Accept": "application/vnd.pgrst.object+json"}
    page = f"/rest/v1/workspaces?select={columns}&owner_id=eq.{user.id}&order=updated_at.desc,id.desc&limit="
    match case:
        case "one":
            path = f"/rest/v1/workspaces?select={columns}&id=eq.{user.workspace_id}"
            return {"method": "GET", "path": path, "headers": row}
        case "list1":
            return {"method": "GET", "path": f"{page}51", "headers": headers}
        case "list100":
            return {"method": "GET", "path": f"{page}101", "headers": headers}
        case "create":
            row |= {"Content-Type": "application/json", "Prefer": "return=representation"}
            path = f"/rest/v1/workspaces?select={columns}"
            return {"method": "POST", "path": path, "headers": row, "body": '{"name":"Linear algebra"}'}
        case "canvas" | "canvas5000":
            path = f"/rest/v1/rpc/canvas?workspace_id={user.workspace_id}"
            return {"method": "GET", "path": path, "headers": headers}


def canvas_by_tables(case: Case, user: User, publishable_key: str) -> list[Request]:
    """What a front end without the gateway asks for a canvas: workspace, sources, labs and edges, by pages."""
    headers = _headers(user, publishable_key)
    tables: list[tuple[str, type[Row], int]] = [
        ("sources", Source, NODES[case] // 2),
        ("labs", CanvasLab, NODES[case] // 2),
        ("edges", Edge, EDGES[case]),
    ]
    pages: list[Request] = [
        {
            "method": "GET",
            "path": f"/rest/v1/{table}?select={_columns(row)}&workspace_id=eq.{user.workspace_id}"
            f"&order=created_at,id&limit={DATA_API_ROWS}&offset={offset}",
            "headers": headers,
        }
        for table, row, rows in tables
        for offset in range(0, rows, DATA_API_ROWS)
    ]
    return [to_data_api("one", user, publishable_key), *pages]


def _headers(user: User, publishable_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {user.token}", "apikey": publishable_key}


def _columns(row: type[Row]) -> str:
    return ",".join(row.model_fields)
