"""Time as an interface: the simulator asks a clock, and never the wall.

There are two: :class:`VirtualClock` inside ``run(coro, clock="virtual")``, where time jumps
and every run is the same, and :class:`LiveClock` everywhere else, where time passes and a
scale says how many simulated seconds go by for one of the wall's.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
import time
from collections.abc import Coroutine
from contextvars import copy_context
from itertools import count
from typing import Any, Protocol, TypeVar

from wsim.errors import UsageError
from wsim.timing.loops import ScaledLoop, VirtualLoop
from wsim.timing.timers import Alarm, Callback

T = TypeVar("T")
_NS = 1_000_000_000
_NEVER = 2**62


class TimeSource(Protocol):
    """The quickest way to what is asked for with every message: two attributes."""

    @property
    def now_ns(self) -> int:
        """The simulated time in nanoseconds."""

    @property
    def _thread_id(self) -> int | None:
        """The thread in which the loop runs now; None where that has to be asked for."""


class _Asking:
    """The time source of a clock that has to be asked."""

    _thread_id = None

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock

    @property
    def now_ns(self) -> int:
        return 0 if self._clock is None else self._clock.now_ns()


NO_SOURCE = _Asking(None)
"""Before there is a clock."""


class Clock(Protocol):
    """What a simulator needs of time: simulated nanoseconds, and to be called at one."""

    live: bool
    """True if time passes by itself."""
    scale: float
    """Simulated seconds per second of the wall; infinite in virtual time."""
    source: TimeSource
    """The same time, read faster."""

    def now_ns(self) -> int:
        """Return the simulated time in nanoseconds."""

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` in the loop at `due_ns`; equal times in the order of asking."""

    async def sleep(self, seconds: float) -> None:
        """Sleep simulated seconds."""


class VirtualClock:
    """The time of a :class:`~wsim.timing.loops.VirtualLoop`, from `start_ns` at its making."""

    live = False
    scale = math.inf

    def __init__(self, loop: VirtualLoop, start_ns: int = 0) -> None:
        self._loop = loop
        self._shift_ns = loop.now_ns - start_ns
        self.source: TimeSource = _Asking(self)
        if self._shift_ns == 0:  # the usual case, and the shortest way
            self.call_at = loop.call_at_ns  # type: ignore[method-assign]
            self.source = loop

    def now_ns(self) -> int:
        """Return the virtual time in nanoseconds."""
        return self._loop.now_ns - self._shift_ns

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` at the virtual time `due_ns`."""
        self._loop.call_at_ns(due_ns + self._shift_ns, callback)

    async def sleep(self, seconds: float) -> None:
        """Sleep virtual seconds."""
        await asyncio.sleep(seconds)


class LiveClock:
    """Monotonic time of the wall, times a scale that can be changed."""

    live = True

    def __init__(
        self, loop: asyncio.AbstractEventLoop, scale: float = 1.0, start_ns: int = 0
    ) -> None:
        self.scale = scale
        self.source: TimeSource = _Asking(self)
        self._alarm = Alarm.of(loop)
        self._wall_ns, self._simulated_ns = time.monotonic_ns(), start_ns
        self._heap: list[tuple[int, int, Callback]] = []
        self._order = count()
        self._armed_ns = _NEVER
        self.precise = self._alarm.precise

    def now_ns(self) -> int:
        """Return simulated nanoseconds since the clock was made."""
        passed = time.monotonic_ns() - self._wall_ns
        return self._simulated_ns + (passed if self.scale == 1.0 else int(passed * self.scale))

    def set_scale(self, scale: float) -> None:
        """Let simulated time pass at another rate from now on."""
        now_ns = self.now_ns()
        self._wall_ns, self._simulated_ns, self.scale = time.monotonic_ns(), now_ns, scale
        self._armed_ns = _NEVER
        self._arm()

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` when the simulated time `due_ns` has come, and never before."""
        heapq.heappush(self._heap, (due_ns, next(self._order), callback))
        if due_ns < self._armed_ns:
            self._arm()

    def _arm(self) -> None:
        if not self._heap:
            return
        due_ns = self._armed_ns = self._heap[0][0]
        wait = max(0, due_ns - self._simulated_ns)
        if self.scale != 1.0:
            wait = math.ceil(wait / self.scale)
        self._alarm.call_at(self._wall_ns + wait, self._fire)

    def _fire(self) -> None:
        self._armed_ns = _NEVER
        heap = self._heap
        try:
            while heap and heap[0][0] <= self.now_ns():
                heapq.heappop(heap)[2]()
        finally:
            if heap and heap[0][0] < self._armed_ns:
                self._arm()

    async def sleep(self, seconds: float) -> None:
        """Sleep until `seconds` of simulated time have passed."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.Event()
        self.call_at(self.now_ns() + round(seconds * _NS), done.set)
        await done.wait()


def clock_of(loop: asyncio.AbstractEventLoop, time_scale: float = 1.0, start_ns: int = 0) -> Clock:
    """Return a clock of a loop; `time_scale` counts only where :func:`run` did not decide."""
    if isinstance(loop, VirtualLoop):
        return VirtualClock(loop, start_ns)
    if isinstance(loop, ScaledLoop):
        time_scale = loop.scale
    return LiveClock(loop, time_scale, start_ns)


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
    return _run_in_thread(coro, scale) if _loop_runs_here() else _run_here(coro, scale)


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


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
    outcome: list[T] = []

    async def main() -> None:
        """Keep the result out of the task: on its way out, asyncio prints the task unseen."""
        outcome.append(await coro)

    with asyncio.Runner(loop_factory=lambda: _new_loop(scale)) as runner:
        runner.run(main())
    return outcome[0]


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
