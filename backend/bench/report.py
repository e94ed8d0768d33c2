"""The results as people read them."""

import operator
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.stage import Stage
from dev import http_calls

BOUNDS = {"<=": operator.le, ">=": operator.ge}
PACKAGES = ("fastapi", "starlette", "pydantic", "supabase", "aiohttp", "httptools", "uvicorn", "uvloop")

# Name, what it is, the bound it must keep.
FIGURES = (
    ("cpu_gateway_over_bare_one", "CPU per request, gateway / bare, one row", "<= 2.1"),
    ("cpu_gateway_over_bare_list100", "CPU per request, gateway / bare, list of 100", "<= 1.4"),
    ("cpu_gateway_over_bare_create", "CPU per request, gateway / bare, create", "<= 2.1"),
    ("cpu_idiom_over_gateway_one", "CPU per request, idiom / gateway, one row", ">= 80"),
    ("added_p50_ms_c1", "p50 that the gateway adds to PostgREST, one row at 1 connection, ms", "<= 0.6"),
    ("p50_canvas_over_separate", "p50, canvas of 200 nodes / four direct requests in turn", "<= 0.68"),
    ("cpu_ms_one_bare", "CPU per request, bare, one row, ms", ""),
    ("cpu_ms_one_gateway", "CPU per request, gateway, one row, ms", ""),
    ("cpu_ms_list100_gateway", "CPU per request, gateway, list of 100, ms", ""),
    ("cpu_ms_create_gateway", "CPU per request, gateway, create, ms", ""),
    ("rps_one_gateway", "requests/s of a worker, static upstream, one row at 16", ""),
    ("rps_list100_gateway", "requests/s of a worker, static upstream, list of 100 at 16", ""),
    ("rps_busy_gateway", "requests/s of a worker, real upstream, one row at 16", ""),
    ("p50_ms_real_gateway", "p50, one row at 1, real upstream, ms", ""),
    ("p50_ms_canvas_gateway", "p50, canvas of 200 nodes at 1, real upstream, ms", ""),
    ("start_up_seconds", "from the start of the process until it serves, s", ""),
    ("mib_at_the_start", "memory of a worker at its start, MiB", ""),
    ("mib_warm", "memory after a tenth of the soak", ""),
    ("mib_half_way", "memory half way through the soak", ""),
    ("mib_at_the_end", "memory at its end", ""),
)

RESULTS = """# What the gateway costs

Written by `make bench RECORD=1`. Ratios within the run matter; figures are this machine's, which also ran the load
generator, the database and everything else. The lines of a round follow one another, so a ratio is of the same minute.

| figure | median | spread | must |
|---|---|---|---|
{lines}

**gateway** is this one, as the container image runs it: JSON log lines, metrics on. **bare** is the gateway with plain
FastAPI routes in place of its own, whose rows were made once: no upstream. **idiom** makes a Supabase client for each
request in a synchronous route. CPU is the worker's own, at 16 connections, over a static upstream that repeats at a
constant cost what PostgREST answered. The four direct requests are for the workspace, its sources, labs and edges. The
p50 is added at one connection, where no request waits for another: it is mostly the CPU time of the gateway, and on
a busy machine the wait for a CPU. The soak is reads, lists, creates, and ids that never come again.

{when}: {machine}, {cores} cores, {settings}.
{versions}.
"""


def results(figures: Mapping[str, Sequence[float]], stage: Stage, settings: str) -> str:
    """`RESULTS.md`. Figures that were not measured are left out."""
    lines = [
        f"| {what} | **{_number(median(values))}** | {_spread(values)} | {_judged(median(values), bound)} |"
        for name, what, bound in FIGURES
        if (values := figures.get(name))
    ]
    versions = [
        f"python {platform.python_version()}",
        f"PostgreSQL {stage.stack.sql('show server_version').strip()}",
        f"PostgREST {http_calls.call('GET', f'{stage.stack.url}/rest/v1/', {})[1]['info']['version']}",
        *(f"{package} {version(package)}" for package in PACKAGES),
    ]
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return RESULTS.format(
        lines="\n".join(lines),
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        machine=models[0].partition(": ")[2] if models else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        settings=settings,
        versions=", ".join(versions),
    )


def _judged(value: float, bound: str) -> str:
    if not bound:
        return ""
    sign, limit = bound.split()
    return bound if BOUNDS[sign](value, float(limit)) else f"{bound} **missed**"


def _spread(values: Sequence[float]) -> str:
    return f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.3g}"
