"""The image as Docker Compose runs it: what the container is given, what it may do, and how it ends."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from dev import http_calls
from dev.processes import StartError, free_port
from dev.up import find_compose
from tests.test_deploy import compose as services
from tests.test_deploy import environment

BACKEND = Path(__file__).parents[2]

# What is in an operator's environment and must not reach the gateway.
SECRETS = {"DATABASE_URL": "postgresql://secret", "SUPABASE_SECRET_KEY": "sb_secret_x", "AWS_SECRET_ACCESS_KEY": "x"}


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """The running container's name. Skips where no Docker engine answers."""
    try:
        compose = find_compose()
    except StartError as error:
        pytest.skip(str(error))
    # On the host's network, for builders that have no other.
    output("docker", "build", "--network", "host", "--tag", "aide-backend:test", str(BACKEND))
    project = [
        *compose,
        "--project-name",
        f"aide{uuid4().hex[:8]}",
        "--file",
        str(BACKEND.parent / "docker-compose.yml"),
    ]
    given = {
        "BACKEND_IMAGE": "aide-backend:test",
        "PORT": str(free_port()),
        "LOG_LEVEL": "WARNING",
        "ENVIRONMENT": "development",
    }
    env = {**os.environ, **SECRETS, **given}
    subprocess.run([*project, "up", "--detach", "--no-build"], check=True, env=env)
    try:
        name = subprocess.run(
            [*project, "ps", "--quiet", "backend"], check=True, env=env, capture_output=True, text=True
        )
        deadline = time.monotonic() + 60
        while not http_calls.is_ok(f"http://127.0.0.1:{given['PORT']}/health"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield name.stdout.strip()
    finally:
        subprocess.run([*project, "down"], check=True, env=env)


pytestmark = pytest.mark.soak  # builds an image


def test_the_container_knows_its_settings_and_no_other_secret(container: str) -> None:
    variables = dict(line.split("=", 1) for line in output("docker", "exec", container, "env").splitlines())
    assert variables["LOG_LEVEL"] == "WARNING"
    assert not variables.keys() & SECRETS.keys()
    assert not set(variables.values()) & set(SECRETS.values())
    inspected = json.loads(output("docker", "inspect", container))[0]["Config"]["Env"]
    assert environment(services("docker-compose.yml")["backend"]).keys() <= {
        line.partition("=")[0] for line in inspected
    }


def test_the_image_that_is_told_nothing_refuses_to_start(container: str) -> None:
    for told in ([], ["--env", "ENVIRONMENT="], ["--env", "ENVIRONMENT"]):
        ended = subprocess.run(
            ["docker", "run", "--rm", *told, "aide-backend:test"],
            env={name: value for name, value in os.environ.items() if name != "ENVIRONMENT"},
            capture_output=True,
            text=True,
        )
        assert ended.returncode != 0
        assert "SUPABASE_PUBLISHABLE_KEY must be set" in ended.stderr


def test_the_container_is_unprivileged_and_read_only(container: str) -> None:
    status = dict(
        line.split(":\t", 1) for line in output("docker", "exec", container, "cat", "/proc/1/status").splitlines()
    )
    assert status["Uid"].split() == ["10001"] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    script = "import pathlib; pathlib.Path('/aide/x').write_text('')"
    refused = subprocess.run(["docker", "exec", container, "python", "-c", script], capture_output=True, text=True)
    assert "Read-only file system" in refused.stderr


def test_the_image_holds_neither_pip_nor_tests(container: str) -> None:
    script = "import importlib.util as u, os; print(u.find_spec('pip'), u.find_spec('pytest'), os.listdir('/aide/app'))"
    found = output("docker", "exec", container, "python", "-c", script)
    assert found.startswith("None None ")
    assert "main.py" in found
    assert "tests" not in found


def test_the_container_ends_at_once_when_it_is_asked_to(container: str) -> None:
    output("docker", "stop", "--time", "10", container)
    state = json.loads(output("docker", "inspect", container))[0]["State"]
    assert state["ExitCode"] != 137, "it had to be killed"
