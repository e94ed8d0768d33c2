"""Files as large as they may be, and larger: whole, in little memory, and through a proxy in front of the gateway."""

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dev.front import start_front
from dev.processes import Child, Supervisor
from tests.integration.conftest import BACKEND, Backend, User, problem
from tests.integration.test_file_faults import LINE, is_as_it_was, is_sent_again, own_gateway
from tests.integration.test_files import TEXT, put, source, store
from tests.processes import Memory

__all__ = ["own_gateway", "source", "store"]

PROXY = """
daemon off; pid nginx.pid; error_log stderr warn; events {{}}
http {{
  access_log off; client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp;
  scgi_temp_path temp;
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    LINES
    {locations}
  }}
}}
"""


def test_a_file_of_49_mib_passes_through_and_a_download_that_breaks_off_goes_on(
    backend: Backend, own_gateway: tuple[Child, str], owner: User, source: dict[str, Any]
) -> None:
    child, url = own_gateway
    path, size = f"/sources/{source['id']}/file", 49 << 20
    block = bytes(range(32, 127)) * 11037  # 1 MiB less some bytes, so that no two blocks begin alike
    content = (block * 50)[:size]
    with replace(backend, url=url).gateway(owner) as mine:
        put(mine, source, b"a small one first", TEXT)
        mine.get(path)
        memory = Memory(child.pid)
        row = put(mine, source, content, TEXT)
        assert (row["file_bytes"], row["failure"]) == (size, "too_long")
        with mine.stream("GET", path) as answer:
            pieces = answer.iter_raw()
            begun = b"".join(islice(pieces, 200))
        assert 0 < len(begun) < size
        with mine.stream("GET", path, headers={"Range": f"bytes={len(begun)}-"}) as answer:
            assert answer.status_code == 206
            assert begun + answer.read() == content
        growth = memory.growth()
        print(f"49 MiB: peak +{growth:.1f} MiB")  # noqa: T201
        assert growth < 10


def test_a_file_of_unannounced_length_that_is_too_long_is_refused_and_not_stored(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    row = put(api, source, b"the file before", TEXT)
    endless = (LINE * 4096 for _ in range((60 << 20) // (4096 * len(LINE))))
    problem(api.put(f"/sources/{source['id']}/file", content=endless, headers=TEXT), 413, "body_too_large")
    is_as_it_was(api, row, store, b"the file before")
    is_sent_again(api, row)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_large_files_pass_through_a_proxy_that_is_set_as_the_guide_says(
    backend: Backend, owner: User, source: dict[str, Any], tmp_path: Path
) -> None:
    (lines,) = re.findall(r"```nginx\n(.*?)```", (BACKEND / "deploy/README.md").read_text(), re.DOTALL)
    tmp_path.chmod(0o755)
    log = tmp_path / "nginx.log"
    with Supervisor() as supervisor:
        routes = {"/v1/": urlsplit(backend.url).netloc}
        url = start_front(supervisor, tmp_path, routes, {}, log, PROXY.replace("LINES", lines))
        with replace(backend, url=url).gateway(owner) as mine:
            path = f"/sources/{source['id']}/file"
            row = put(mine, source, LINE * ((49 << 20) // len(LINE)), TEXT)
            assert mine.get(path).content == LINE * (row["file_bytes"] // len(LINE))
            problem(mine.put(path, content=LINE * ((60 << 20) // len(LINE)), headers=TEXT), 413, "body_too_large")
    assert "buffered" not in log.read_text(), "it collects nothing"
