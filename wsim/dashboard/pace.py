"""Simulated time at the pace of a person: paused, real time, faster, or as fast as it goes.

The lab's simulator runs in virtual time, in a thread and a loop of its own, so a cell that
computes does not stop it and the same actions at the same simulated times give the same run.
What differs from ``run(..., clock="virtual")`` is only how far time may go: a horizon that
moves with the wall, stands still, or is pushed by a step.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import math
import threading
import time
from asyncio import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from wsim.errors import UsageError
from wsim.timing.loops import VirtualLoop

T = TypeVar("T")
_NS = 1_000_000_000
_SLICE_NS = 15_000_000  # as fast as possible: how long before other threads get their turn
_BREATH_S = 0.004
_SLACK_NS = 250_000_000  # further behind than this, time is let go rather than caught up


class PacedLoop(VirtualLoop):
    """A virtual loop whose time goes no further than its pace allows; it starts paused.

    Attributes
    ----------
    speed
        Simulated seconds in one of the wall: 0 is paused, inf is all it can.
    crowded
        True while another thread has something short to do, such as a picture; where time runs
        as fast as it can, it stands aside as long, at most some milliseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.speed = 0.0
        self.crowded = False
        self._wall_ns = time.monotonic_ns()
        self._from_ns = 0
        self._limit_ns = 0
        self._slice_end_ns = 0

    def set_speed(self, speed: float) -> None:
        """Let `speed` simulated seconds pass in one of the wall (0: paused, inf: all it can)."""
        if not speed >= 0:
            raise UsageError(f"speed={speed!r} is not a number from 0 (paused) upwards")
        self._anchor()
        self.speed = float(speed)

    def step(self, seconds: float, done: Callable[[], object]) -> None:
        """Let so many simulated seconds pass, as fast as possible, then stand still."""
        self.set_speed(0.0)
        self._limit_ns = self.now_ns + round(seconds * _NS)
        self.call_at_ns(self._limit_ns, done)

    def _anchor(self) -> None:
        self._wall_ns = time.monotonic_ns()
        self._from_ns = self._limit_ns = self.now_ns

    def _horizon_ns(self) -> float:
        if self.speed == 0.0:
            return self._limit_ns
        if math.isinf(self.speed):
            return math.inf
        horizon = self._from_ns + (time.monotonic_ns() - self._wall_ns) * self.speed
        if horizon - self.now_ns > _SLACK_NS * max(self.speed, 1.0):
            self._anchor()
            return self.now_ns
        return horizon

    def _advance(self, ready: deque[Handle]) -> None:
        """Run what is due before the horizon; then wait for the horizon, or for a call."""
        horizon = self._horizon_ns()
        while self._timers and not ready and not self._stopping and not self._threads_busy:
            if self._timers[0][0] > horizon:
                break
            self._run_next()
            if self.crowded or time.monotonic_ns() > self._slice_end_ns:
                self._breathe()
                return
        if not ready and not self._stopping:
            self._poll(self._wait_s(horizon))
            self._move_on()

    def _run_next(self) -> None:
        due_ns, _, action = heapq.heappop(self._timers)
        if type(action) is not TimerHandle:
            self.now_ns = max(self.now_ns, due_ns)
            self._call(action)
        elif not action._cancelled:
            self.now_ns = max(self.now_ns, due_ns)
            action._run()

    def _breathe(self) -> None:
        """Sleep a moment, so that pictures are drawn while time runs as fast as possible."""
        if math.isinf(self.speed) or self.now_ns < self._limit_ns:
            self._poll(_BREATH_S)
        self._slice_end_ns = time.monotonic_ns() + _SLICE_NS

    def _wait_s(self, horizon: float) -> float | None:
        if not self._timers or self.speed == 0.0 or math.isinf(self.speed):
            return None
        return max(0.0, (self._timers[0][0] - horizon) / self.speed / _NS)

    def _move_on(self) -> None:
        """Let time pass up to the horizon, but not past what is due."""
        horizon = self._horizon_ns()
        if self._timers:
            horizon = min(horizon, self._timers[0][0])
        if math.isfinite(horizon):
            self.now_ns = max(self.now_ns, int(horizon))

    def _poll(self, timeout: float | None) -> bool:
        if timeout is None and self.speed == 0.0:
            self._move_on()
        return super()._poll(timeout)


class PacedThread:
    """A thread that runs a :class:`PacedLoop`; calls into it wait for their result."""

    def __init__(self, name: str = "wsim.lab") -> None:
        self.loop = PacedLoop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    @property
    def alive(self) -> bool:
        """True until closed."""
        return self._thread.is_alive()

    def call(self, function: Callable[..., T], *arguments: Any, timeout_s: float = 10.0) -> T:
        """Run `function` in the thread; return what it returns, raise what it raises."""
        if threading.current_thread() is self._thread:
            return function(*arguments)
        if not self.alive:
            raise UsageError("this lab is closed; make a new one")
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

        def work() -> None:
            try:
                outcome.set_result(function(*arguments))
            except BaseException as error:
                outcome.set_exception(error)

        self.loop.call_soon_threadsafe(work)
        return outcome.result(timeout_s)

    def step(self, seconds: float) -> None:
        """Let so many simulated seconds pass and wait until they have."""
        done = threading.Event()
        self.call(self.loop.step, seconds, done.set)
        while not done.wait(1.0):
            if not self.alive:
                raise UsageError("the lab was closed during a step")

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine in the thread; return its future."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        """Cancel what runs in the thread and wait for its end; a second time does nothing."""
        if not self.alive:
            return
        self.loop.call_soon_threadsafe(self._cancel_all)
        self._thread.join(5.0)

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_soon(self.loop.call_soon, self.loop.stop)
