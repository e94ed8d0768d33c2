"""The runner under load, killed, and told to stop. What it costs is printed: `pytest -s -m soak tests/runner`."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.services import code_runs
from app.services.runner import Runner, RunnerError
from dev.processes import Supervisor, free_port
from dev.runner import CodeRunner, start_runner
from runner.python import Python, PythonError, _sha256, prepare

CODE = "def double(x):\n    return 2 * x\n"
TESTS = (
    "from solution import double\ndef test_a():\n    assert double(2) == 4\ndef test_b():\n    assert double(3) == 6\n"
)


async def solve(client: httpx.AsyncClient) -> tuple[str, float]:
    """The verdict on a right solution, and the seconds that it took as the gateway sees them."""
    started_at = time.monotonic()
    prepared = code_runs.prepare(CODE, TESTS)
    outcome = await Runner(client).run(
        prepared.source, prepared.stdin, cpu_seconds=5, wall_seconds=10, memory_kib=code_runs.MEMORY_KIB
    )
    return code_runs.read_result(prepared, outcome)["status"], time.monotonic() - started_at


async def many(client: httpx.AsyncClient, count: int) -> list[str]:
    return [(await solve(client))[0] for _ in range(count)]


def memory(pid: int) -> int:
    """KiB that belong to a process and what it has started, each page counted once (Pss)."""
    total = 0
    for process in [pid, *children(pid)]:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def cpu(pid: int) -> float:
    """Seconds of CPU of a process, of what it has started, and of what those have."""
    total = 0
    for process in [pid, *children(pid)]:
        total += sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """Starts runners of the test's own."""
    with Supervisor() as supervisor:

        def start(**settings: str) -> CodeRunner:
            runner = start_runner(supervisor, port=free_port(), output=tmp_path / "log", settings=settings)
            supervisor.wait_until(runner.answers, "the code runner", seconds=60)
            return runner

        start.supervisor = supervisor  # type: ignore[attr-defined]
        yield start


def test_a_killed_runner_fails_its_runs_clearly_and_works_again(own: Any) -> None:
    runner = own()

    async def scenario() -> tuple[list[Any], list[int]]:
        async with httpx.AsyncClient(base_url=runner.url) as client:
            slow = code_runs.prepare("import time\ntime.sleep(30)", TESTS)
            limits: dict[str, Any] = {"cpu_seconds": 5, "wall_seconds": 10, "memory_kib": 128_000}
            runs = [asyncio.create_task(Runner(client).run(slow.source, slow.stdin, **limits)) for _ in range(20)]
            while len(children(runner.child.pid)) < 2:  # noqa: ASYNC110 - the template, and a run at least
                await asyncio.sleep(0.01)
            copies = children(runner.child.pid)
            os.kill(runner.child.pid, signal.SIGKILL)
            endings = await asyncio.wait_for(asyncio.gather(*runs, return_exceptions=True), 20)
            return endings, copies

    endings, copies = asyncio.run(scenario())
    deadline = time.monotonic() + 5
    while any(b"template" in _command(pid) for pid in copies):
        assert time.monotonic() < deadline, "a run has outlived its runner"
    assert {type(ending) for ending in endings} == {RunnerError}
    own.supervisor.stop(runner.child)
    again = own()

    async def once() -> str:
        async with httpx.AsyncClient(base_url=again.url) as client:
            return (await solve(client))[0]

    assert asyncio.run(once()) == "pass"


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_killed_template_is_replaced(own: Any) -> None:
    runner = own()
    body = {"language_id": 71, "source_code": "import time\ntime.sleep(0.5)\nprint(1)"}
    with httpx.Client(base_url=runner.url, timeout=30) as client:
        token = client.post("/submissions", json=body).json()["token"]
        while client.get(f"/submissions/{token}").json()["status"]["id"] == 1:
            pass
        (template,) = [
            int(child)
            for task in Path(f"/proc/{runner.child.pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        os.kill(template, signal.SIGKILL)
        while (status := client.get(f"/submissions/{token}").json()["status"]["id"]) < 3:
            pass
        assert status == 13
        assert client.post("/submissions?wait=true", json=body).json()["stdout"] == "1\n"


def test_sigterm_ends_it_cleanly(own: Any) -> None:
    runner = own()
    pid = runner.child.pid
    with httpx.Client(base_url=runner.url) as client:
        client.post("/submissions", json={"language_id": 71, "source_code": "import time\ntime.sleep(30)"})
    started = children(pid)
    runner.child.process.send_signal(signal.SIGTERM)
    runner.child.process.wait(10)
    assert not [process for process in started if b"template" in _command(process)]


def test_wrong_settings_are_named_and_not_shown() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"RUNNER_PORT": "secret"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "RUNNER_PORT" in done.stderr
    assert "secret" not in done.stderr


def test_damaged_machine_code_is_not_loaded(service: CodeRunner, tmp_path: Path) -> None:
    original = Python(Path(__file__).parents[2] / "runner/.python")
    copy = Python(tmp_path)
    for name in ("compiled", "checksum"):
        getattr(copy, name).write_bytes(getattr(original, name).read_bytes())
    assert copy.is_ready()
    with copy.compiled.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    assert not copy.is_ready()
    copy.checksum.write_text(f"{'0' * 64} {_sha256(copy.compiled)}\n")
    assert not copy.is_ready(), "compiled from something else"


def test_without_npm_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PythonError, match="npm is missing"):
        prepare(Python(tmp_path / "python"))


@pytest.mark.soak
def test_what_it_costs(own: Any) -> None:
    started_at = time.monotonic()
    runner = own()
    print(f"\nstart {time.monotonic() - started_at:.2f} s")
    idle = memory(runner.child.pid)

    async def measure() -> None:
        async with httpx.AsyncClient(base_url=runner.url, limits=httpx.Limits(max_connections=50)) as client:
            await solve(client)
            times = [(await solve(client))[1] for _ in range(40)]
            print(f"two tests: p50 {statistics.median(times) * 1000:.0f} ms, max {max(times) * 1000:.0f} ms")
            used = cpu(runner.child.pid)
            for together in (2, 20):
                before = time.monotonic()
                verdicts = await asyncio.gather(*(many(client, 100 // together) for _ in range(together)))
                seconds = time.monotonic() - before
                assert {verdict for verdicts_ in verdicts for verdict in verdicts_} == {"pass"}
                print(f"{together} at once: {100 / seconds:.1f} runs/s")
            print(f"CPU of runner and runs: {(cpu(runner.child.pid) - used) / 200 * 1000:.0f} ms a run")
            assert statistics.median(times) <= 0.4
            assert 100 / seconds >= 6

    asyncio.run(measure())
    print(f"memory idle {idle // 1024} MiB, after the runs {memory(runner.child.pid) // 1024} MiB")

    wide = own(RUNNER_SLOTS="20")
    body = {"language_id": 71, "source_code": "import time\nx = bytearray(10 << 20)\ntime.sleep(2)"}
    with httpx.Client(base_url=wide.url) as client:
        for _ in range(20):
            client.post("/submissions", json=body)
        while len(children(wide.child.pid)) < 21:
            pass
        time.sleep(1)
        print(f"memory with 20 runs of 10 MiB each: {memory(wide.child.pid) // 1024} MiB")
