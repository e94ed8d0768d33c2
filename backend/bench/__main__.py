"""`make bench`: measures what the gateway costs, prints it, and writes `results/latest.json`.

QUICK=1 measures only what has a bound, in a minute; RECORD=1 writes `RESULTS.md` too.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import measure, report
from bench.stage import open_stage
from dev.processes import StartError
from dev.serve import interrupt

HERE = Path(__file__).parent


def main() -> int:
    """The exit status."""
    quick = bool(os.environ.get("QUICK"))
    seconds = float(os.environ.get("BENCH_SECONDS") or 1)
    rounds = int(os.environ.get("BENCH_ROUNDS") or (3 if quick else 7))
    soak = int(os.environ.get("BENCH_SOAK") or 200_000)
    load = os.getloadavg()[2]
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="aide-bench-") as folder, open_stage(Path(folder)) as stage:
            figures = measure.figures(stage, seconds, rounds)
            if not quick:
                figures |= measure.start_up(stage) | measure.soak(stage, soak)
            text = report.results(figures, stage, f"{rounds} rounds of {seconds:g} s a line, load {load:.2f} before")
    except (StartError, OSError) as error:
        print(f"No benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(text)
    latest = HERE / "results/latest.json"
    latest.parent.mkdir(exist_ok=True)
    ratios = {name: median(values) for name, values in figures.items()}
    latest.write_text(json.dumps({"ratios": ratios, "rounds": figures}, indent=1) + "\n")
    if os.environ.get("RECORD"):
        (HERE / "RESULTS.md").write_text(text)
    return 0


sys.exit(main())
