"""What is counted when several workers count together."""

import os
import subprocess
import sys
from pathlib import Path

from dev.processes import free_port

BACKEND = Path(__file__).parents[1]
KILLED = """
import os
from app import metrics
metrics.upstream_in_flight.inc(7)
metrics.jwks_fetches.labels("failed").inc()
os.kill(os.getpid(), 9)
"""
NEXT = """
import sys, urllib.request
from app import metrics
metrics.serve(int(sys.argv[1]))
print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics").read().decode())
"""


def run(script: str, folder: Path, *arguments: str) -> str:
    """What a worker that runs this script says."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=BACKEND, env=environment, stdout=subprocess.PIPE, text=True).stdout


def test_a_worker_that_was_killed_has_nothing_in_flight(tmp_path: Path) -> None:
    run(KILLED, tmp_path)
    lines = run(NEXT, tmp_path, str(free_port())).splitlines()
    assert not [line for line in lines if line.startswith("aide_upstream_in_flight") and not line.endswith(" 0.0")]
    assert 'aide_jwks_fetches_total{outcome="failed"} 1.0' in lines, "its counts stay"
