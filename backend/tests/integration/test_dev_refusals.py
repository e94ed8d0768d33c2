"""Development commands that refuse before they start anything: taken ports, one port for two, no folder to write to."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from dev.processes import free_port
from tests.integration.checkout import Checkout, check_out


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Nothing of it runs."""
    folder = tmp_path_factory.mktemp("checkout")
    check_out(folder)
    return Checkout(folder, free_port(), free_port())


def test_a_taken_port_is_one_clear_line(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"port {port} is taken" in Checkout(checkout.folder, port, checkout.supabase_port).refused()
        assert "SUPABASE_PORT" in Checkout(checkout.folder, checkout.port, port).refused()


def test_what_kubernetes_says_of_a_service_is_no_port(checkout: Checkout) -> None:
    links = dict.fromkeys(("PORT", "SUPABASE_PORT", "METRICS_PORT"), "tcp://10.96.0.17:9090")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (checkout.folder / ".env").write_text(f"PORT={port}\nSUPABASE_PORT={checkout.supabase_port}\n")
        try:
            assert f"port {port} is taken" in replace(checkout, settings=links).refused()
        finally:
            (checkout.folder / ".env").unlink()


def test_one_port_for_two_servers_is_refused(checkout: Checkout) -> None:
    for names in (("PORT", "SUPABASE_PORT"), ("PORT", "METRICS_PORT"), ("SUPABASE_PORT", "METRICS_PORT")):
        same = dict.fromkeys(names, str(free_port()))
        assert f"{' and '.join(names)} are the same" in replace(checkout, settings=same).refused()


def test_an_export_into_no_folder_says_so(checkout: Checkout, tmp_path: Path) -> None:
    ended = checkout.run("export", str(tmp_path / "exports/data.sql"))
    assert ended.returncode == 1
    assert f"there is no folder {tmp_path / 'exports'}" in ended.stderr
