"""What is measured, in which order, and what comes of it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

from bench.cases import CASES, Case, Request, User, canvas_by_tables, to_data_api, to_gateway
from bench.load import Generator, Load
from bench.procfs import cpu_seconds
from bench.stage import DATA_API, Arrangement, ServerKey, Stage, Upstream
from dev.processes import StartError

IDIOM_REQUESTS = 32
"""A fixed number: in a second the idiom answers so few that those cut off at its end would count."""

WARM_UP_SECONDS = 0.3
LEVELS = (1, 16, 64)
WORKERS = (1, 2)


@dataclass(frozen=True)
class Cell:
    """One line of the table: an arrangement under one load."""

    arrangement: Arrangement
    upstream: Upstream
    case: Case
    concurrency: int
    workers: int = 1
    way: str = ""
    """How the data API is asked for a canvas: `separate`, one table after the other, or `parallel`."""

    @property
    def server(self) -> ServerKey:
        return ServerKey(self.arrangement, self.upstream, self.workers)


@dataclass(frozen=True)
class Measurement:
    """What one round says of a cell."""

    cpu_ms: float
    """CPU time of the arrangement's processes per request, in milliseconds."""
    rps: float
    p50_ms: float
    p99_ms: float
    generator: float


def cells(*, quick: bool) -> list[Cell]:
    """What is measured in a round, in this order. What a target compares comes first, one after the other, and is all
    when `quick`."""
    targets = [
        *_group("static", "one", 16, "direct", "bare", "gateway", "quiet", "idiom", "floor"),
        *_group("static", "list100", 16, "direct", "bare", "gateway", "floor"),
        *_group("real", "one", 1, "direct", "floor", "gateway"),
        *_group("real", "one", 16, "direct", "gateway", "sqlalchemy"),
        *_canvas("canvas"),
    ]
    if quick:
        return targets
    matrix = [
        cell
        for case, level, workers in product(CASES, LEVELS, WORKERS)
        for cell in (
            *_group("static", case, level, "bare", "gateway", "floor", workers=workers),
            *_group("real", case, level, "floor", "gateway", "sqlalchemy", "idiom", workers=workers),
        )
    ]
    for case, level in product(CASES, LEVELS):
        matrix += _group("static", case, level, "direct") + _group("real", case, level, "direct")
    return list(dict.fromkeys([*targets, *matrix, *_canvas("canvas5000")]))


def _group(upstream: Upstream, case: Case, level: int, *arrangements: Arrangement, workers: int = 1) -> list[Cell]:
    return [Cell(name, upstream, case, level, workers) for name in arrangements]


def _canvas(case: Case) -> list[Cell]:
    ways = [Cell("direct", "real", case, 1, way=way) for way in ("separate", "parallel", "")]
    return [Cell("gateway", "real", case, 1), *ways]


def run(cell: Cell, stage: Stage, generator: Generator, seconds: float) -> Measurement:
    """Measure one cell once. Raises `StartError` when a request failed: a figure of failures is none."""
    url, child = stage.servers[cell.server]
    before = cpu_seconds(child.pid) if child else 0.0
    load = _load(cell, url, stage, generator, seconds)
    used = cpu_seconds(child.pid) - before if child else 0.0
    if load.bad or not load.responses:
        raise StartError(f"{load.bad} of {load.responses} requests failed: {cell}")
    return Measurement(1000 * used / load.responses, load.responses / load.seconds, load.p50, load.p99, load.generator)


def _load(cell: Cell, url: str, stage: Stage, generator: Generator, seconds: float) -> Load:
    key = stage.stack.publishable_key
    users = stage.users[cell.case]
    if cell.way:
        journeys = [canvas_by_tables(cell.case, user, key) for user in users]
        if cell.way == "parallel":
            return generator.run(url, journeys, seconds=seconds, burst=True)
        return generator.run(url, journeys, seconds=seconds, group=len(journeys[0]))

    def request(user: User) -> Request:
        return to_data_api(cell.case, user, key) if cell.arrangement in DATA_API else to_gateway(cell.case, user)

    requests = [[request(user)] for user in users]
    if cell.arrangement == "idiom":
        amount = max(IDIOM_REQUESTS, cell.concurrency)
        return generator.run(url, requests, connections=cell.concurrency, amount=amount)
    return generator.run(url, requests, connections=cell.concurrency, seconds=seconds)


Rounds = dict[Cell, list[Measurement]]


def measure(plan: Sequence[Cell], stage: Stage, seconds: float, rounds: int, say: Callable[[str], None]) -> Rounds:
    """Every cell once a round, so that whatever disturbs the machine disturbs all of them alike."""
    results: Rounds = defaultdict(list)
    stage.start(cell.server for cell in plan)
    with Generator() as generator:
        say("warming up")
        for cell in plan:
            _load(cell, stage.servers[cell.server][0], stage, generator, WARM_UP_SECONDS)
        for number in range(1, rounds + 1):
            for index, cell in enumerate(plan):
                if index % 50 == 0:
                    say(f"round {number} of {rounds}, line {index + 1} of {len(plan)}")
                results[cell].append(run(cell, stage, generator, seconds))
    return results


def ratios(results: Rounds) -> dict[str, list[float]]:
    """The figures that have a target, one for each round."""

    def each(figure: str, *cell: object, **options: object) -> list[float]:
        return [getattr(measurement, figure) for measurement in results[Cell(*cell, **options)]]  # type: ignore[arg-type]

    def quotient(over: list[float], under: list[float]) -> list[float]:
        return [a / b for a, b in zip(over, under, strict=True)]

    one, hundred = ("static", "one", 16), ("static", "list100", 16)
    gateway, floor, direct = (each("p50_ms", name, "real", "one", 1) for name in ("gateway", "floor", "direct"))
    return {
        "cpu_gateway_over_bare_one": quotient(each("cpu_ms", "gateway", *one), each("cpu_ms", "bare", *one)),
        "cpu_gateway_over_bare_list100": quotient(
            each("cpu_ms", "gateway", *hundred), each("cpu_ms", "bare", *hundred)
        ),
        "cpu_idiom_over_gateway_one": quotient(each("cpu_ms", "idiom", *one), each("cpu_ms", "gateway", *one)),
        "rps_gateway_over_sqlalchemy_c16": quotient(
            each("rps", "gateway", "real", "one", 16), each("rps", "sqlalchemy", "real", "one", 16)
        ),
        "added_p50_ms_c1": [a - b for a, b in zip(gateway, direct, strict=True)],
        "added_p50_ms_c1_floor": [a - b for a, b in zip(floor, direct, strict=True)],
        "p50_canvas_over_separate": quotient(
            each("p50_ms", "gateway", "real", "canvas", 1),
            each("p50_ms", "direct", "real", "canvas", 1, way="separate"),
        ),
    }


def middle(values: Sequence[float]) -> dict[str, float]:
    """Median, and the spread around it."""
    return {"median": median(values), "least": min(values), "most": max(values)}
