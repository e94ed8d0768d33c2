"""The page makes the whole journey in a real browser, over the embedded stack. `make test-page` shows each step."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dev import http_calls
from dev.processes import Supervisor, base_environment, free_port
from dev.runner import CodeRunner
from tests.integration.conftest import BACKEND, Backend, BackendName, start_gateway
from tests.integration.model_stage import open_model
from tests.integration.node_packages import install

PAGE = BACKEND / "page"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(BROWSERS)} is on PATH")


def run(*command: str | Path, env: Mapping[str, str] | None = None, seconds: float = 180) -> None:
    """Run it to its end. What it says is shown when the test fails, or at once by `pytest -s`."""
    done = subprocess.run(command, cwd=PAGE, env={**base_environment(), **(env or {})}, timeout=seconds)
    assert done.returncode == 0, command


@pytest.fixture(scope="module")
def types() -> None:
    """What the page is made of, and the API's types."""
    install(PAGE)
    run("npm", "run", "--silent", "types")


@pytest.fixture
def addresses(
    tmp_path: Path, types: None, service: CodeRunner, open_backend: Callable[[BackendName], Backend]
) -> Iterator[dict[str, str]]:
    """Where a page, built as for production, and what it needs are served: a gateway with a model by script too."""
    backend = open_backend("embedded")
    page = f"http://127.0.0.1:{free_port()}"
    with Supervisor() as supervisor, open_model(tmp_path) as model:
        log = tmp_path / "servers.log"
        api = start_gateway(
            supervisor,
            tmp_path,
            backend.stack,
            CORS_ORIGINS=page,
            AI_BASE_URL=f"{model}/v1",
            AI_API_KEY="key",
            AI_MODEL="labs-500-held",  # slow enough for an answer to be stopped; one step waits for the journey
            # The machine may be busy with other tests, and a browser is heavy.
            AI_CONNECT_TIMEOUT="30",
            AI_TOKEN_TIMEOUT="60",
            RUN_TIMEOUT="60",
            REQUEST_TIMEOUT="60",
        )
        built = tmp_path / "page"
        settings = {
            "API_URL": api,
            "SUPABASE_URL": backend.supabase_url,
            "SUPABASE_PUBLISHABLE_KEY": backend.publishable_key,
            "PAGE_PORT": page.rpartition(":")[2],
        }
        vite = PAGE / "node_modules/vite/bin/vite.js"
        run("node", vite, "build", "--emptyOutDir", "--outDir", built, env=settings)
        command = ["node", str(vite), "preview", "--outDir", str(built)]
        supervisor.start("the page", command, env=settings, cwd=PAGE, output=log)
        supervisor.wait_until(lambda: http_calls.is_ok(page), f"the page at {page}")
        yield {
            "PAGE_URL": page,
            "API_URL": api,
            "SUPABASE_URL": backend.supabase_url,
            "MODEL_URL": model,
        }


def test_the_page_is_sound_under_strict_types(types: None) -> None:
    run("node", "node_modules/typescript/bin/tsc")


@pytest.mark.parametrize("browser", [*BROWSERS, "firefox"])
def test_make_finds_any_of_the_browsers(browser: str, tmp_path: Path) -> None:
    (tmp_path / "backend/dev").mkdir(parents=True)
    (tmp_path / "backend/dev/install.py").touch()
    for program in (tmp_path / browser, tmp_path / ".venv/bin/python"):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to(str(shutil.which("true")))
    shutil.copy(BACKEND.parent / "Makefile", tmp_path)
    command = [str(shutil.which("make")), "test-page", f"PYTHON={sys.executable}"]
    made = subprocess.run(command, cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (made.returncode == 0, "Chromium is missing" in made.stderr) == (browser in BROWSERS, browser == "firefox")


@needs_chromium
def test_a_learner_makes_the_whole_journey(addresses: dict[str, str]) -> None:
    shots = {"SHOTS": os.environ["SHOTS"]} if "SHOTS" in os.environ else {}
    env = {**addresses, **shots, "CHROMIUM": str(CHROMIUM), "PDF": str(BACKEND / "dev/sample.pdf")}
    run("node", "--test", "--test-reporter", "spec", "journey.test.mjs", env=env, seconds=600)
