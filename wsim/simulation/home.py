"""The loop a simulator belongs to: found at the first use, and reached from other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from wsim.clock import NO_SOURCE, Clock, LiveClock, TimeSource, clock_of
from wsim.errors import UsageError
from wsim.timing.loops import ScaledLoop

T = TypeVar("T")
_PATIENCE_S = 10.0


class Home:
    """Base of what belongs to one loop.

    The loop that is running when it is first used becomes its home. Calls from elsewhere are
    carried there and can be awaited. A loop that has ended is left for the one running now;
    simulated time goes on from where it stood.
    """

    def __init__(self, time_scale: float) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._source: TimeSource = NO_SOURCE
        self._clock: Clock | None = None
        self._time_scale = time_scale

    @property
    def clock(self) -> Clock:
        """The clock of the loop it belongs to."""
        if self._clock is None or (self._loop is not None and self._loop.is_closed()):
            self._move_in(self._running("its clock"))
        assert self._clock is not None
        return self._clock

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start of the run."""
        return self._now_ns() / 1e9

    async def sleep(self, seconds: float) -> None:
        """Sleep simulated seconds."""
        await self.clock.sleep(seconds)

    async def _until(self, due_ns: int) -> None:
        """Wait until a simulated time has come."""
        if due_ns > self._now_ns():
            come = asyncio.Event()
            self.clock.call_at(due_ns, come.set)
            await come.wait()

    def _now_ns(self) -> int:
        return 0 if self._clock is None else self._clock.now_ns()

    def _running(self, what: str) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                f"{what} needs a running event loop: call it from a coroutine,"
                " for instance inside wsim.run(main())"
            ) from None

    def _at_home(self) -> bool:
        """Return True in the loop it belongs to, after moving in if there is none yet."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return True
        if self._loop is None or self._loop.is_closed() or not self._loop.is_running():
            self._move_in(loop)
            return True
        return False

    def move_here(self) -> None:
        """Make the running loop its home, such as a server thread's; nobody may be using it."""
        self._move_in(asyncio.get_running_loop())

    def use_real_time(self) -> None:
        """Let a simulated second take one of the wall, which is what real clients need."""
        self._set_time_scale(1.0)

    def _enter(self) -> None:
        """Refuse a call from outside the loop it belongs to."""
        if asyncio.get_running_loop() is not self._loop and not self._at_home():
            raise UsageError("the simulator belongs to another loop: await receive or emit instead")

    def _move_in(self, loop: asyncio.AbstractEventLoop) -> None:
        passed_ns = self._now_ns()
        self._loop = loop
        self._clock = clock_of(loop, self._time_scale, passed_ns)
        self._source = self._clock.source
        self._moved(self._clock)

    def _moved(self, clock: Clock) -> None:
        """Called with the clock of the new home."""

    def _set_time_scale(self, scale: float) -> None:
        self._time_scale = scale
        decided = isinstance(self._loop, ScaledLoop)  # by run(clock=...), which has the last word
        if isinstance(self._clock, LiveClock) and not decided:
            self._clock.set_scale(scale)

    async def _carry(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the home loop, awaited from another."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, self._loop))

    def _do(self, action: Callable[[], T]) -> T:
        """Run a plain function where nothing else is at work: in the home loop, if it runs."""
        loop = self._loop
        if loop is None or not loop.is_running() or self._is_running_here(loop):
            return action()
        outcome: Future[T] = Future()

        def act() -> None:
            try:
                outcome.set_result(action())
            except BaseException as error:
                outcome.set_exception(error)

        loop.call_soon_threadsafe(act)
        try:
            return outcome.result(_PATIENCE_S)
        except TimeoutError:
            raise UsageError(
                f"the simulator's loop did not answer for {_PATIENCE_S:g} s:"
                " something blocks it, perhaps a handler that computes for long"
            ) from None

    @staticmethod
    def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
        try:
            return asyncio.get_running_loop() is loop
        except RuntimeError:
            return False
