"""Judge0's API, as the runner speaks it."""

import base64
import time
from typing import Any

import httpx
import pytest

from dev.processes import Supervisor, free_port
from dev.runner import start_runner

PROGRAM = {"language_id": 71, "source_code": "print(input())", "stdin": "hello"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def finished(judge: httpx.Client, token: str, query: str = "") -> dict[str, Any]:
    """The submission, once it is neither waiting nor running."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        body: dict[str, Any] = judge.get(f"/submissions/{token}{query}").json()
        if body["status"]["id"] > 2:
            return body
    raise AssertionError("still running")


def test_a_submission_that_is_waited_for_has_the_default_fields(judge: httpx.Client) -> None:
    answer = judge.post("/submissions?wait=true", json=PROGRAM)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status"}
    assert (body["stdout"], body["stderr"]) == ("hello\n", None)
    assert body["status"] == {"id": 3, "description": "Accepted"}
    assert 0 < float(body["time"]) < 5
    assert body["memory"] > 1000


def test_a_submission_that_is_not_waited_for_is_found_by_its_token(judge: httpx.Client) -> None:
    answer = judge.post("/submissions", json=PROGRAM)
    assert (answer.status_code, set(answer.json())) == (201, {"token"})
    assert finished(judge, answer.json()["token"])["stdout"] == "hello\n"


def test_texts_travel_in_base64(judge: httpx.Client) -> None:
    source = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read() + bytes([255]))"
    body = {"language_id": 71, "source_code": encoded(source), "stdin": encoded("é\0")}
    answer = judge.post("/submissions?base64_encoded=true&wait=true", json=body).json()
    assert base64.b64decode(answer["stdout"]) == "é\0".encode() + b"\xff"
    plain = judge.get(f"/submissions/{answer['token']}")
    assert plain.status_code == 400, "as Judge0 refuses what is not UTF-8"
    assert "base64_encoded=true" in plain.json()["error"]


def test_fields_are_chosen(judge: httpx.Client) -> None:
    token = judge.post("/submissions?wait=true", json=PROGRAM).json()["token"]
    assert judge.get(f"/submissions/{token}?fields=stdin,status_id").json() == {"stdin": "hello", "status_id": 3}
    assert judge.get(f"/submissions/{token}?fields=*").json()["language"]["id"] == 71
    assert judge.get(f"/submissions/{token}?fields=nothing").json() == {"error": "invalid fields: [nothing]"}


def test_output_is_compared_with_what_was_expected(judge: httpx.Client) -> None:
    for expected, status in (("hello", 3), ("hello  \n\n", 3), ("bye", 4)):
        body = judge.post("/submissions?wait=true", json=PROGRAM | {"expected_output": expected}).json()
        assert body["status"]["id"] == status


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"language_id": 1}, "language_id"),
        ({"language_id": None}, "language_id"),
        ({"source_code": ""}, "source_code"),
        ({"source_code": None}, "source_code"),
        ({"source_code": 5}, "source_code"),
        ({"cpu_time_limit": 1000}, "cpu_time_limit"),
        ({"cpu_time_limit": -1}, "cpu_time_limit"),
        ({"cpu_time_limit": "many"}, "cpu_time_limit"),
        ({"wall_time_limit": 0.5}, "wall_time_limit"),
        ({"memory_limit": 1}, "memory_limit"),
        ({"memory_limit": 10**9}, "memory_limit"),
        ({"additional_files": "UEs="}, "additional_files"),
        ({"callback_url": "http://127.0.0.1/"}, "callback_url"),
        ({"enable_network": True}, "enable_network"),
    ],
)
def test_what_cannot_be_run_is_refused(judge: httpx.Client, change: dict[str, Any], field: str) -> None:
    answer = judge.post("/submissions?wait=true", json=PROGRAM | change)
    assert (answer.status_code, list(answer.json())) == (422, [field])


def test_bodies_are_json_and_bounded(judge: httpx.Client) -> None:
    plain = judge.post("/submissions", content=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415, "a page of another origin must ask the browser first"
    json = {"Content-Type": "application/json"}
    assert judge.post("/submissions", content=b"{", headers=json).status_code == 400
    assert judge.post("/submissions", content=b"[1]", headers=json).status_code == 422
    assert judge.post("/submissions", content=b"[" * 100_000, headers=json).status_code == 400
    endless = b'{"language_id": 71, "source_code": "1", "wall_time_limit": NaN}'  # neither too small nor too large
    assert judge.post("/submissions", content=endless, headers=json).status_code == 422
    large = PROGRAM | {"stdin": "x" * 1024 * 1024}
    refused = judge.post("/submissions", json=large)
    assert (refused.status_code, refused.headers["connection"]) == (413, "close"), "what comes yet is not read"


def test_what_is_not_there_is_not_found(judge: httpx.Client) -> None:
    assert judge.get("/submissions/nothing").status_code == 404
    assert judge.get("/languages/1").status_code == 404


def test_languages_and_about(judge: httpx.Client) -> None:
    (language,) = judge.get("/languages").json()
    assert language["name"].startswith("Python (3.")
    assert judge.get(f"/languages/{language['id']}").json()["is_archived"] is False
    assert judge.get("/about").json()["version"]
    assert judge.get("/health").json() == {"status": "ok"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A runner with a token, one slot, one place in the queue, and one result that it keeps; not warm."""
    log = tmp_path_factory.mktemp("small") / "runner.log"
    settings = {"RUNNER_SLOTS": "1", "RUNNER_QUEUE": "1", "RUNNER_KEPT_RESULTS": "1", "RUNNER_WARM": "false"}
    with Supervisor() as supervisor:
        runner = start_runner(supervisor, port=free_port(), output=log, token="secret", settings=settings)
        supervisor.wait_until(runner.answers, "the code runner", seconds=60)
        with httpx.Client(base_url=runner.url, timeout=60, headers={"X-Auth-Token": "secret"}) as client:
            yield client


def test_without_the_token_nothing_but_health_answers(small: httpx.Client) -> None:
    for token in (b"", b"wrong", b"s\xc3\xa9cret"):
        headers = {b"X-Auth-Token": token}
        for path in ("/languages", "/about", "/submissions/x"):
            assert small.get(path, headers=headers).status_code == 401
        assert small.post("/submissions", json=PROGRAM, headers=headers).status_code == 401
    assert httpx.get(f"{small.base_url}/health").status_code == 200


def test_a_full_queue_is_503_and_says_when_to_come_again(small: httpx.Client) -> None:
    small.post("/submissions?wait=true", json=PROGRAM)  # whose place is free again, and no second one
    slow = PROGRAM | {"source_code": "import time\ntime.sleep(1)\nprint(5)"}
    tokens = [small.post("/submissions", json=slow).json()["token"]]
    while small.get(f"/submissions/{tokens[0]}").json()["status"]["id"] == 1:
        pass
    tokens.append(small.post("/submissions", json=slow).json()["token"])
    full = small.post("/submissions", json=slow)
    assert (full.status_code, full.json()) == (503, {"error": "queue is full"})
    assert full.headers["Retry-After"] == "1"
    assert finished(small, tokens[1])["stdout"] == "5\n"
    assert small.get(f"/submissions/{tokens[0]}").status_code == 404, "only the newest result is kept"


def test_asyncio_and_the_end_of_a_program_are_as_elsewhere(judge: httpx.Client) -> None:
    source = (
        "import asyncio, atexit\natexit.register(print, 'bye')\n"
        "async def main():\n    asyncio.get_running_loop().call_soon_threadsafe(print, 'soon')\n"
        "    await asyncio.sleep(0.01)\nasyncio.run(main())"
    )
    body = judge.post("/submissions?wait=true", json=PROGRAM | {"source_code": source}).json()
    assert (body["stdout"], body["stderr"]) == ("soon\nbye\n", None)


def test_a_run_that_starts_cold_is_the_same(small: httpx.Client) -> None:
    source = (
        "import time, random, asyncio\ntime.sleep(0.01)\nprint(input())\nasyncio.run(asyncio.sleep(0.01))\nprint(1/0)"
    )
    body = small.post("/submissions?wait=true", json=PROGRAM | {"source_code": source}).json()
    assert (body["stdout"], body["status"]["id"]) == ("hello\n", 11)
    assert body["stderr"].startswith('Traceback (most recent call last):\n  File "script.py", line 5, in <module>\n')
    limits = {"memory_limit": 64_000, "source_code": "x = []\nwhile True: x.append('a' * 1000000)"}
    assert "MemoryError" in small.post("/submissions?wait=true", json=PROGRAM | limits).json()["stderr"]
