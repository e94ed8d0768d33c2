"""Files that are made to break who reads them, sent through the gateway: what they cost it and everybody else."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dev.processes import Child
from tests.integration.conftest import Backend, User, created, problem
from tests.integration.test_file_faults import own_gateway
from tests.integration.test_files import MARKDOWN, PDF, TEXT, put, source, store, stored
from tests.processes import Memory, descendants
from tests.sample_document import document
from tests.services.hostile import FILES, READ

__all__ = ["own_gateway", "source", "store"]

TIME = 20
"""Seconds within which each file has its answer."""
BUSY = 6
"""So much longer may all take while other tests run."""
NEIGHBOUR = """
import http.client, select, sys, time
host, path, token = sys.argv[1:]
gateway = http.client.HTTPConnection(host)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    began = time.perf_counter()
    gateway.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = gateway.getresponse()
    answer.read()
    assert answer.status == 200
    print(time.perf_counter() - began)
"""


@contextmanager
def neighbour(url: str, user: User, path: str) -> Iterator[list[float]]:
    """Somebody who reads one row every hundredth of a second, in a process of its own: the seconds that each took."""
    times: list[float] = []
    command = [sys.executable, "-c", NEIGHBOUR, urlsplit(url).netloc, path, user.token]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        yield times
        times += map(float, reader.communicate("enough\n")[0].split())
    assert times


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


@pytest.mark.parametrize("backend", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "name", ["a web page", "200,000 pages", "control characters", "11 MiB of text", "half a surrogate"]
)
def test_a_hostile_file_is_kept_and_answered_in_time(api: httpx.Client, source: dict[str, Any], name: str) -> None:
    media_type, make, allowed = FILES[name]
    content = make()
    began = time.monotonic()
    row = put(api, source, content, {"Content-Type": media_type})
    assert time.monotonic() - began < TIME
    assert (row["failure"] or READ) in allowed
    assert row["status"] == ("failed" if row["failure"] else "ready")
    assert api.get(f"/sources/{source['id']}/file").content == content
    assert not descendants("document_worker")


# The largest, the longest and the most tangled; `test_documents.py` has all of them read.
SOME = (
    "60 MiB of zeros",
    "512 MiB in 512 KiB",
    "200,000 pages",
    "a page tree that loops",
    "50 MiB of text",
    "a line of 9 MiB",
)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("names", [SOME, pytest.param(tuple(FILES), marks=pytest.mark.soak)], ids=["some", "all"])
def test_hostile_files_cost_the_worker_and_its_neighbours_little_and_leave_nothing(
    names: tuple[str, ...],
    backend: Backend,
    own_gateway: tuple[Child, str],
    owner: User,
    workspace: dict[str, Any],
    source: dict[str, Any],
    store: httpx.Client,
) -> None:
    child, url = own_gateway
    new = {"workspace_id": workspace["id"], "type": "pdf", "title": "Hostile"}
    with replace(backend, url=url).gateway(owner) as mine, ThreadPoolExecutor(2) as both:
        mine.timeout = BUSY * TIME

        def send(name: str) -> None:
            media_type, make, allowed = FILES[name]
            place, content = created(mine.post("/sources", json=new)), make()
            began = time.monotonic()
            answer = mine.put(f"/sources/{place['id']}/file", content=content, headers={"Content-Type": media_type})
            assert time.monotonic() - began < BUSY * TIME, name
            row = mine.get(f"/sources/{place['id']}").json()
            if answer.status_code == 200:
                assert answer.json() == row
                assert (row["failure"] or READ) in allowed, name
            else:
                assert answer.json()["code"] in {"unsupported_file", "body_too_large", "invalid_request"}, name
            assert stored(store, place) == [row["storage_path"]] * (answer.status_code == 200), name

        put(mine, source, document(), PDF)
        memory = Memory(child.pid)
        with neighbour(url, owner, f"/v1/workspaces/{workspace['id']}") as times:
            list(both.map(send, names))
        print(f"{len(names)} files: peak +{memory.growth():.1f} MiB, neighbours' p99 {1000 * p99(times):.0f} ms")  # noqa: T201
        assert memory.growth() < 30
        assert p99(times) < BUSY * 0.1
    assert not descendants("document_worker", child.pid)


@pytest.mark.parametrize(
    ("content", "headers"), [(FILES["a PNG"][1], PDF), (FILES["a PNG"][1], TEXT), (FILES["a password"][1], MARKDOWN)]
)
def test_a_file_of_another_kind_is_refused_and_not_stored(
    api: httpx.Client, source: dict[str, Any], store: httpx.Client, content: Any, headers: dict[str, str]
) -> None:
    answer = api.put(f"/sources/{source['id']}/file", content=content(), headers=headers)
    problem(answer, 415, "unsupported_file")
    assert stored(store, source) == []
