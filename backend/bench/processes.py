"""What a gateway's process costs besides requests: the time until it serves, and the memory it keeps."""

import time
from statistics import median

from bench.cases import Request, to_gateway
from bench.load import Generator
from bench.procfs import rss_mib
from bench.stage import ServerKey, Stage, answers
from dev.processes import StartError

STARTS = 5
SOAK_REQUESTS = 200_000
WARM_UP_REQUESTS = 20_000


def startup_seconds(stage: Stage) -> float:
    """From the start of the process until `/health` answers: the median of five."""
    times = []
    for _ in range(STARTS):
        begun_at = time.monotonic()
        url, child = stage.launch(ServerKey("gateway", "static"))
        while not answers(url):
            stage.supervisor.check()
            time.sleep(0.005)
        times.append(time.monotonic() - begun_at)
        stage.supervisor.stop(child)
    return median(times)


def memory(stage: Stage, requests: int) -> dict[str, float]:
    """Resident MiB of one worker: after the start, when warm, half way and at the end of so many requests.

    Reads, lists, creates, and ids that never come again, which would fill any cache without a bound.
    """
    url, child = stage.launch(ServerKey("gateway", "static"))
    stage.supervisor.wait_until(lambda: answers(url), "the gateway")
    started = rss_mib(child.pid)
    journeys: list[list[Request]] = [
        [
            to_gateway("one", user),
            to_gateway("list1", user),
            to_gateway("create", user),
            {**to_gateway("one", user), "path": "/v1/workspaces/{uuid}"},
        ]
        for user in stage.users["one"]
    ]
    figures = [started]
    half = (requests - WARM_UP_REQUESTS) // 2
    with Generator() as generator:
        for amount in (WARM_UP_REQUESTS, half, half):
            load = generator.run(url, journeys, connections=16, amount=amount)
            if load.bad:
                raise StartError(f"{load.bad} of {amount} requests failed")
            figures.append(rss_mib(child.pid))
    stage.supervisor.stop(child)
    return dict(zip(("started_mib", "warm_mib", "half_mib", "end_mib"), figures, strict=True)) | {"requests": requests}
