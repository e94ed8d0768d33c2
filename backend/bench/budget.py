"""`python -m bench.budget`: how many calls a request makes, in Python and into C, beside what it may make.

Counted in process, through the whole app and over real sockets to the static upstream, so that the figure is the same
on a busy machine. `--write` makes today's counts the budget.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop

from bench.cases import CASES, Request, User, to_gateway
from bench.stage import NEEDLES, answers, static_upstream
from dev.processes import StartError, Supervisor
from tests.tokens import JWT_SECRET

FILE = Path(__file__).with_name("budget.json")
REQUESTS = 40
MARGIN = 1.1
"""Above the budget: other versions of Python and of libraries make somewhat more or fewer calls."""
PER_ROW = 0.7
"""Calls for each row of a list beyond the first: none, but for how the answer's bytes arrive."""

ROW = {
    "id": "8c5d3f0e-6a41-4f0b-9b0e-2f6f0c1d7a10",
    "owner_id": "5e0a8f52-3c1b-4d57-8a9e-6b7c2d1f0e33",
    "name": "Linear algebra",
    "viewport": {"x": -120, "y": 40, "zoom": 0.75},
    "version": 2,
    "created_at": "2026-11-23T09:30:00.125+00:00",
    "updated_at": "2026-11-23T10:05:12.482+00:00",
}


class Calls:
    """Counts the calls that are made while it is entered."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Calls":
        sys.setprofile(self._event)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _event(self, frame: FrameType, event: str, argument: Any) -> None:
        if event in {"call", "c_call"}:
            self.count += 1


def made_up() -> str:
    """Answers for the static upstream, without a database."""
    row = json.dumps(ROW)
    documents: dict[str, str] = {
        "/health": "null",
        NEEDLES["canvas"]: '[{"nodes":[],"edges":[],"viewport":{"x":0,"y":0,"zoom":1}}]',
        NEEDLES["list100"]: f"[{','.join([row] * 100)}]",
        NEEDLES["list1"]: f"[{row}]",
        NEEDLES["create"]: row,
        NEEDLES["one"]: row,
    }
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    return json.dumps([(needle, f"{head}{len(body)}\r\n\r\n{body}") for needle, body in documents.items()])


async def count_calls() -> dict[str, int]:
    """The calls of one request of each kind: the least of several, as sockets sometimes need another turn."""
    from app.main import app  # reads the settings that `main` has made

    user = User.new(JWT_SECRET)
    counts: dict[str, int] = {}
    async with app.router.lifespan_context(app):
        for case in CASES:
            request = to_gateway(case, user)
            seen = []
            for _ in range(REQUESTS):
                with Calls() as calls:
                    status = await ask(app, request)
                if not 200 <= status < 300:
                    raise StartError(f"{case} is answered {status}")
                seen.append(calls.count)
            counts[case] = min(seen)
    return counts


async def ask(app: Callable[..., Any], request: Request) -> int:
    """Sends the request as a server would; the answer's status."""
    path, _, query = request["path"].partition("?")
    status = 0

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": request.get("body", "").encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": request["method"],
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in request["headers"].items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)
    return status


def exceeded(counts: dict[str, int], budget: dict[str, int]) -> list[str]:
    """One line for each bound that does not hold."""
    lines = [
        f"{case}: {counts[case]} calls, the budget is {budget[case]} and a tenth"
        for case in CASES
        if counts[case] > budget[case] * MARGIN
    ]
    per_row = (counts["list100"] - counts["list1"]) / 99
    if per_row > PER_ROW:
        lines.append(f"each row of a list: {per_row:.1f} calls, where rows are handled all at once")
    return lines


def main() -> int:
    """The exit status: 0 when the budget is kept."""
    with tempfile.TemporaryDirectory() as name, Supervisor() as supervisor:
        folder = Path(name)
        url = static_upstream(supervisor, folder, made_up())
        supervisor.wait_until(lambda: answers(url), "the static upstream")
        os.environ |= {
            "ENVIRONMENT": "production",
            "SUPABASE_URL": url,
            "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_test",
            "SUPABASE_JWT_SECRET": JWT_SECRET,
            "ALLOW_SHARED_JWT_SECRET": "true",
            "LOG_LEVEL": "INFO",
        }
        output, sys.stdout = sys.stdout, (folder / "log").open("w")  # the access log goes there
        try:
            counts = uvloop.run(count_calls())
        finally:
            sys.stdout.close()
            sys.stdout = output
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(counts, indent=2) + "\n")
    budget = json.loads(FILE.read_text())
    for case in CASES:
        print(f"{case:8} {counts[case]:5} calls, budget {budget[case]}")
    wrong = exceeded(counts, budget)
    print("\n".join(wrong) or "within the budget")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
