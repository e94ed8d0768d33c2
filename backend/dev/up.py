"""`make up`, `make down` and `make logs`: Supabase by its official CLI, and the gateway over it in a container."""

import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from dotenv import dotenv_values

from dev import ROOT, environment, http_calls
from dev.database import CLI, cli_environment, install_cli
from dev.processes import StartError, Supervisor, is_free

READY = """
AIDE is running in containers. `make down` stops it; the data stay.

  API              {api}
  Its docs         {api}/docs
  Supabase URL     {supabase}
  Publishable key  {publishable_key}
  Studio           {studio}
"""


def up() -> int:
    """The exit status: 0 when the gateway is ready, else 1."""
    try:
        compose = find_compose()
        settings = environment.read()
        port = environment.port(settings, "PORT", 8000)
        if not is_free(port) and not _output([*compose, "ps", "-q", "backend"]):
            raise StartError(f"port {port} is taken: choose another by setting PORT, in the environment or in .env")
        cli = install_cli()
        print("Starting Supabase: its images are fetched the first time, which takes minutes", flush=True)
        if _run([str(cli), "start", "--workdir", str(ROOT)]):
            raise StartError("`supabase start` failed: see above")
        status = read_status(_output([str(cli), "status", "-o", "env", "--workdir", str(ROOT)]))
        env = gateway_environment(status)
        print("Starting the gateway", flush=True)
        if _run([*compose, "up", "-d", "--build"], env=env):
            raise StartError("`docker compose up` failed: see above")
        api = f"http://127.0.0.1:{port}"
        with Supervisor() as supervisor:
            supervisor.wait_until(
                lambda: http_calls.is_ok(f"{api}/ready"),
                f"the gateway at {api}/ready (`make logs` tells more)",
            )
    except StartError as error:
        print(f"Not started: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    front_end = {"api": api, "supabase": status["API_URL"], "publishable_key": env["SUPABASE_PUBLISHABLE_KEY"]}
    print(READY.format(**front_end, studio=status.get("STUDIO_URL", "switched off")))
    return 0


def down() -> int:
    """The exit status: 0 when the gateway and Supabase are stopped, else 1. The data stay."""
    try:
        failed = _run([*find_compose(), "down"])
        if CLI.exists():
            failed |= _run([str(CLI), "stop", "--workdir", str(ROOT)])
    except StartError as error:
        print(f"Not stopped: {error}", file=sys.stderr)
        return 1
    return int(bool(failed))


def logs() -> int:
    """The exit status of `docker compose logs`."""
    try:
        return _run([*find_compose(), "logs", "--follow", "--tail", "100", "backend"])
    except StartError as error:
        print(f"No logs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def find_compose() -> list[str]:
    """The command of Docker Compose, old or new. Raises `StartError` when there is no Docker that answers."""
    if not shutil.which("docker"):
        raise StartError("Docker is missing: install Docker Engine or Docker Desktop; `make dev` needs none")
    if not _output(["docker", "version", "--format", "{{.Server.Version}}"]):
        raise StartError("Docker does not answer: start it, or let this user reach it (`docker version` says why)")
    for compose in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(compose[0]) and _output([*compose, "version"]):
            return compose
    raise StartError("Docker Compose is missing: install the plugin (Debian, Ubuntu: docker-compose)")


def read_status(text: str) -> dict[str, str]:
    """What `supabase status -o env` says. Raises `StartError` when it names no address or no key."""
    status = {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}
    if "API_URL" not in status or not ({"PUBLISHABLE_KEY", "ANON_KEY"} & status.keys()):
        raise StartError("`supabase status` names no address or no key: is Supabase running?")
    return status


def gateway_environment(status: dict[str, str]) -> dict[str, str]:
    """The settings of a gateway in a container, over the Supabase on this machine. The shared secret is passed only
    where there are no signing keys: it can mint any role."""
    api = urlsplit(status["API_URL"])
    answer, keys = http_calls.call("GET", f"{status['API_URL']}/auth/v1/.well-known/jwks.json", {})
    signs = answer == 200 and isinstance(keys, dict) and bool(keys.get("keys"))
    return {
        "SUPABASE_URL": f"{api.scheme}://host.docker.internal:{api.port or 80}",
        "SUPABASE_PUBLISHABLE_KEY": status.get("PUBLISHABLE_KEY") or status["ANON_KEY"],
        "SUPABASE_JWT_SECRET": "" if signs else status.get("JWT_SECRET", ""),
        "ENVIRONMENT": "development",
    }


def _run(command: Sequence[str], env: dict[str, str] | None = None) -> int:
    return subprocess.run(
        command, cwd=ROOT, env={**cli_environment(), **(env or {})}, stdin=subprocess.DEVNULL
    ).returncode


def _output(command: Sequence[str]) -> str:
    """What the command prints, or nothing when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=cli_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.stdout if done.returncode == 0 else ""
