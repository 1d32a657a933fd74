"""The clock interface, and running coroutines under one."""

from __future__ import annotations

import asyncio
import contextvars
import math
import time

import pytest

from wsim import run
from wsim.clock import LiveClock, VirtualClock, clock_of
from wsim.errors import UsageError


def test_run_works_inside_a_running_loop_and_keeps_the_context():
    name = contextvars.ContextVar("name", default="none")

    async def inner():
        await asyncio.sleep(100)
        return name.get()

    async def outer():
        name.set("outer")
        return run(inner())

    assert asyncio.run(outer()) == "outer"


def test_run_raises_what_the_coroutine_raised():
    async def main():
        raise KeyError("mine")

    async def outer():
        return run(main())

    with pytest.raises(KeyError, match="mine"):
        run(main())
    with pytest.raises(KeyError, match="mine"):
        asyncio.run(outer())


@pytest.mark.parametrize("clock", ["fast", 0, -1, math.inf, math.nan, True, None])
def test_a_nonsense_clock_is_refused(clock):
    async def main():
        return None

    with pytest.raises(UsageError, match="clock="):
        run(main(), clock)


def test_run_takes_a_coroutine():
    with pytest.raises(UsageError, match="coroutine"):
        run(lambda: None)


def test_the_virtual_clock_starts_where_it_is_told():
    async def main():
        await asyncio.sleep(5)
        clock = clock_of(asyncio.get_running_loop(), start_ns=7)
        assert isinstance(clock, VirtualClock)
        assert not clock.live
        rung = []
        clock.call_at(10**9 + 7, lambda: rung.append(clock.now_ns()))
        await clock.sleep(2)
        return rung, clock.now_ns()

    assert run(main()) == ([10**9 + 7], 2 * 10**9 + 7)


@pytest.mark.realtime
def test_a_live_clock_runs_at_its_scale_and_can_change_it():
    async def main():
        clock = clock_of(asyncio.get_running_loop(), 100.0)
        assert isinstance(clock, LiveClock)
        rung = asyncio.Event()
        clock.call_at(10**12, rung.set)  # a thousand seconds: ten of the wall
        await clock.sleep(1.0)
        clock.set_scale(100_000.0)
        begin = time.perf_counter()
        await asyncio.wait_for(rung.wait(), 5)
        return time.perf_counter() - begin, clock.now_ns()

    waited, now_ns = asyncio.run(main())
    assert waited < 1.0
    assert now_ns >= 10**12


@pytest.mark.realtime
def test_run_overrides_the_profile_s_time_scale():
    from wsim import create_websocket_simulator

    async def main():
        sim = create_websocket_simulator("mars", latency_ms=20)
        sim.admit("x")
        begin = time.perf_counter()
        await sim.emit("hello", None, "x")
        waited = time.perf_counter() - begin
        sim.set_profile("mars_near")
        return waited, sim.clock.scale

    waited, scale = run(main(), "real")
    assert scale == 1.0
    assert waited >= 0.02


def test_a_run_does_not_print_its_result():
    printed = []

    class Result:
        def __repr__(self):
            printed.append(self)  # takes long for a frame
            return "a result"

    async def main():
        return Result()

    assert isinstance(run(main()), Result)
    assert not printed
