"""What the benchmark runs on: PostgreSQL with PostgREST and its front, a static upstream, and each arrangement."""

import contextlib
import http.client
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bench.cases import EDGES, NODES, Case, Request, User, to_data_api
from dev import http_calls
from dev.postgres import PostgresStack, postgres_stack
from dev.processes import Child, StartError, Supervisor, free_port

BACKEND = Path(__file__).parents[1]
Arrangement = Literal["direct", "bare", "gateway", "quiet", "idiom", "sqlalchemy", "floor"]
Upstream = Literal["static", "real"]

APPS: dict[Arrangement, str] = {
    "bare": "bench.bare:app",
    "gateway": "app.main:app",
    "quiet": "app.main:app",
    "idiom": "bench.idiom:app",
    "sqlalchemy": "bench.sql:app",
    "floor": "bench.floor:app",
}
DATA_API: frozenset[Arrangement] = frozenset({"direct", "floor"})
"""The arrangements that are asked in the data API's own words."""

USERS = 8
# Creating adds rows, so whoever creates does nothing else.
WORKSPACES: dict[Case, int] = {"one": 1, "list1": 1, "list100": 100, "create": 0, "canvas": 1, "canvas5000": 1}


@dataclass(frozen=True, order=True)
class ServerKey:
    """An arrangement over an upstream, with so many workers."""

    arrangement: Arrangement
    upstream: Upstream
    workers: int = 1


@dataclass
class Stage:
    """Everything that is running."""

    stack: PostgresStack
    supervisor: Supervisor
    folder: Path
    users: dict[Case, list[User]]
    upstreams: dict[Upstream, str]
    servers: dict[ServerKey, tuple[str, Child | None]] = field(default_factory=dict)
    postgrest_version: str = ""

    def start(self, keys: Iterable[ServerKey]) -> None:
        """Start these servers and wait until they answer."""
        for key in sorted(set(keys) - set(self.servers)):
            if key.arrangement == "direct":
                self.servers[key] = self.upstreams[key.upstream], None
            else:
                self.servers[key] = self.launch(key)
        for key, (url, child) in self.servers.items():
            if child:
                self.supervisor.wait_until(lambda url=url: answers(url), f"{key.arrangement} at {url}")  # type: ignore[misc]

    def launch(self, key: ServerKey) -> tuple[str, Child]:
        """Start a server as the container image does; its address, and its process."""
        port = free_port()
        name = f"{key.arrangement}-{key.upstream}-{port}"
        counts = self.folder / name
        counts.mkdir()
        seen = {"LOG_LEVEL": "INFO", "METRICS_PORT": str(free_port()), "PROMETHEUS_MULTIPROC_DIR": str(counts)}
        unseen = {"LOG_LEVEL": "WARNING"}
        child = self.supervisor.start(
            name,
            [
                *(sys.executable, "-m", "uvicorn", APPS[key.arrangement], "--port", str(port)),
                *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "2"),
                *("--workers", str(key.workers)),
            ],
            env={
                "ENVIRONMENT": "production",
                "SUPABASE_URL": self.upstreams[key.upstream],
                "SUPABASE_PUBLISHABLE_KEY": self.stack.publishable_key,
                "SUPABASE_JWT_SECRET": self.stack.jwt_secret,
                "ALLOW_SHARED_JWT_SECRET": "true",
                "BENCH_DSN": self.stack.dsn.replace("postgresql://postgres@", "postgresql+asyncpg://authenticator@"),
                **(unseen if key.arrangement == "quiet" else seen),
            },
            cwd=BACKEND,
            output=self.folder / f"{name}.log",
        )
        return f"http://127.0.0.1:{port}", child


def answers(url: str) -> bool:
    """Whether the server's `/health` answers."""
    return http_calls.status("GET", f"{url}/health", {}) == 200


@contextlib.contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Both upstreams, with users and their rows; servers are started when they are asked for."""
    with postgres_stack(folder) as stack, Supervisor() as supervisor:
        users: dict[Case, list[User]] = {}
        calls = []
        for case, workspaces in WORKSPACES.items():
            users[case] = [User.new(stack.jwt_secret) for _ in range(1 if case == "canvas5000" else USERS)]
            calls += [
                f"select pg_temp.add_user('{user.id}', '{user.workspace_id}', {workspaces}, "
                f"{NODES.get(case, 0)}, {EDGES.get(case, 0)});"
                for user in users[case]
            ]
        stack.sql(Path(__file__).with_name("seed.sql").read_text() + "\n".join(calls))
        stack.sql("analyze")
        stage = Stage(stack, supervisor, folder, users, {"real": stack.url})
        stage.upstreams["static"] = static_upstream(supervisor, folder, _record(stage))
        yield stage


# What tells the requests apart, in the order in which it is looked for.
NEEDLES: dict[Case, str] = {
    "canvas": "/rpc/canvas",
    "list100": "limit=101",
    "list1": "limit=51",
    "create": "POST ",
    "one": "id=eq.",
}


def _record(stage: Stage) -> str:
    """What PostgREST answers to each kind of request, for the static upstream."""
    recorded = [("GET /health", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull")]
    for case, needle in NEEDLES.items():
        request = to_data_api(case, stage.users[case][0], stage.stack.publishable_key)
        answer, stage.postgrest_version = _on_the_wire(stage.stack.url, request)
        recorded.append((needle, answer))
    return json.dumps(recorded)


def _on_the_wire(url: str, request: Request) -> tuple[str, str]:
    """PostgREST's answer as it goes over the wire, and what PostgREST calls itself."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    with contextlib.closing(connection):
        connection.request(request["method"], request["path"], request.get("body"), request["headers"])
        response = connection.getresponse()
        body = response.read().decode()
    if response.status > 299:
        raise StartError(f"PostgREST answers {response.status} {body}")
    fields = [f"{name}: {value}\r\n" for name, value in response.getheaders()]
    if response.getheader("Transfer-Encoding"):
        body = f"{len(body.encode()):x}\r\n{body}\r\n0\r\n\r\n"
    server = response.getheader("Server") or "PostgREST"
    return f"HTTP/1.1 {response.status} {response.reason}\r\n{''.join(fields)}\r\n{body}", server


def static_upstream(supervisor: Supervisor, folder: Path, recorded: str) -> str:
    """Start an upstream that repeats what was recorded; its address."""
    file = folder / "answers.json"
    file.write_text(recorded)
    port = free_port()
    supervisor.start(
        "the static upstream",
        [sys.executable, "-m", "bench.static", str(port), file],
        env={},
        cwd=BACKEND,
        output=folder / "static.log",
    )
    return f"http://127.0.0.1:{port}"
