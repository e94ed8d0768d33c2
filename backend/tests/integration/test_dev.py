"""`make dev`: however it ends, nothing that was acknowledged is lost, and no process is left."""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest

from app.openapi import FILES
from dev import sample, serve
from dev.processes import base_environment, free_port
from dev.runner import CodeRunner
from tests.integration.chats import Chat, whole
from tests.integration.conftest import PLAIN, User
from tests.integration.model_stage import open_model
from tests.sample_document import document
from tests.scripted_model import text

ROOT = Path(__file__).parents[3]
COPIED = (
    ".env.example",
    "backend/app",
    "backend/dev",
    "backend/runner",
    "supabase/migrations",
    "supabase/lite.toml",
    "supabase/preload.mjs",
)
CREATES = 200


@dataclass
class Checkout:
    """A copy of the project with data, settings and ports of its own."""

    folder: Path
    port: int
    supabase_port: int
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a development command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "dev", *command],
            cwd=self.folder / "backend",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def refused(self) -> str:
        """What a start says that is refused."""
        ended = self.run()
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        return ended.stdout + ended.stderr

    @property
    def publishable_key(self) -> str:
        [key] = re.findall(r"SUPABASE_PUBLISHABLE_KEY=(\S+)", (self.folder / ".env").read_text())
        return str(key)

    def sign_in(self, password: str) -> bool:
        """Whether the development user has this password."""
        answer = httpx.post(
            f"http://127.0.0.1:{self.supabase_port}/auth/v1/token?grant_type=password",
            headers={"apikey": self.publishable_key},
            json={"email": "developer@example.com", "password": password},
            timeout=30,
            verify=PLAIN,
        )
        return answer.status_code == 200

    @property
    def environment(self) -> dict[str, str]:
        ports = {"PORT": str(self.port), "SUPABASE_PORT": str(self.supabase_port)}
        return base_environment() | ports | self.settings


class Running:
    """`make dev` in a checkout, from the line that says it is ready until it has ended."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "dev"],
            cwd=checkout.folder / "backend",
            env=checkout.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(120), self.said
        assert "Run the sample workspace" in self.said, self.said
        self.greeting = list(self.output)
        """The lines that it said until it was ready."""
        self.family = descendants(self.process.pid)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if "curl -X POST" in line:
                self._ready.set()
        self._ready.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.family = list({*self.family, *descendants(self.process.pid)})  # what it has started again
        self.process.send_signal(signal.SIGTERM)
        self.wait_until_gone()

    @property
    def said(self) -> str:
        """All of `output`: what it said since the test began."""
        return "".join(self.output)

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait while it runs."""
        deadline = time.monotonic() + 30
        while not happened():
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            os.sched_yield()

    def find(self, pattern: str) -> int:
        """The process of the family whose command line has the pattern."""
        commands = {pid: command_line(pid) for pid in self.family}
        [pid] = [pid for pid, command in commands.items() if re.search(pattern, command)]
        return pid

    def wait_until_gone(self) -> None:
        """Wait until neither it nor any process that it started is left."""
        deadline = time.monotonic() + 10
        assert self.process.stdout
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()
        while alive := [pid for pid in self.family if command_line(pid)]:
            assert time.monotonic() < deadline, [command_line(pid) for pid in alive]
            os.sched_yield()


class Kept:
    """One `make dev` that tests share: it runs from the first that wants it to one that wants it stopped."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self._running: Running | None = None

    def start(self) -> Running:
        """The one that runs, else a new one."""
        if self._running is None or self._running.process.poll() is not None:
            self._running = Running(self.checkout)
        return self._running

    def stop(self) -> None:
        """End it as Ctrl-C does, unless it has ended."""
        if self._running and self._running.process.poll() is None:
            self._running.__exit__()


def command_line(pid: int) -> str:
    """The command line of a process that is alive."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "" if listed.stdout.startswith("Z") else listed.stdout


def descendants(pid: int) -> list[int]:
    """The process and all that it has started."""
    family = [pid]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    for parent in family:
        family += [child for child, of in pairs if of == parent]
    return family


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, service: CodeRunner) -> Iterator[Kept]:
    """Of a checkout with the Python for WebAssembly that the code runner of these tests has fetched and compiled."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns(".python"))
        else:
            shutil.copy(ROOT / name, target)
    (folder / "backend/runner/.python").symlink_to(ROOT / "backend/runner/.python")
    (folder / "supabase/node_modules").symlink_to(ROOT / "supabase/node_modules")
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
    token = running.checkout.run("token").stdout.strip()
    acknowledged: list[str] = []
    halfway = threading.Event()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.checkout.api, headers=headers, timeout=10, verify=PLAIN) as client:

        def create(number: int) -> None:
            if number == CREATES // 2:
                halfway.set()
            try:
                answer = client.post("/v1/workspaces", json={"id": str(uuid4()), "name": f"w{number}"})
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
    headers = {"Authorization": f"Bearer {running.checkout.run('token').stdout.strip()}"}
    with httpx.Client(base_url=running.checkout.api, headers=headers, timeout=10, verify=PLAIN) as client:
        return [each for each in ids if client.get(f"/v1/workspaces/{each}").status_code != 200]


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
    token = running.checkout.run("token").stdout.strip()
    api = running.checkout.api
    headers = {"Authorization": f"Bearer {token}"}
    [workspace, *_] = httpx.get(f"{api}/v1/workspaces", headers=headers, timeout=10, verify=PLAIN).json()
    said, end, _ = whole(Chat(User("", token), workspace, str(uuid4())).ask(api))
    assert (said, end["status"]) == (text(5), "complete")


@pytest.mark.parametrize("settings", [{"OLLAMA_HOST": "127.0.0.1:9"}, {"AI_MODEL": "mine"}])
def test_no_model_is_chosen_where_there_is_no_ollama_or_one_is_set(settings: dict[str, str]) -> None:
    assert serve.ollama(settings) == {}


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
    checkout, token = running.checkout, running.checkout.run("token").stdout.strip()
    with httpx.Client(base_url=f"{checkout.api}/v1", headers={"Authorization": f"Bearer {token}"}, verify=PLAIN) as api:
        workspace = api.post("/workspaces", json={"name": "Books"}).json()["id"]
        for text in ((ROOT / "README.md").read_text(), FILES):
            (line,) = re.findall(r"^curl -T book.pdf .*\\\n.*$", text, re.MULTILINE)
            line = line.replace("make -s token", f"{sys.executable} -m dev token").replace(":8000", f":{checkout.port}")
            new = {"workspace_id": workspace, "type": "pdf", "title": "A book"}
            source = api.post("/sources", json=new).json()["id"]
            (checkout.folder / "backend/book.pdf").write_bytes(document())
            names = {"SOURCE_ID": source, "TOKEN": token, "API_URL": checkout.api}
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
    headers = {"Authorization": f"Bearer {running.checkout.run('token').stdout.strip()}"}
    with httpx.Client(headers=headers, verify=PLAIN) as client:
        answers = [client.post(f"{running.checkout.api}/v1/workspaces", json=row).status_code for _ in range(2)]
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
    headers = {"Authorization": f"Bearer {running.checkout.run('token').stdout.strip()}"}
    with httpx.Client(base_url=running.checkout.api, headers=headers, timeout=30, verify=PLAIN) as client:
        workspace = client.post("/v1/workspaces", json={"name": "w"}).json()["id"]
        for _ in range(100):
            text = base64.b64encode(os.urandom(600_000)).decode()
            source = {"workspace_id": workspace, "type": "pdf", "title": "x", "metadata": {"text": text}}
            answer = client.post("/v1/sources", json=source)
            if answer.status_code != 201:
                return acknowledged
            acknowledged.append(answer.json()["id"])
    raise AssertionError("it did not panic")


def test_a_stack_that_lives_but_does_not_serve_is_restarted(running: Running) -> None:
    checkout = running.checkout
    log = checkout.folder / "supabase/.temp/data/pg_wal"
    log.rename(log.with_name("gone"))
    acknowledged = write_until_it_hangs(running)
    running.wait_until(lambda: "lives but does not answer" in running.said)
    log.with_name("gone").rename(log)
    running.wait_until(lambda: "answers again" in running.said)
    headers = {"Authorization": f"Bearer {checkout.run('token').stdout.strip()}"}
    with httpx.Client(base_url=checkout.api, headers=headers, timeout=30, verify=PLAIN) as client:
        assert acknowledged
        assert all(client.get(f"/v1/sources/{each}").status_code == 200 for each in acknowledged)
    assert "Traceback" not in running.said


def test_what_everybody_could_read_or_knows_is_changed(running: Running, kept: Kept) -> None:
    """An older checkout: no password in .env, everybody's in the data, and both readable by all."""
    checkout = running.checkout
    settings, temp = checkout.folder / ".env", checkout.folder / "supabase/.temp"
    token = checkout.run("token").stdout.strip()
    headers = {"apikey": checkout.publishable_key, "Authorization": f"Bearer {token}"}
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
    assert checkout.run("token").stdout.count(".") == 2
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
        headers = {"Authorization": f"Bearer {checkout.run('token').stdout.strip()}"}
        with httpx.Client(base_url=f"{checkout.api}/v1", headers=headers, timeout=10, verify=PLAIN) as client:
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
