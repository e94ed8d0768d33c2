"""What a canvas of 5,000 nodes costs those who ask the same worker for one row meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from typing import Literal, get_args

from bench.cases import to_data_api, to_gateway
from bench.load import Generator, Load
from bench.measure import middle
from bench.stage import ServerKey, Stage
from dev.processes import StartError

Condition = Literal["alone", "beside canvases from the data API", "beside canvases from the same worker"]
CONNECTIONS = 4


def neighbours(stage: Stage, seconds: float, rounds: int) -> dict[Condition, dict[str, dict[str, float]]]:
    """The times of one row under each condition, with the canvases loaded one after the other, and their times.

    Canvases straight from the data API load the machine and the database as much: what comes on top of those is the
    worker's part.
    """
    key = ServerKey("gateway", "real")
    stage.start([key])
    gateway = stage.servers[key][0]
    rows = [[to_gateway("one", user)] for user in stage.users["one"]]
    loads: dict[Condition, list[tuple[Load, Load | None]]] = {condition: [] for condition in get_args(Condition)}
    with Generator() as generator, Generator() as other, ThreadPoolExecutor(1) as thread:

        def canvases(condition: Condition) -> Load:
            (user,) = stage.users["canvas5000"]
            if condition == "beside canvases from the same worker":
                return other.run(gateway, [[to_gateway("canvas5000", user)]], seconds=seconds)
            request = to_data_api("canvas5000", user, stage.stack.publishable_key)
            return other.run(stage.upstreams["real"], [[request]], seconds=seconds)

        for _ in range(rounds):
            for condition, measured in loads.items():
                beside = thread.submit(canvases, condition) if condition != "alone" else None
                load = generator.run(gateway, rows, connections=CONNECTIONS, seconds=seconds)
                measured.append((load, beside.result() if beside else None))
    if any(load.bad or (beside and beside.bad) for measured in loads.values() for load, beside in measured):
        raise StartError("requests failed beside a large canvas")
    return {
        condition: {
            "p50_ms": middle([load.p50 for load, _ in measured]),
            "p99_ms": middle([load.p99 for load, _ in measured]),
            "rps": middle([load.responses / load.seconds for load, _ in measured]),
            **(
                {"canvas_p50_ms": middle([beside.p50 for _, beside in measured if beside])}
                if condition != "alone"
                else {}
            ),
        }
        for condition, measured in loads.items()
    }
