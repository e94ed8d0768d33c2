"""What is counted, for Prometheus.

One worker counts for itself. Several count together when `PROMETHEUS_MULTIPROC_DIR` names a folder that they can write
to and that is empty when they start; then whichever of them serves the metrics answers for all.
"""

import logging
import os
from pathlib import Path
from socket import has_dualstack_ipv6

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

requests = Histogram(
    "aide_request_duration_seconds", "Requests answered.", ["method", "route", "status"], buckets=_SECONDS
)
upstream = Histogram(
    "aide_upstream_duration_seconds",
    "Requests to Supabase's data API and file store, until their answers begin.",
    ["method", "outcome"],
    buckets=_SECONDS,
)
upstream_in_flight = Gauge(
    "aide_upstream_in_flight",
    "Requests to Supabase that have a connection, until their answers are read, or wait for one.",
    multiprocess_mode="livesum",
)
tokens = Counter("aide_tokens_total", "Access tokens seen: found in the cache, verified or refused.", ["outcome"])
turns = Counter("aide_turns_total", "Answers and labs that a model wrote, by how they ended.", ["table", "status"])
ai_tokens = Counter("aide_ai_tokens_total", "Tokens that the language model took, read and written.")
jwks_fetches = Counter("aide_jwks_fetches_total", "Fetches of the login service's verification keys.", ["outcome"])


def serve(port: int) -> None:
    """Answer `/metrics` on a port of its own, from a thread of its own. The first worker to come does it for all."""
    registry = REGISTRY
    together = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    if together:
        _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        start_http_server(port, "::" if has_dualstack_ipv6() else "0.0.0.0", registry)  # noqa: S104 - deploy/README.md says so
    except OSError as error:
        if not together:
            logger.warning(
                "this worker is not in the metrics of port %d (%s): set PROMETHEUS_MULTIPROC_DIR", port, error.strerror
            )


def _forget_the_dead(folder: Path) -> None:
    """Take workers that were killed out of the gauges: what they had running is over. Their counts stay."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)  # workers start together
        except PermissionError:
            continue  # somebody else's by now
