"""Time as an interface: the simulator asks a clock, and never the wall.

There are two: :class:`VirtualClock` inside ``run(coro, clock="virtual")``, where time jumps
and every run is the same, and :class:`LiveClock` everywhere else, where time passes and a
scale says how many simulated seconds go by for one of the wall's.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

from wsim.errors import UsageError
from wsim.loops import ScaledLoop, VirtualLoop
from wsim.timers import Alarm, Callback

T = TypeVar("T")
_NS = 1_000_000_000


class Clock(Protocol):
    """What a simulator needs of time: simulated nanoseconds, and to be called at one."""

    live: bool
    """True if time passes by itself."""
    scale: float
    """Simulated seconds per second of the wall; infinite in virtual time."""

    def now_ns(self) -> int:
        """Return the simulated time in nanoseconds."""

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` in the loop at `due_ns`; equal times in the order of asking."""

    async def sleep(self, seconds: float) -> None:
        """Sleep simulated seconds."""


class VirtualClock:
    """The time of a :class:`~wsim.loops.VirtualLoop`."""

    live = False
    scale = math.inf

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.call_at = loop.call_at_ns

    def now_ns(self) -> int:
        """Return the virtual time in nanoseconds."""
        return self._loop.now_ns

    async def sleep(self, seconds: float) -> None:
        """Sleep virtual seconds."""
        await asyncio.sleep(seconds)


class LiveClock:
    """Monotonic time of the wall, times a scale."""

    live = True

    def __init__(self, loop: asyncio.AbstractEventLoop, scale: float = 1.0) -> None:
        self.scale = scale
        self._start_ns = time.monotonic_ns()
        self._alarm = Alarm.of(loop)
        self.precise = self._alarm.precise

    def now_ns(self) -> int:
        """Return simulated nanoseconds since the clock was made."""
        passed = time.monotonic_ns() - self._start_ns
        return passed if self.scale == 1.0 else int(passed * self.scale)

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` when the simulated time `due_ns` has come, and never before."""
        wait = due_ns if self.scale == 1.0 else math.ceil(due_ns / self.scale)
        self._alarm.call_at(self._start_ns + wait, callback)

    async def sleep(self, seconds: float) -> None:
        """Sleep until `seconds` of simulated time have passed."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.Event()
        self.call_at(self.now_ns() + round(seconds * _NS), done.set)
        await done.wait()


def clock_of(loop: asyncio.AbstractEventLoop, time_scale: float = 1.0) -> Clock:
    """Return the clock of a loop; `time_scale` counts only where :func:`run` did not decide."""
    if isinstance(loop, VirtualLoop):
        return VirtualClock(loop)
    return LiveClock(loop, loop.scale if isinstance(loop, ScaledLoop) else time_scale)


def run(coro: Coroutine[Any, Any, T], clock: str | float = "virtual") -> T:
    """Run a coroutine to its end under a clock, from a script or from a notebook cell.

    Parameters
    ----------
    coro
        What to run.
    clock
        ``"virtual"``: time jumps from event to event, so the run is deterministic and takes as
        long as it computes. ``"real"``: time of the wall, whatever the profile's time scale.
        A number: that many simulated seconds per second of the wall. Every sleep inside is
        simulated.

    Returns
    -------
    The coroutine's result. Called where a loop is running already, the coroutine runs in a
    thread of its own, and the call waits for it.

    Raises
    ------
    UsageError
        For a clock that is none of these, or something that is not a coroutine.

    Examples
    --------
    >>> import asyncio
    >>> async def nap():
    ...     await asyncio.sleep(3600)
    ...     return "rested"
    >>> run(nap())
    'rested'
    """
    if not asyncio.iscoroutine(coro):
        raise UsageError(f"run() takes a coroutine, such as main(), not {type(coro).__name__}")
    try:
        scale = _scale(clock)
    except UsageError:
        coro.close()
        raise
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run_here(coro, scale)
    return _run_in_thread(coro, scale)


def _scale(clock: str | float) -> float:
    if clock == "virtual":
        return math.inf
    if clock == "real":
        return 1.0
    if isinstance(clock, int | float) and not isinstance(clock, bool) and 0 < clock < math.inf:
        return float(clock)
    raise UsageError(f"clock={clock!r} is not 'virtual', 'real' or a positive number")


def _new_loop(scale: float) -> asyncio.AbstractEventLoop:
    return VirtualLoop() if scale == math.inf else ScaledLoop(scale)


def _run_here(coro: Coroutine[Any, Any, T], scale: float) -> T:
    with asyncio.Runner(loop_factory=lambda: _new_loop(scale)) as runner:
        return runner.run(coro)


def _run_in_thread(coro: Coroutine[Any, Any, T], scale: float) -> T:
    """A loop is running here: run in a thread, and wait for it."""
    outcome: list[T] = []
    failure: list[BaseException] = []
    context = copy_context()

    def work() -> None:
        try:
            outcome.append(context.run(_run_here, coro, scale))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="wsim.run", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
