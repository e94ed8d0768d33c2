"""`make dev`: however it ends, nothing that was acknowledged is lost, and no process is left."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.openapi import FILES
from dev import http_calls, sample, serve
from dev.processes import free_port
from dev.runner import CodeRunner
from tests.integration.chats import Chat, whole
from tests.integration.checkout import ROOT, Checkout, Kept, Running, check_out
from tests.integration.conftest import PLAIN, User
from tests.integration.model_stage import open_model
from tests.sample_document import document
from tests.scripted_model import text

CREATES = 200


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, service: CodeRunner) -> Iterator[Kept]:
    """Of a checkout with the Python for WebAssembly that the code runner of these tests has fetched and compiled."""
    folder = tmp_path_factory.mktemp("checkout")
    check_out(folder)
    (folder / "backend/runner/.python").symlink_to(ROOT / "backend/runner/.python")
    with open_model(folder) as model:
        kept = Kept(Checkout(folder, free_port(), free_port(), {"OLLAMA_HOST": model.removeprefix("http://")}))
        yield kept
        kept.stop()


@pytest.fixture
def running(kept: Kept) -> Running:
    """`make dev`, perhaps since an earlier test."""
    running = kept.start()
    running.output.clear()
    return running


@pytest.fixture
def checkout(kept: Kept) -> Checkout:
    """When nothing of it runs."""
    kept.stop()
    return kept.checkout


@pytest.fixture
def used(kept: Kept) -> Checkout:
    """It has data, and nothing of it runs."""
    if not (kept.checkout.folder / "supabase/.temp/data").exists():
        kept.start()
    kept.stop()
    return kept.checkout


def end_within_creates(running: Running, pid: int, signum: signal.Signals) -> list[str]:
    """Create workspaces and send the signal halfway; the ids of those that were acknowledged."""
    acknowledged: list[str] = []
    halfway = threading.Event()
    with running.checkout.gateway() as client:

        def create(number: int) -> None:
            if number == CREATES // 2:
                halfway.set()
            try:
                answer = client.post("/workspaces", json={"id": str(uuid4()), "name": f"w{number}"})
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])

        with ThreadPoolExecutor(4) as pool:
            creating = [pool.submit(create, number) for number in range(CREATES)]
            assert halfway.wait(60)
            os.kill(pid, signum)
            for each in creating:
                each.result()
    running.wait_until_gone()
    assert 0 < len(acknowledged) < CREATES
    return acknowledged


def missing(running: Running, ids: list[str]) -> list[str]:
    """Those of the workspaces that are not there."""
    with running.checkout.gateway() as client:
        return [each for each in ids if client.get(f"/workspaces/{each}").status_code != 200]


def test_what_was_acknowledged_survives_ctrl_c_and_a_second_start_is_refused(kept: Kept, running: Running) -> None:
    refused = kept.checkout.refused()
    assert "running already" in refused
    assert f"`kill {running.process.pid}`" in refused
    acknowledged = end_within_creates(running, running.process.pid, signal.SIGINT)
    assert running.process.returncode == 0
    assert "Traceback" not in running.said

    stopped = kept.checkout.run("token")
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert "make dev" in stopped.stderr

    assert missing(kept.start(), acknowledged) == []


def test_an_ollama_on_this_machine_is_the_tutors_model(running: Running) -> None:
    host = running.checkout.settings["OLLAMA_HOST"]
    assert f"the tutor's model is words-5-1, of the Ollama at http://{host}/v1\n" in "".join(running.greeting)
    with running.checkout.gateway() as client:
        [workspace, *_] = client.get("/workspaces").json()
    said, end, _ = whole(Chat(User("", running.checkout.token()), workspace, str(uuid4())).ask(running.checkout.api))
    assert (said, end["status"]) == (text(5), "complete")


@pytest.mark.parametrize("settings", [{"OLLAMA_HOST": "127.0.0.1:9"}, {"AI_MODEL": "mine"}])
def test_no_model_is_chosen_where_there_is_no_ollama_or_one_is_set(settings: dict[str, str]) -> None:
    assert serve.ollama(settings) == {}


@pytest.mark.parametrize(("host", "address"), [("box", "box:11434"), ("http://box:80", "box:80")])
def test_ollamas_address_may_lack_a_port(host: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(http_calls, "call", lambda method, url, *_, **__: asked.append(url))
    serve.ollama({"OLLAMA_HOST": host})
    assert asked == [f"http://{address}/v1/models"]


@pytest.mark.soak
@pytest.mark.parametrize(
    "victim",
    [r"-m dev\b(?!\.)", r"lite/dist/cli", r"-m dev\.gateway", r"multiprocessing.spawn", r"guard\.py"],
    ids=["the supervisor", "the stack", "the gateway", "the gateway's worker", "the guard"],
)
def test_what_was_acknowledged_survives_the_death_of_any_process(checkout: Checkout, victim: str) -> None:
    with Running(checkout) as running:
        acknowledged = end_within_creates(running, running.find(victim), signal.SIGKILL)
    with Running(checkout) as running:
        assert missing(running, acknowledged) == []


def test_a_front_end_finds_all_that_it_needs_in_what_is_printed(running: Running) -> None:
    printed = "".join(running.greeting)
    (url,) = re.findall(r"Supabase URL +(\S+)", printed)
    (key,) = re.findall(r"Publishable key +(\S+)", printed)
    (user,) = re.findall(r"You are +(\S+), password (\S+)", printed)
    signed_in = httpx.post(
        f"{url}/auth/v1/token?grant_type=password",
        headers={"apikey": key},
        json=dict(zip(("email", "password"), user, strict=True)),
        verify=PLAIN,
    ).json()
    (api,) = re.findall(r"API +(\S+)", printed)
    (page,) = re.findall(r"A page +(\S+) +\(`make page`", printed)
    headers = {"Authorization": f"Bearer {signed_in['access_token']}", "Origin": page}
    listed = httpx.get(f"{api}/v1/workspaces", headers=headers, verify=PLAIN)
    assert (listed.status_code, listed.headers["access-control-allow-origin"]) == (200, page)


def test_a_newcomer_fails_mends_and_completes_by_the_line_that_is_printed(running: Running) -> None:
    (line,) = re.findall(r"^ +(curl .*)$", "".join(running.greeting), re.MULTILINE)

    def run(command: str) -> str:
        command = command.replace("make -s token", f"{sys.executable} -m dev token")
        options: dict[str, Any] = {"cwd": running.checkout.folder / "backend", "env": running.checkout.environment}
        return str(subprocess.check_output(command, shell=True, text=True, **options))  # noqa: S602 - as a person does

    assert "1 of 2 tests passed" in run(line)
    # A runner that dies is started again.
    os.kill(running.find("-m runner$"), signal.SIGKILL)
    running.wait_until(lambda: "starting it again" in running.said)
    mended = line.replace("[[1] * n for _ in range(n)]", "[[1] * (i + 1) + [0] * (n - i - 1) for i in range(n)]")
    running.wait_until(lambda: "2 of 2 tests passed" in run(mended))


def test_a_file_is_uploaded_by_the_lines_of_the_readme_and_of_docs(running: Running) -> None:
    checkout = running.checkout
    with checkout.gateway() as api:
        workspace = api.post("/workspaces", json={"name": "Books"}).json()["id"]
        for text in ((ROOT / "README.md").read_text(), FILES):
            (line,) = re.findall(r"^curl -T book.pdf .*\\\n.*$", text, re.MULTILINE)
            line = line.replace("make -s token", f"{sys.executable} -m dev token").replace(":8000", f":{checkout.port}")
            new = {"workspace_id": workspace, "type": "pdf", "title": "A book"}
            source = api.post("/sources", json=new).json()["id"]
            (checkout.folder / "backend/book.pdf").write_bytes(document())
            names = {"SOURCE_ID": source, "TOKEN": checkout.token(), "API_URL": checkout.api}
            options: dict[str, Any] = {"cwd": checkout.folder / "backend", "env": checkout.environment | names}
            subprocess.check_output(line, shell=True, stderr=subprocess.DEVNULL, **options)  # noqa: S602 - as a person does
            row = api.get(f"/sources/{source}").json()
            assert (row["status"], row["page_count"], row["file_name"]) == ("ready", 6, "book.pdf")


def test_a_gateway_that_cannot_reload_waits_for_the_next_change(running: Running) -> None:
    module = running.checkout.folder / "backend/app/main.py"
    code = module.read_text()
    try:
        module.write_text("mistake =")
        running.wait_until(lambda: "SyntaxError" in running.said)
    finally:
        module.write_text(code)

    def noticed() -> bool:
        module.touch()  # again, since the reloader overlooks a change in the moment after a start
        return running.said.count("Reloading") >= 2

    running.wait_until(noticed)
    running.wait_until(lambda: "startup complete" in running.said)
    assert httpx.get(f"{running.checkout.api}/ready", timeout=10, verify=PLAIN).status_code == 200


def test_a_refused_statement_is_one_line_without_values(running: Running) -> None:
    row = {"id": str(uuid4()), "name": "between us"}
    data_api = f"http://127.0.0.1:{running.checkout.supabase_port}/rest/v1"
    with running.checkout.gateway() as client:
        answers = [client.post("/workspaces", json=row).status_code for _ in range(2)]
        assert answers == [201, 200]
    assert httpx.get(f"{data_api}/workspaces?id=eq.between us", verify=PLAIN).status_code == 400
    running.wait_until(lambda: "uuid" in running.said)
    assert [line.strip() for line in running.output if re.match(r"stack   \| .", line)] == [
        'stack   | refused: 23505 duplicate key value violates unique constraint "workspaces_pkey"',
        "stack   | refused: 22P02 invalid input syntax for type uuid: ...",
    ]
    assert "between us" not in running.said


def test_the_developers_password_is_this_checkouts_own(running: Running) -> None:
    settings, temp = running.checkout.folder / ".env", running.checkout.folder / "supabase/.temp"
    (password,) = re.findall(r"^DEVELOPER_PASSWORD=(\S+)$", settings.read_text(), re.MULTILINE)
    assert f"developer@example.com, password {password}" in "".join(running.greeting)
    assert running.checkout.sign_in(password)
    assert settings.stat().st_mode & 0o777 == 0o600
    assert {path for path in [temp, *temp.rglob("*")] if path.stat().st_mode & 0o077} == set()


def write_until_it_hangs(running: Running) -> list[str]:
    """Write into a stack whose log has no folder: PostgreSQL panics at the next segment. What was acknowledged."""
    acknowledged: list[str] = []
    with running.checkout.gateway() as client:
        workspace = client.post("/workspaces", json={"name": "w"}).json()["id"]
        for _ in range(100):
            text = base64.b64encode(os.urandom(600_000)).decode()
            source = {"workspace_id": workspace, "type": "pdf", "title": "x", "metadata": {"text": text}}
            answer = client.post("/sources", json=source)
            if answer.status_code != 201:
                return acknowledged
            acknowledged.append(answer.json()["id"])
    raise AssertionError("it did not panic")


def test_a_stack_that_lives_but_does_not_serve_is_restarted(running: Running) -> None:
    log = running.checkout.folder / "supabase/.temp/data/pg_wal"
    log.rename(log.with_name("gone"))
    acknowledged = write_until_it_hangs(running)
    running.wait_until(lambda: "lives but does not answer" in running.said)
    log.with_name("gone").rename(log)
    running.wait_until(lambda: "answers again" in running.said)
    with running.checkout.gateway() as client:
        assert acknowledged
        assert all(client.get(f"/sources/{each}").status_code == 200 for each in acknowledged)
    assert "Traceback" not in running.said


def test_what_everybody_could_read_or_knows_is_changed(running: Running, kept: Kept) -> None:
    """An older checkout: no password in .env, everybody's in the data, and both readable by all."""
    checkout = running.checkout
    settings, temp = checkout.folder / ".env", checkout.folder / "supabase/.temp"
    headers = {"apikey": checkout.publishable_key, "Authorization": f"Bearer {checkout.token()}"}
    url = f"http://127.0.0.1:{checkout.supabase_port}/auth/v1/user"
    changed = httpx.put(url, headers=headers, json={"password": "development"}, timeout=30, verify=PLAIN)
    assert changed.status_code == 200
    assert checkout.sign_in("development")
    kept.stop()
    settings.write_text(re.sub("DEVELOPER_PASSWORD=.*", "", settings.read_text()))
    for path in (settings, temp, *temp.rglob("*")):
        path.chmod(path.stat().st_mode | 0o055)
    printed = "".join(kept.start().greeting)
    (password,) = re.findall(r"^DEVELOPER_PASSWORD=(\S+)$", settings.read_text(), re.MULTILINE)
    assert f"password {password}" in printed
    assert "no sample workspace" not in printed
    assert checkout.sign_in(password)
    assert not checkout.sign_in("development")
    assert checkout.token().count(".") == 2
    assert [path for path in (settings, temp, *temp.rglob("*")) if path.stat().st_mode & 0o077] == []


def test_a_password_that_is_not_the_users_is_one_line(used: Checkout) -> None:
    with Running(replace(used, settings={"DEVELOPER_PASSWORD": "another-one"})) as running:
        (line,) = [line for line in running.output if "no sample workspace" in line]
    assert "DEVELOPER_PASSWORD in .env" in line
    assert "make reset" in line


@pytest.fixture
def broken_runner(checkout: Checkout) -> Iterator[None]:
    """A code runner that ends as one does that cannot fetch what it needs."""
    program = checkout.folder / "backend/runner/__main__.py"
    code = program.read_text()
    program.write_text("raise SystemExit('npm is missing')")
    yield
    program.write_text(code)


@pytest.mark.usefixtures("broken_runner")
def test_without_a_runner_all_else_works(checkout: Checkout) -> None:
    with Running(checkout) as running:
        assert "code runner: npm is missing" in running.said
        assert "labs do not run until" in running.said
        with checkout.gateway() as client:
            answer = client.post(f"/labs/{sample.CODE}/run", json={"code": ""})
            assert (answer.status_code, answer.json()["code"]) == (503, "runner_unavailable")
            assert client.get(f"/labs/{sample.CODE}").status_code == 200


def test_a_data_folder_that_is_damaged_is_one_clear_line(used: Checkout, tmp_path: Path) -> None:
    shutil.copytree(used.folder, tmp_path / "damaged", symlinks=True)
    (tmp_path / "damaged/supabase/.temp/data/global/pg_control").write_bytes(bytes(8192))
    said = replace(used, folder=tmp_path / "damaged").refused()
    (line,) = [line for line in said.splitlines() if "stopping" in line]
    assert "damaged" in line
    assert "make reset" in line


def fill(disk: Path, *, but: int) -> None:
    """Fill the disk, all but so many bytes."""
    with (disk / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - but)


@pytest.mark.soak
def test_a_full_disk_is_said_and_nothing_starts_on_it(checkout: Checkout, tmp_path: Path) -> None:
    """On a disk of its own, which only root may make."""
    full = replace(checkout, folder=tmp_path / "full")
    shutil.copytree(checkout.folder, full.folder, symlinks=True, ignore=shutil.ignore_patterns(".temp"))
    disk = full.folder / "supabase/.temp"
    disk.mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=700", "tmpfs", disk], check=False).returncode:
        pytest.skip("needs root, to mount a small disk")
    try:
        with Running(full) as running:
            fill(disk, but=8_000_000)
            running.wait_until(lambda: "the disk is full: nothing can be saved" in running.said)
            assert write_until_it_hangs(running)
            (disk / "filling").unlink()
            with pytest.raises(AssertionError, match="did not panic"):
                write_until_it_hangs(running)
        fill(disk, but=0)
        said = full.refused()
        assert "the disk is full; make space at" in said
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_wrong_setting_ends_the_start_and_is_named(checkout: Checkout) -> None:
    said = replace(checkout, settings={"LOG_LEVEL": "loud"}).refused()
    assert "LOG_LEVEL: Input should be" in said
    assert "in .env or in the environment" in said


def test_a_folder_that_cannot_be_written_to_is_one_clear_line(checkout: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(checkout.folder, folder, ignore=shutil.ignore_patterns(".temp"), symlinks=True)
    (folder / "supabase/.temp").write_text("no folder")
    (line,) = [line for line in replace(checkout, folder=folder).refused().splitlines() if "Made .env" not in line]
    assert line.startswith("Stopped: ")
    assert str(folder / "supabase/.temp") in line


def test_a_sample_that_was_deleted_stays_deleted(running: Running, kept: Kept) -> None:
    assert "Run the sample workspace" in "".join(running.greeting)
    workspace = f"/workspaces/{sample.WORKSPACE_ID}"
    with running.checkout.gateway() as client:
        assert client.delete(workspace).status_code == 204
    kept.stop()
    again = kept.start()
    assert "sample workspace" not in "".join(again.greeting)
    with again.checkout.gateway() as client:
        assert client.get(workspace).status_code == 404
