"""`/docs` and `/redoc` in a real browser that reaches no other host."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import http_calls
from dev.processes import Supervisor, free_port
from tests.integration.conftest import BACKEND

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway without a Supabase, which these pages do not need."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
    log = tmp_path_factory.mktemp("docs") / "gateway.log"
    with Supervisor() as supervisor:
        supervisor.start("the gateway", command, env={}, cwd=BACKEND, output=log)
        supervisor.wait_until(lambda: http_calls.is_ok(f"{url}/health"), "the gateway")
        yield url


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_shows_the_api_and_the_console_is_empty(url: str, path: str, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    shown = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            f"--user-data-dir={tmp_path}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--enable-logging=stderr",
            "--virtual-time-budget=30000",
            "--dump-dom",
            url + path,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [line for line in shown.stderr.splitlines() if ":CONSOLE:" in line] == []
    assert "list_workspaces" in shown.stdout
