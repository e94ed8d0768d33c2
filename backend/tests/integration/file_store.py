"""PostgreSQL and PostgREST with a file store: lite's, over that database."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dev import http_calls
from dev.embedded import LITE, lite_environment
from dev.postgres import PostgresStack, postgres_stack
from dev.processes import Supervisor, free_port

PATH = "/storage/v1/"
"""Where a Supabase has its file store."""
CONFIG = """
[api]
port = "env(SUPABASE_PORT)"
[db]
driver = "postgres"
url = "postgres:///postgres"
[db.seed]
enabled = false
[auth]
enabled = false
jwt_secret = "env(SUPABASE_JWT_SECRET)"
publishable_key = "env(SUPABASE_PUBLISHABLE_KEY)"
[storage]
enabled = true
file_size_limit = "50MiB"
"""
# As on Supabase, the file store has a role of its own, which owns its tables and may become its callers. lite grants
# everybody everything on all other tables too, as far as its role may: who may only read them is warned, not refused.
ROLE = """
create role storage_admin login;
grant anon, authenticated, service_role, pg_read_all_data to storage_admin;
grant create on database postgres to storage_admin;
alter schema storage owner to storage_admin;
alter table storage.buckets owner to storage_admin;
alter table storage.objects owner to storage_admin;
"""


@contextlib.contextmanager
def stored_stack(folder: Path, **options: Any) -> Iterator[PostgresStack]:
    """As `postgres_stack`, with a file store whose files and log are in `folder`."""
    port = free_port()
    with postgres_stack(folder, routes={PATH: f"127.0.0.1:{port}"}, **options) as stack, Supervisor() as supervisor:
        _start(supervisor, folder, stack, port)
        yield stack


def _start(supervisor: Supervisor, folder: Path, stack: PostgresStack, port: int) -> None:
    stack.sql(ROLE)
    (folder / "supabase").mkdir()
    (folder / "supabase/lite.toml").write_text(CONFIG)
    supervisor.start(
        "the file store",
        [*LITE, "start", "--no-admin", "--host", "127.0.0.1", "--config", "supabase/lite.toml"],
        env=lite_environment(port, stack.jwt_secret, stack.publishable_key)
        | {"PGHOST": stack.dsn.partition("host=")[2], "PGUSER": "storage_admin"},
        cwd=folder,
        output=folder / "file_store.log",
    )
    supervisor.wait_until(lambda: http_calls.is_ok(f"http://127.0.0.1:{port}{PATH}status"), "the file store")
