"""What the metrics say of a load, compared with what its clients counted themselves."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.processes import Supervisor, free_port
from tests.integration.conftest import PLAIN, Backend, User, start_gateway

CLIENTS = 8
JOURNEYS = 5
ONE, ALL = "/v1/workspaces/{workspace_id}", "/v1/workspaces"

Counts = Counter[tuple[str, ...]]


def journeys(url: str, user: User) -> Counts:
    """Ask for this and that, rightly and wrongly; how often which method of which route was answered how."""
    counts: Counts = Counter()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {user.token}"}, verify=PLAIN) as client:

        def ask(method: str, route: str, workspace_id: str = "", **request: object) -> None:
            path = route.format(workspace_id=workspace_id)
            answer = client.request(method, path, **request)  # type: ignore[arg-type]
            # Who is not let in never comes to a route.
            counts[method, "none" if answer.status_code == 401 else route, str(answer.status_code)] += 1

        for _ in range(JOURNEYS):
            mine = str(uuid4())
            ask("POST", ALL, json={"id": mine, "name": "counted"})
            ask("GET", ONE, mine)
            ask("GET", ALL)
            ask("PATCH", ONE, mine, json={"name": "again"}, headers={"If-Match": '"7"'})
            ask("GET", ONE, str(uuid4()))
            ask("POST", ALL, json={"name": ""})
            ask("GET", ALL, headers={"Authorization": "Bearer x.y.z"})
            ask("DELETE", ONE, mine)
    return counts


def scrape(url: str, sample: str, *labels: str) -> Counts:
    """The samples of this name, counted by these labels."""
    text = httpx.get(url, timeout=10, verify=PLAIN).text
    counts: Counts = Counter()
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == sample:
                counts[tuple(found.labels[label] for label in labels)] += int(found.value)
    return counts


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_metrics_count_what_the_clients_count(backend: Backend, tmp_path: Path, workers: int) -> None:
    (tmp_path / "counts").mkdir()
    metrics_port = free_port()
    together = {"WEB_CONCURRENCY": "2", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}
    with Supervisor() as supervisor, ThreadPoolExecutor(CLIENTS) as pool:
        settings = {"METRICS_PORT": str(metrics_port)} | (together if workers == 2 else {})
        url = start_gateway(supervisor, tmp_path, backend.stack, **settings)
        metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        upstream_before = scrape(metrics, "aide_upstream_duration_seconds_count").total()
        users = [backend.new_user() for _ in range(CLIENTS)]
        running = [pool.submit(journeys, url, user) for user in users]
        totals = []
        while not all(future.done() for future in running):
            totals.append(scrape(metrics, "aide_request_duration_seconds_count").total())
            time.sleep(0.1)
        counted = sum((future.result() for future in running), Counts())
        requests = scrape(metrics, "aide_request_duration_seconds_count", "method", "route", "status")
        tokens = scrape(metrics, "aide_tokens_total", "outcome")
        upstream = scrape(metrics, "aide_upstream_duration_seconds_count").total() - upstream_before
        in_flight = scrape(metrics, "aide_upstream_in_flight").total()

    assert counted.total() == CLIENTS * JOURNEYS * 8
    assert {status for _, _, status in counted} == {"200", "201", "204", "401", "404", "412", "422"}
    assert (
        Counts({key: count for key, count in requests.items() if key[1].startswith("/v1") or key[2] == "401"})
        == counted
    )
    assert totals == sorted(totals)
    assert len(set(totals)) > 2  # scraped while it happened
    assert tokens["refused",] == CLIENTS * JOURNEYS
    assert tokens["verified",] <= CLIENTS * workers
    assert tokens["cached",] + tokens["verified",] == CLIENTS * JOURNEYS * 7
    # Two for the stale version, none for what is refused by the gateway.
    assert upstream == CLIENTS * JOURNEYS * 7
    assert in_flight == 0
