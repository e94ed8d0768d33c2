"""What the benchmark runs on: PostgreSQL with PostgREST, users and their rows, a static upstream, the arrangements."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import jwt

from app.models.edge import Edge
from app.models.lab import CanvasLab
from app.models.source import Source
from app.models.types import Row
from app.models.workspace import Workspace
from dev import BACKEND, http_calls
from dev.front import start_front
from dev.postgres import PostgresStack, postgres_stack
from dev.processes import Child, Supervisor, free_port

Upstream = Literal["static", "real"]
Arrangement = Literal["gateway", "bare", "idiom"]
APPS: dict[Arrangement, str] = {"gateway": "app.main:app", "bare": "bench.bare:app", "idiom": "bench.idiom:app"}
# Eight users each, by what is asked of their rows: so many workspaces, nodes and edges. Creating adds rows, so whoever
# creates does nothing else.
USERS = {"one": (1, 0, 0), "list": (100, 0, 0), "create": (0, 0, 0), "canvas": (1, 200, 200)}
# An upstream of constant cost: repeats what the real one answered to the first request of each kind. Requests of a kind
# have the same method and address, but for the UUID in it.
STATIC = r"""
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 1h; keepalive_requests 1000000000; output_buffers 2 256k;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  proxy_cache_path cache keys_zone=answers:1m inactive=1d;
  proxy_cache answers; proxy_cache_methods GET POST; proxy_cache_valid any 1d; proxy_cache_key $request_method$kind;
  proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
  map $request_uri $kind {{ default $request_uri; "~^(?<before>.*=eq\.)[0-9a-f-]{{36}}(?<after>.*)$" $before$after; }}
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    {locations}
  }}
}}
"""


@dataclass(frozen=True)
class User:
    """Somebody with a token, and the first of their workspaces. Its methods are requests as they go over the wire."""

    id: str
    workspace_id: str
    headers: str

    def gateway(self, path: str) -> bytes:
        """To the gateway, or to what is in its place."""
        return f"GET /v1/workspaces{path} HTTP/1.1\r\n{self.headers}\r\n".encode()

    def create(self) -> bytes:
        """A new workspace, from the gateway."""
        body = '{"name":"Linear algebra"}'
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"POST /v1/workspaces HTTP/1.1\r\n{self.headers}{kind}\r\n{body}".encode()

    def direct(self, path: str) -> bytes:
        """To the data API."""
        return f"GET /rest/v1/{path} HTTP/1.1\r\n{self.headers}\r\n".encode()

    def row(self) -> bytes:
        """The workspace, from the data API."""
        return self.direct(f"my_workspaces?select={_columns(Workspace)}&id=eq.{self.workspace_id}")

    def tables(self) -> list[bytes]:
        """The canvas as a front end loads it without the gateway: workspace, sources, labs and edges."""
        tables: dict[str, type[Row]] = {"sources": Source, "labs": CanvasLab, "edges": Edge}
        page = f"&workspace_id=eq.{self.workspace_id}&order=created_at,id&limit=1000"
        paths = (f"{table}?select={_columns(row)}{page}" for table, row in tables.items())
        return [self.row(), *map(self.direct, paths)]


def _columns(row: type[Row]) -> str:
    return ",".join(row.model_fields)


@dataclass(frozen=True)
class Server:
    """One worker of an arrangement, or whatever else answers at the address."""

    url: str
    child: Child | None = None

    def cpu_seconds(self) -> float:
        """CPU time so far, in user and kernel mode."""
        return (self._stat(14) + self._stat(15)) / os.sysconf("SC_CLK_TCK") if self.child else 0

    def rss_mib(self) -> float:
        """Resident memory."""
        return self._stat(24) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _stat(self, field: int) -> int:
        """By its number in proc(5)."""
        assert self.child
        return int(Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()[field - 3])


@dataclass
class Stage:
    """Everything that is running."""

    stack: PostgresStack
    supervisor: Supervisor
    folder: Path
    upstreams: dict[Upstream, str]
    users: dict[str, list[User]]

    def server(self, arrangement: Arrangement, upstream: Upstream) -> Server:
        """Start a server as the container image does: JSON log lines, metrics on. Returns once it answers."""
        port = free_port()
        name = f"{arrangement}-{upstream}-{port}"
        counts = self.folder / name
        counts.mkdir()
        child = self.supervisor.start(
            name,
            [
                *(sys.executable, "-m", "uvicorn", APPS[arrangement], "--port", str(port)),
                *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "2"),
            ],
            env={
                "ENVIRONMENT": "production",
                "SUPABASE_URL": self.upstreams[upstream],
                "SUPABASE_PUBLISHABLE_KEY": self.stack.publishable_key,
                "SUPABASE_JWT_SECRET": self.stack.jwt_secret,
                "ALLOW_SHARED_JWT_SECRET": "true",
                "METRICS_PORT": str(free_port()),
                "PROMETHEUS_MULTIPROC_DIR": str(counts),
            },
            cwd=BACKEND,
            output=self.folder / f"{name}.log",
        )
        url = f"http://127.0.0.1:{port}"
        self.supervisor.wait_until(lambda: http_calls.is_ok(f"{url}/health"), f"{name} at {url}")
        return Server(url, child)


@contextlib.contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Both upstreams, with users and their rows."""
    with postgres_stack(folder) as stack, Supervisor() as supervisor:
        folder.chmod(0o755)  # nginx's workers are nobody's when root starts it
        routes = {"/rest/v1/": urlsplit(stack.url).netloc}
        static = start_front(supervisor, folder, routes, {}, folder / "static.log", STATIC)
        users = {kind: [_new_user(stack) for _ in range(8)] for kind in USERS}
        script = Path(__file__).with_name("seed.sql").read_text()
        for kind, rows in USERS.items():
            for user in users[kind]:
                script += f"select pg_temp.add_user('{user.id}', '{user.workspace_id}', {', '.join(map(str, rows))});\n"
        stack.sql(script)
        stack.sql("analyze")
        yield Stage(stack, supervisor, folder, {"real": stack.url, "static": static}, users)


def _new_user(stack: PostgresStack) -> User:
    user_id = str(uuid4())
    # Longer than any run: a verified token is looked at again after five minutes, as in production.
    claims = {"sub": user_id, "aud": "authenticated", "role": "authenticated", "iat": 0, "exp": 4_000_000_000}
    token = jwt.encode(claims, stack.jwt_secret, algorithm="HS256")
    headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\napikey: {stack.publishable_key}\r\n"
    return User(user_id, str(uuid4()), headers)
