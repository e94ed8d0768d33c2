"""What is measured, in which order, and what comes of it: each figure by name, a value for each round."""

import time
from collections import defaultdict
from itertools import pairwise
from operator import sub, truediv
from statistics import median

from bench.load import run
from bench.stage import APPS, Server, Stage

Figures = dict[str, list[float]]

AT = 16
"""Connections, where it is not one: enough to keep a worker busy."""
COMPARED = ("one", "list100", "create")
WARM_UP_SECONDS = 0.3
STARTS = 5


def figures(stage: Stage, seconds: float, rounds: int) -> Figures:
    """CPU time and requests/s of each arrangement, and what comes between a client and the data API.

    Every line once a round, so that whatever disturbs the machine disturbs all of them alike.
    """
    ones = [[user.gateway(f"/{user.workspace_id}")] for user in stage.users["one"]]
    creates = [[user.create()] for user in stage.users["create"]]
    lists = [[user.gateway("?limit=100")] for user in stage.users["list"]]
    canvases = [[user.gateway(f"/{user.workspace_id}/canvas")] for user in stage.users["canvas"]]
    gateway, bare, idiom = (stage.server(name, "static") for name in APPS)
    real, direct = stage.server("gateway", "real"), Server(stage.stack.url)
    lines = [
        ("one_bare", bare, ones, AT),
        ("one_gateway", gateway, ones, AT),
        ("one_idiom", idiom, ones, AT),
        ("list100_bare", bare, lists, AT),
        ("list100_gateway", gateway, lists, AT),
        ("create_bare", bare, creates, AT),
        ("create_gateway", gateway, creates, AT),
        ("real_direct", direct, [[user.row()] for user in stage.users["one"]], 1),
        ("real_gateway", real, ones, 1),
        ("canvas_gateway", real, canvases, 1),
        ("canvas_separate", direct, [user.tables() for user in stage.users["canvas"]], 1),
        ("busy_gateway", real, ones, AT),
    ]
    cpu, rps, p50 = (defaultdict[str, list[float]](list) for _ in range(3))
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}" if number else "warming up", flush=True)
        for name, server, journeys, connections in lines:
            before = server.cpu_seconds()
            done = run(server.url, journeys, connections=connections, seconds=seconds if number else WARM_UP_SECONDS)
            if number:
                cpu[name].append(1000 * (server.cpu_seconds() - before) / done.responses)
                rps[name].append(done.responses / done.seconds)
                p50[name].append(median(done.times))

    def quotient(figure: Figures, over: str, under: str) -> list[float]:
        return list(map(truediv, figure[over], figure[under]))

    return {
        **{f"cpu_gateway_over_bare_{what}": quotient(cpu, f"{what}_gateway", f"{what}_bare") for what in COMPARED},
        "cpu_idiom_over_gateway_one": quotient(cpu, "one_idiom", "one_gateway"),
        "added_p50_ms_c1": list(map(sub, p50["real_gateway"], p50["real_direct"])),
        "p50_canvas_over_separate": quotient(p50, "canvas_gateway", "canvas_separate"),
        **{f"cpu_ms_{name}": values for name, values in cpu.items()},
        **{f"rps_{name}": values for name, values in rps.items()},
        **{f"p50_ms_{name}": values for name, values in p50.items()},
    }


def start_up(stage: Stage) -> Figures:
    """From the start of the process until `/health` answers, to a twentieth of a second."""
    print("measuring the start", flush=True)
    times = [time.monotonic()]
    for _ in range(STARTS):
        stage.server("gateway", "static")
        times.append(time.monotonic())
    return {"start_up_seconds": [after - before for before, after in pairwise(times)]}


def soak(stage: Stage, requests: int) -> Figures:
    """Resident MiB of one worker: after the start, a tenth, half and all of so many requests.

    Reads, lists, creates, and ids that never come again, which would fill any cache without a bound.
    """
    print(f"measuring memory over {requests:,} requests", flush=True)
    server = stage.server("gateway", "static")
    journeys = [
        [user.gateway(f"/{user.workspace_id}"), user.gateway(""), user.create(), user.gateway("/{uuid}")]
        for user in stage.users["one"]
    ]
    result = {"mib_at_the_start": [server.rss_mib()]}
    for name, share in (("warm", 0.1), ("half_way", 0.4), ("at_the_end", 0.5)):
        run(server.url, journeys, connections=AT, amount=share * requests)
        result[f"mib_{name}"] = [server.rss_mib()]
    return result
