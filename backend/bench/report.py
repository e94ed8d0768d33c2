"""The results as people read them, and as programs do."""

import json
import operator
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from bench.cases import Case
from bench.measure import Measurement, Rounds, middle, ratios
from bench.procfs import cpu_model, rss_mib
from bench.stage import Stage

HERE = Path(__file__).parent
JSON_FILE = HERE / "results/latest.json"
RECORD = HERE / "RESULTS.md"
PACKAGES = (
    *("fastapi", "starlette", "pydantic", "supabase", "aiohttp", "httptools", "uvicorn", "uvloop"),
    *("sqlalchemy", "asyncpg"),
)

# Name, what it is, the bound it must keep and the one it aims at.
TARGETS = (
    ("cpu_gateway_over_bare_one", "CPU per request, gateway / bare, one row", "<= 3.5", "<= 2.5"),
    ("cpu_gateway_over_bare_list100", "CPU per request, gateway / bare, list of 100", "<= 2.2", "<= 1.5"),
    ("cpu_idiom_over_gateway_one", "CPU per request, idiom / gateway", ">= 80", ">= 120"),
    ("rps_gateway_over_sqlalchemy_c16", "requests/s at 16, gateway / SQLAlchemy", ">= 1.0", ">= 1.5"),
    ("added_p50_ms_c1", "p50 added to direct PostgREST at 1, ms", "<= 2.0", "<= 1.0"),
    ("added_p50_ms_c1_floor", "of which the floor adds, ms", "", ""),
    ("p50_canvas_over_separate", "p50, canvas of 200 / four direct requests in turn", "<= 1.0", "<= 0.6"),
)
BOUNDS = {"<=": operator.le, ">=": operator.ge}


def document(
    results: Rounds, stage: Stage, extras: Mapping[str, object], settings: Mapping[str, float], load_before: float
) -> dict[str, Any]:
    """Everything that was measured."""
    each = ratios(results)
    return {
        "measured_at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": _machine(stage) | {"load_before": round(load_before, 2)},
        "settings": dict(settings),
        "ratios": {name: middle(values)["median"] for name, values in each.items()},
        "ratios_spread": {name: middle(values) for name, values in each.items()},
        "rss_mib": {
            f"{key.arrangement}, {key.upstream} upstream, {key.workers} worker(s)": rss_mib(child.pid)
            for key, (_, child) in stage.servers.items()
            if child
        },
        **extras,
        "cells": [
            asdict(cell)
            | {field.name: middle([getattr(m, field.name) for m in rounds]) for field in fields(Measurement)}
            for cell, rounds in results.items()
        ],
    }


def _machine(stage: Stage) -> dict[str, Any]:
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    package = json.loads((HERE / "package.json").read_text())
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            "postgres": stage.stack.sql("show server_version").strip(),
            "postgrest": stage.postgrest_version,
            "node": node,
            **package["dependencies"],
            **{package: version(package) for package in PACKAGES},
        },
    }


def figures(result: Mapping[str, Any]) -> str:
    """The table of the figures that have a target."""
    lines = [
        "| figure | median | spread | must | aim |",
        "|---|---|---|---|---|",
        *(
            f"| {what} | **{_number(spread['median'])}** | {_spread(spread)} | "
            f"{_judged(spread['median'], must)} | {_judged(spread['median'], aim)} |"
            for name, what, must, aim in TARGETS
            for spread in [result["ratios_spread"][name]]
        ),
    ]
    return "\n".join(lines)


def _judged(value: float, bound: str) -> str:
    if not bound:
        return ""
    sign, limit = bound.split()
    return bound if BOUNDS[sign](value, float(limit)) else f"{bound} **missed**"


def details(result: Mapping[str, Any]) -> str:
    """The tables of everything else, and where and with what it was measured."""
    machine, settings = result["machine"], result["settings"]
    lines = [
        "| case | at | workers | upstream | arrangement | CPU-ms/request | requests/s | p50 ms | p99 ms | generator |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(_line, sorted(result["cells"], key=_order)),
        "",
        "| memory of | MiB |",
        "|---|---|",
        *(f"| {name} | {size:.0f} |" for name, size in result["rss_mib"].items()),
        "",
    ]
    if neighbours := result.get("neighbours"):
        lines += [
            "| one row at 4, a canvas of 5,000 meanwhile | p50 ms | p99 ms | requests/s | canvas ms |",
            "|---|---|---|---|---|",
            *(
                f"| {condition} | "
                + " | ".join(
                    f"{_number(figures[name]['median'])} ({_spread(figures[name])})" if name in figures else ""
                    for name in ("p50_ms", "p99_ms", "rps", "canvas_p50_ms")
                )
                + " |"
                for condition, figures in neighbours.items()
            ),
            "",
        ]
    if memory := result.get("memory"):
        lines.append(
            f"One worker over {memory['requests']:,} requests: {memory['started_mib']:.1f} MiB at the start, "
            f"{memory['warm_mib']:.1f} warm, {memory['half_mib']:.1f} half way, {memory['end_mib']:.1f} at the end."
        )
    if startup := result.get("startup_seconds"):
        lines.append(f"From the start of the process until it serves: {startup:.2f} s.")
    lines += [
        "",
        f"{result['measured_at']}: {machine['cpu']}, {machine['cores']} cores, load {machine['load_before']} in the "
        f"quarter of an hour before; {settings['rounds']} rounds of {settings['seconds']} s per line.",
        ", ".join(f"{name} {number}" for name, number in machine["versions"].items()) + ".",
    ]
    return "\n".join(lines)


def _order(cell: Mapping[str, Any]) -> tuple[int, str, int, int]:
    return get_args(Case).index(cell["case"]), cell["upstream"], cell["workers"], cell["concurrency"]


def _line(cell: Mapping[str, Any]) -> str:
    name = f"{cell['arrangement']}, {cell['way']}" if cell["way"] else cell["arrangement"]
    shape = [cell["case"], cell["concurrency"], cell["workers"], cell["upstream"], name]
    cpu = "" if cell["arrangement"] == "direct" else f"{cell['cpu_ms']['median']:.3f} ({_spread(cell['cpu_ms'])})"
    rest = [cpu, f"{cell['rps']['median']:.0f}", *(f"{cell[p]['median']:.2f}" for p in ("p50_ms", "p99_ms"))]
    return "| " + " | ".join(map(str, [*shape, *rest, f"{cell['generator']['median']:.0%}"])) + " |"


def _spread(figure: Mapping[str, float]) -> str:
    return f"{_number(figure['least'])} to {_number(figure['most'])}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.3g}"


def save(result: Mapping[str, Any]) -> None:
    """Write `results/latest.json`."""
    JSON_FILE.parent.mkdir(exist_ok=True)
    JSON_FILE.write_text(json.dumps(result, indent=1) + "\n")


def record(result: Mapping[str, Any]) -> None:
    """Write `RESULTS.md`."""
    template = (HERE / "RESULTS.template.md").read_text()
    RECORD.write_text(template.replace("<!-- results -->", f"{figures(result)}\n\n{details(result)}"))
