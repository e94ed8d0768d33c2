"""What is deployed: the container files and the Kubernetes objects agree with the settings and with each other."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement

from app.config import Settings

BACKEND = Path(__file__).parents[1]
ROOT = BACKEND.parent
KUBERNETES = BACKEND / "deploy/kubernetes.yaml"

# Read by uvicorn itself, and by prometheus-client.
SERVER_SETTINGS = {
    "PROMETHEUS_MULTIPROC_DIR",
    "UVICORN_HOST",
    "UVICORN_ROOT_PATH",
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",
    "UVICORN_TIMEOUT_KEEP_ALIVE",
    "WEB_CONCURRENCY",
}
NEVER = {"DATABASE_URL"}


def compose(name: str) -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())["services"]
    return services


def environment(service: dict[str, Any]) -> dict[str, str | None]:
    """What the container is given: a value, or None when it is passed by name."""
    pairs = (entry.partition("=") for entry in service["environment"])
    return {name: value if sign else None for name, sign, value in pairs}


def kubernetes() -> dict[str, Any]:
    return objects_of("aide-backend")


def objects_of(name: str) -> dict[str, Any]:
    documents = yaml.safe_load_all(KUBERNETES.read_text())
    return {document["kind"]: document for document in documents if document["metadata"]["name"] == name}


def dockerfile(instruction: str) -> list[str]:
    """The arguments of an instruction in the final stage."""
    text = (BACKEND / "Dockerfile").read_text().replace("\\\n", " ")
    final = text[text.rindex("\nFROM ") + 1 :]
    return re.findall(rf"^{instruction} (.*)$", final, re.MULTILINE)


def test_the_gateway_is_given_every_setting_and_no_other_variable() -> None:
    given = environment(compose("docker-compose.yml")["backend"])
    assert given.keys() == Settings.model_fields.keys() - NEVER | SERVER_SETTINGS


def test_what_bypasses_row_level_security_is_given_to_no_container() -> None:
    for name in ("docker-compose.yml", "docker-compose.embedded.yml"):
        for service in compose(name).values():
            assert not environment(service).keys() & NEVER
            assert not re.search("DATABASE_URL|SERVICE_ROLE|SECRET_KEY", str(service))
            assert "env_file" not in service
    assert not re.search("SERVICE_ROLE|SECRET_KEY", KUBERNETES.read_text())


def test_settings_are_passed_by_name_but_for_those_with_a_default() -> None:
    """A name alone takes away what the image sets for it, so what the image sets has the same default here."""
    given = environment(compose("docker-compose.yml")["backend"])
    images = dict(setting.split("=", 1) for line in dockerfile("ENV") for setting in line.split())
    assert {name: value for name, value in given.items() if value is not None} == {
        "SUPABASE_URL": "${SUPABASE_URL:-http://host.docker.internal:54321}",
        "RUNNER_URL": "${RUNNER_URL-http://runner:8010}",
    } | {name: f"${{{name}:-{images[name]}}}" for name in images.keys() & given.keys()}


def test_every_variable_of_a_container_is_documented() -> None:
    documented = (ROOT / "docs/settings.md").read_text()
    given = {name for service in compose("docker-compose.yml").values() for name in environment(service)}
    assert {name for name in given if f"`{name}`" not in documented} == set()


def test_the_gateway_finds_the_runner_of_its_own_deployment() -> None:
    services = compose("docker-compose.yml")
    assert services["runner"]["networks"] == ["runner"]
    assert "runner" in services["backend"]["networks"]
    assert "RUNNER_PORT=8010" in (BACKEND / "runner/Dockerfile").read_text()
    named = re.findall(r"RUNNER_URL=(http://aide\S+)", (BACKEND / "deploy/README.md").read_text())
    assert objects_of("aide-runner")["Service"]["spec"]["sessionAffinity"] == "ClientIP", "it keeps its results"
    assert services["runner"]["deploy"]["replicas"] == 1
    assert named == [f"http://{objects_of('aide-runner')['Service']['metadata']['name']}"]


@pytest.mark.parametrize("told", [{}, {"ENVIRONMENT": ""}, {"SUPABASE_URL": "https://project.supabase.co"}])
def test_an_image_that_is_told_too_little_refuses_in_one_line(told: dict[str, str]) -> None:
    """Its own command, since engines take away or empty an ENV that a compose file only names."""
    assert "ENVIRONMENT=production" in dockerfile("ENV")
    (command,) = map(json.loads, dockerfile("CMD"))
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PORT": "0", **told}
    ended = subprocess.run(command, cwd=BACKEND, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("  ")]
    assert "SUPABASE_PUBLISHABLE_KEY must be set" in line
    assert ("SUPABASE_URL must be set" in line) == ("SUPABASE_URL" not in told)
    assert "ENVIRONMENT=development" in line
    assert "Traceback" not in ended.stderr


def test_the_embedded_stack_is_for_development() -> None:
    given = environment(compose("docker-compose.embedded.yml")["backend"])
    assert given["ENVIRONMENT"] == "${ENVIRONMENT:-development}"


@pytest.mark.parametrize(
    ("file", "service"),
    [("docker-compose.yml", "backend"), ("docker-compose.yml", "runner"), ("docker-compose.embedded.yml", "supabase")],
)
def test_containers_are_read_only_and_have_no_rights(file: str, service: str) -> None:
    container = compose(file)[service]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["deploy"]["resources"]["limits"]["memory"]


def test_the_compose_file_is_a_stack_for_swarm() -> None:
    """`docker stack deploy` refuses a file without version, profiles, and conditions in depends_on."""
    assert yaml.safe_load((ROOT / "docker-compose.yml").read_text())["version"] == "3.8"
    backend = compose("docker-compose.yml")["backend"]
    assert "profiles" not in backend
    assert "depends_on" not in backend
    assert backend["image"]
    assert backend["deploy"]["update_config"]["order"] == "start-first"
    assert backend["deploy"]["update_config"]["failure_action"] == "rollback"


def test_the_embedded_stack_is_reachable_from_this_machine_alone() -> None:
    assert compose("docker-compose.embedded.yml")["supabase"]["ports"] == ["127.0.0.1:${SUPABASE_PORT:-54321}:54321"]


def test_accepted_requests_have_the_time_they_may_take() -> None:
    (graceful,) = re.findall(r"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=(\d+)", dockerfile("ENV")[0])
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    stop = compose("docker-compose.yml")["backend"]["stop_grace_period"]
    assert Settings.model_fields["REQUEST_TIMEOUT"].default < int(graceful) < int(stop.removesuffix("s"))
    assert Settings.model_fields["TURN_GRACE"].default < int(graceful)
    assert pause + int(graceful) < pod["terminationGracePeriodSeconds"]


def test_idle_connections_outlive_those_of_a_balancer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in re.findall(r"(UVICORN_\w+)=(\S+)", dockerfile("ENV")[0]):
        monkeypatch.setenv(name, value)
    options = uvicorn.main.make_context("uvicorn", ["app.main:app"], auto_envvar_prefix="UVICORN").params
    assert options["timeout_keep_alive"] > 60


def test_the_image_runs_unprivileged() -> None:
    (user,) = dockerfile("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes can tell only of a number that it is not root"
    context = kubernetes()["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_pods_are_probed_and_have_no_rights() -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"]


def test_pods_get_settings_by_reference() -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {kind for source in container["envFrom"] for kind in source} == {"configMapRef", "secretRef"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert pod["enableServiceLinks"] is False
    assert container["env"] == [{"name": "METRICS_PORT", "value": str(ports["metrics"])}]


def test_service_autoscaler_and_budget_find_the_pods() -> None:
    objects = kubernetes()
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["Service"]["spec"]["selector"] == labels
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    scaled = objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", objects["Deployment"]["metadata"]["name"])
    assert "cpu" in objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]


def test_the_runner_is_reached_by_the_gateway_alone_and_reaches_nothing() -> None:
    file = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert file["networks"]["runner"] == {"internal": True}
    assert file["services"]["runner"]["networks"] == ["runner"]
    assert "runner" in file["services"]["backend"]["networks"]
    assert "ports" not in file["services"]["runner"]
    policy = objects_of("aide-runner")["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy
    (source,) = policy["ingress"][0]["from"]
    assert source["podSelector"]["matchLabels"] == objects_of("aide-backend")["Deployment"]["metadata"]["labels"]


def test_the_runner_has_no_rights() -> None:
    pod = objects_of("aide-runner")["Deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False


def test_the_gateways_lock_has_nothing_of_the_runners() -> None:
    assert "wasmtime" not in (BACKEND / "requirements.lock").read_text()
    assert "wasmtime==" in (BACKEND / "requirements-runner.lock").read_text()


def test_the_lock_file_satisfies_the_project() -> None:
    """What the image is built from is what is declared; the build checks the same again."""
    declared = tomllib.loads((BACKEND / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (BACKEND / "requirements.lock").read_text(), re.MULTILINE))
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(locked.get(requirement.name, "0")), requirement
        if requirement.marker is None or requirement.marker.evaluate():
            assert version(requirement.name) == locked[requirement.name], "installed is what is locked"
