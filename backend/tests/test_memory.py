"""What a worker holds of large bodies and answers, all together."""

import asyncio

import pytest

from app.errors import OverloadedError
from app.memory import Memory, weight

TOTAL = 100


def test_what_fits_is_given_at_once_and_the_rest_waits_for_its_turn() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        first, second, third = memory.share(), memory.share(), memory.share()
        await first.grow(60)
        order = []

        async def take(name: str, share: object, size: int) -> None:
            await share.grow(size)  # type: ignore[attr-defined]
            order.append(name)

        waiting = [asyncio.create_task(take("second", second, 50)), asyncio.create_task(take("third", third, 10))]
        await asyncio.sleep(0)
        assert order == [], "nobody overtakes: the third would fit"
        first.release()
        await asyncio.gather(*waiting)
        assert order == ["second", "third"]

    asyncio.run(run())


def test_who_waits_too_long_is_told_and_leaves_no_trace() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=0.01)
        first, second = memory.share(), memory.share()
        await first.grow(60)
        with pytest.raises(OverloadedError):
            await second.grow(50)
        await second.grow(40)
        first.release()
        second.release()
        await memory.share().grow(TOTAL)

    asyncio.run(run())


def test_one_that_needs_more_than_there_is_runs_alone() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        small, large, other = memory.share(), memory.share(), memory.share()
        await small.grow(1)
        alone = asyncio.create_task(large.grow(10 * TOTAL))
        await asyncio.sleep(0)
        assert not alone.done()
        small.release()
        await alone
        late = asyncio.create_task(other.grow(1))
        await asyncio.sleep(0)
        assert not late.done()
        large.release()
        await late

    asyncio.run(run())


def test_requests_that_hold_some_and_want_more_do_not_wait_for_each_other() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        shares = [memory.share() for _ in range(4)]
        for share in shares:
            await share.grow(25)

        async def finish(share: object) -> None:
            await share.grow(50)  # type: ignore[attr-defined]
            share.release()  # type: ignore[attr-defined]

        await asyncio.wait_for(asyncio.gather(*map(finish, shares)), 1)
        await memory.share().grow(TOTAL)

    asyncio.run(run())


@pytest.mark.parametrize("ticks", range(4))
def test_a_request_that_ends_while_it_waits_holds_nothing(ticks: int) -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        first, second = memory.share(), memory.share()
        await first.grow(TOTAL)
        task = asyncio.create_task(second.grow(1))
        await asyncio.sleep(0)
        if ticks % 2:
            first.release()  # it is given its turn, and cancelled before it can take it
        task.cancel()
        for _ in range(ticks):
            await asyncio.sleep(0)
        await asyncio.wait([task])
        second.release()
        first.release()
        everything = asyncio.create_task(memory.share().grow(TOTAL))
        await asyncio.wait_for(everything, 1)

    asyncio.run(run())


def test_one_that_gives_up_waiting_for_more_is_at_work_until_it_ends() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        first, second, large = memory.share(), memory.share(), memory.share()
        await first.grow(60)
        await second.grow(30)
        more = asyncio.create_task(second.grow(50))
        await asyncio.sleep(0)
        more.cancel()
        await asyncio.wait([more])
        second.release()
        beyond = asyncio.create_task(large.grow(10 * TOTAL))
        await asyncio.sleep(0)
        assert not beyond.done(), "the first is still at work"
        first.release()
        await beyond

    asyncio.run(run())


def test_only_one_at_a_time_goes_beyond_the_total() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=5)
        held = most = 0

        async def fill() -> None:
            nonlocal held, most
            share = memory.share()
            mine = 0
            for _ in range(8):  # twice the total, piece by piece
                await share.grow(TOTAL // 4)
                mine += TOTAL // 4
                held += TOTAL // 4
                most = max(most, held)
                await asyncio.sleep(0)
            held -= mine
            share.release()

        await asyncio.wait_for(asyncio.gather(*(fill() for _ in range(12))), 5)
        assert most <= 3 * TOTAL

    asyncio.run(run())


def test_its_patience_is_for_all_its_waits_together() -> None:
    async def run() -> None:
        memory = Memory(TOTAL, patience=0.4)
        first, second, third = memory.share(), memory.share(), memory.share()
        await first.grow(TOTAL)
        waiting = asyncio.create_task(second.grow(10))
        await asyncio.sleep(0.2)
        first.release()
        await waiting
        await third.grow(TOTAL - 10)
        started_at = asyncio.get_running_loop().time()
        with pytest.raises(OverloadedError):
            await second.grow(10)
        assert asyncio.get_running_loop().time() - started_at < 0.35

    asyncio.run(run())


def test_a_document_of_many_small_things_weighs_many_times_its_length() -> None:
    text = b'{"a": "' + b"x" * 100_000 + b'"}'
    assert 2 * len(text) <= weight(text) < 2.1 * len(text)
    dense = b"[" + b"[]," * 30_000 + b"[]]"
    assert weight(dense) > 20 * len(dense)
