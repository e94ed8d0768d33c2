"""`python -m bench`: measures everything in one interleaved run, prints it and writes `results/latest.json`."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import measure, report
from bench.install import install
from bench.neighbours import neighbours
from bench.processes import SOAK_REQUESTS, memory, startup_seconds
from bench.stage import open_stage
from dev.processes import StartError
from dev.serve import interrupt


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what the targets need, in little more than a minute")
    parser.add_argument("--record", action="store_true", help="write RESULTS.md too")
    parser.add_argument(
        "--only", choices=["memory", "neighbours", "startup_seconds"], help="measure this alone and write nothing"
    )
    arguments = parser.parse_args()
    seconds = float(os.environ.get("BENCH_SECONDS") or 0.8)
    rounds = int(os.environ.get("BENCH_ROUNDS") or (3 if arguments.quick else 5))
    soak = int(os.environ.get("BENCH_SOAK") or SOAK_REQUESTS)
    started_at = time.monotonic()
    load_before = os.getloadavg()[2]

    def say(line: str) -> None:
        print(f"{time.monotonic() - started_at:6.1f} s  {line}", flush=True)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        install()
        with tempfile.TemporaryDirectory(prefix="aide-bench-") as folder:
            say("starting PostgreSQL and PostgREST")
            with open_stage(Path(folder)) as stage:
                extras: dict[str, Callable[[], object]] = {
                    "startup_seconds": lambda: startup_seconds(stage),
                    "neighbours": lambda: neighbours(stage, 3 * seconds, rounds),
                    "memory": lambda: memory(stage, soak),
                }
                if arguments.only:
                    print(json.dumps(extras[arguments.only](), indent=1))
                    return 0
                say("starting the arrangements")
                plan = measure.cells(quick=arguments.quick)
                hint = "" if arguments.quick else "; QUICK=1 takes one"
                say(f"about {1.3 * len(plan) * seconds * rounds / 60:.0f} minutes to come{hint}")
                results = measure.measure(plan, stage, seconds, rounds, say)
                more: dict[str, object] = {}
                if not arguments.quick:
                    for name, extra in extras.items():
                        say(f"measuring {name}")
                        more[name] = extra()
                result = report.document(results, stage, more, {"seconds": seconds, "rounds": rounds}, load_before)
    except StartError as error:
        print(f"No benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{report.details(result)}\n\n{report.figures(result)}\n")
    report.save(result)
    if arguments.record:
        report.record(result)
    say("done")
    return 0


sys.exit(main())
