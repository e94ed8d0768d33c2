"""`make sweep` on the embedded stack: it removes what no source refers to, for an operator alone."""

import os
import socket
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend
from tests.integration.test_files import TEXT, put, source, store, stored
from tests.tokens import mint

__all__ = ["source", "store"]

ROOT = __file__.partition("/backend/tests/")[0]
Sweep = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def operator(backend: Backend) -> str:
    """An operator's key."""
    return mint(str(uuid4()), secret=backend.jwt_secret, role="service_role")


@pytest.fixture
def sweep(backend: Backend, operator: str) -> Sweep:
    """The command, as one types it, with the operator's key unless another is given."""

    def run(*arguments: str, key: str = operator) -> "subprocess.CompletedProcess[str]":
        settings = {"SUPABASE_URL": backend.supabase_url, "SUPABASE_PUBLISHABLE_KEY": backend.publishable_key}
        return subprocess.run(
            ["make", "-s", "sweep", f"KEY={key}", *arguments],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def leftover(source: dict[str, Any], store: httpx.Client, operator: str) -> str:
    """A file in the folder of a source that is not there."""
    path = f"{source['workspace_id']}/{uuid4()}/left \u202e é.txt"
    answer = store.post(
        f"/sources/{quote(path)}", content=b"left over", headers=TEXT | {"Authorization": f"Bearer {operator}"}
    )
    assert answer.status_code == 200, answer.text
    return path


def test_a_supabase_elsewhere_is_reached_through_the_proxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), f"http://127.0.0.1:{proxy.getsockname()[1]}")
        command = ["make", "-s", "sweep", "KEY=sb_secret_x", "SUPABASE_URL=https://project.example"]
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | proxies, stderr=subprocess.DEVNULL):
            proxy.settimeout(30)
            connection, _ = proxy.accept()
            with connection:
                assert connection.recv(1024).startswith(b"CONNECT project.example:443 ")


def folder(path: str) -> dict[str, Any]:
    return dict(zip(("workspace_id", "id"), path.split("/"), strict=False))


def test_unused_files_are_listed_and_removed_when_that_is_wanted(
    sweep: Sweep, leftover: str, api: httpx.Client, source: dict[str, Any], store: httpx.Client
) -> None:
    kept = put(api, source, b"in use", TEXT)["storage_path"]
    listed = sweep()
    assert listed.returncode != 0
    assert repr(leftover) in listed.stdout
    assert kept not in listed.stdout
    assert "Not swept: nobody is there to ask; YES=1 does not ask" in listed.stderr
    assert stored(store, folder(leftover)) == [leftover]

    swept = sweep("YES=1")
    assert swept.returncode == 0, swept.stderr
    assert repr(leftover) in swept.stdout
    assert stored(store, folder(leftover)) == []
    assert stored(store, source) == [kept]
    assert sweep("YES=1").stdout == "Files removed: 0\n"


def test_only_an_operator_sweeps(
    sweep: Sweep, backend: Backend, leftover: str, owner: Any, store: httpx.Client
) -> None:
    for key in ("", "sb_secret_wrong", mint(owner.id, secret="x" * 40, role="service_role")):
        refused = sweep("YES=1", key=key)
        assert refused.returncode != 0
        assert "secret key with KEY=..." in refused.stderr
        assert not key or key not in refused.stdout + refused.stderr
    assert sweep("YES=1", key=owner.token).stdout == "Files removed: 0\n"
    assert stored(store, folder(leftover)) == [leftover]
