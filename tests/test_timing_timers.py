"""One timer for a loop: order, punctuality, and falling back where there is no timerfd."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time

import pytest

from wsim.timing.timers import Alarm, open_timerfd

MS = 1_000_000


@pytest.mark.parametrize("precise", [True, False])
def test_equal_times_run_in_the_order_of_asking_and_none_early(precise):
    async def main():
        alarm = Alarm(asyncio.get_running_loop(), precise=precise)
        base = time.monotonic_ns() + 5 * MS
        seen, early = [], []
        done = asyncio.Event()
        for number in range(300):
            due = base + (number // 100) * MS

            def ring(number=number, due=due):
                seen.append(number)
                early.append(time.monotonic_ns() < due)

            alarm.call_at(due, ring)
        alarm.call_at(base + 4 * MS, done.set)
        await asyncio.wait_for(done.wait(), 5)
        return seen, early, len(alarm)

    seen, early, left = asyncio.run(main())
    assert seen == list(range(300))
    assert not any(early)
    assert left == 0


def test_an_earlier_time_comes_first_though_asked_later():
    async def main():
        alarm = Alarm.of(asyncio.get_running_loop())
        assert alarm is Alarm.of(asyncio.get_running_loop())
        seen, done = [], asyncio.Event()
        now = time.monotonic_ns()
        alarm.call_at(now + 8 * MS, done.set)
        alarm.call_at(now + 4 * MS, lambda: seen.append("late"))
        alarm.call_at(now - 1, lambda: seen.append("overdue"))
        alarm.call_at(now + 2 * MS, lambda: seen.append("early"))
        await asyncio.wait_for(done.wait(), 5)
        return seen

    assert asyncio.run(main()) == ["overdue", "early", "late"]


def test_a_callback_that_raises_does_not_silence_the_rest():
    async def main():
        loop = asyncio.get_running_loop()
        errors = []
        loop.set_exception_handler(lambda loop, context: errors.append(context["exception"]))
        alarm, done = Alarm.of(loop), asyncio.Event()
        now = time.monotonic_ns()
        alarm.call_at(now + MS, lambda: 1 / 0)
        alarm.call_at(now + 2 * MS, done.set)
        await asyncio.wait_for(done.wait(), 5)
        return errors

    assert [type(error) for error in asyncio.run(main())] == [ZeroDivisionError]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs timerfd")
def test_the_file_descriptor_goes_with_the_loop():
    import os

    async def main():
        alarm = Alarm.of(asyncio.get_running_loop())
        assert alarm.precise
        return alarm._fd

    fd = asyncio.run(main())
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert open_timerfd() is not None


@pytest.mark.realtime
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs timerfd")
def test_five_hundred_messages_in_flight_are_punctual():
    from wsim import create_websocket_simulator

    async def main():
        sim = create_websocket_simulator("perfect", seed=1, latency_ms=50)
        sim.admit("rover")
        gc.collect()
        gc.freeze()
        try:
            for number in range(1500):
                sim.receive_nowait("x", number, "rover")
                await asyncio.sleep(0.0001)
            await asyncio.sleep(0.2)
        finally:
            gc.unfreeze()
        return sim.history["lateness_ms"]

    late = asyncio.run(main())
    assert len(late) == 1500
    assert (late >= 0).all()
    p50, p99 = statistics.median(late), late.quantile(0.99)
    print(f"late by {p50:.3f} ms at the median, {p99:.3f} ms at p99 (idle: 0.2 and 2)")
    assert p50 < 10
