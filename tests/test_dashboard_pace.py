"""Simulated time goes as far as its pace allows, and the same run comes out at every pace."""

from __future__ import annotations

import asyncio
import math
import threading
import time

import pytest

from wsim.dashboard.pace import PacedThread
from wsim.errors import UsageError


@pytest.fixture
def thread():
    made = PacedThread()
    yield made
    made.close()


def ticking(thread, period=0.05):
    ticks: list[int] = []

    async def tick():
        while True:
            await asyncio.sleep(period)
            ticks.append(thread.loop.now_ns)

    thread.start(tick())
    return ticks


def test_time_stands_still_at_first(thread):
    ticks = ticking(thread)
    assert thread.call(lambda: thread.loop.now_ns) == 0
    assert ticks == []


def test_a_step_lets_exactly_that_much_time_pass(thread):
    ticks = ticking(thread)
    thread.step(0.12)
    assert thread.call(lambda: thread.loop.now_ns) == 120_000_000
    assert ticks == [50_000_000, 100_000_000]
    thread.step(0.05)
    assert ticks[-1] == 150_000_000
    assert thread.call(lambda: thread.loop.now_ns) == 170_000_000


def test_many_steps_and_one_give_the_same_ticks(thread):
    ticks = ticking(thread)
    for _ in range(10):
        thread.step(0.07)
    assert ticks == [50_000_000 * n for n in range(1, 15)]


def reach(thread, seconds):
    """Wait until simulated time has come that far; return the wall seconds it took."""
    reached = threading.Event()
    thread.call(thread.loop.call_at_ns, round(seconds * 1e9), reached.set)
    assert reached.wait(20)


def test_as_fast_as_possible_outruns_the_wall(thread):
    ticking(thread)
    thread.call(thread.loop.set_speed, math.inf)
    reach(thread, 1000)  # a quarter of an hour of the wall at real time


def test_time_stands_aside_while_another_thread_is_in_a_hurry(thread):
    counts = [0, 0]
    ticking(thread)
    thread.call(thread.loop.set_speed, math.inf)
    for index, crowded in enumerate((False, True)):
        thread.loop.crowded = crowded
        before, began = thread.call(lambda: thread.loop.now_ns), time.monotonic()
        while time.monotonic() - began < 0.1:
            time.sleep(0.01)
        counts[index] = thread.call(lambda: thread.loop.now_ns) - before
    assert counts[1] < counts[0] / 10


def test_pausing_holds_time(thread):
    ticking(thread)
    thread.call(thread.loop.set_speed, 100.0)
    reach(thread, 1)
    thread.call(thread.loop.set_speed, 0.0)
    held = thread.call(lambda: thread.loop.now_ns)
    for _ in range(20):
        assert thread.call(lambda: thread.loop.now_ns) == held


def test_time_passes_between_timers(thread):
    """A person's click between two timers happens at its own time, not at the last timer's."""
    ticking(thread, period=1000.0)
    thread.call(thread.loop.set_speed, 1000.0)
    first = thread.call(lambda: thread.loop.now_ns)
    later = first
    while later == first:
        later = thread.call(lambda: thread.loop.now_ns)
    assert 0 <= first < later < 1000_000_000_000


def test_a_speed_that_is_none_is_refused(thread):
    for nonsense in (-1.0, math.nan):
        with pytest.raises(UsageError, match="speed"):
            thread.call(thread.loop.set_speed, nonsense)


def test_calls_return_results_and_raise_errors(thread):
    assert thread.call(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)


def test_closing_ends_the_thread_and_its_tasks():
    before = threading.active_count()
    thread = PacedThread()
    ended = []

    async def wait():
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(True)

    thread.start(wait())
    thread.call(lambda: None)
    thread.close()
    thread.close()
    assert ended == [True]
    assert not thread.alive
    assert threading.active_count() == before
    with pytest.raises(UsageError, match="closed"):
        thread.call(lambda: None)
