"""Event loops whose time is not the wall's: virtual time, and time that runs faster or slower."""

from __future__ import annotations

import asyncio
import selectors
import time
from asyncio import Handle, TimerHandle
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any

from wsim.errors import UsageError

_NS = 1_000_000_000
_PATIENCE_S = 5.0  # how long a virtual run waits for the world outside before it gives up


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time: it jumps to the next timer as soon as nothing is left to do.

    Time is an integer of nanoseconds and starts at 0. Timers of equal time run in the order of
    asking, so a run is deterministic. While work in a thread (``run_in_executor``,
    ``asyncio.to_thread``) is under way time stands still.

    Raises
    ------
    UsageError
        If everything waits and nothing can ever happen.
    """

    _ready: deque[Handle]
    _stopping: bool
    _thread_id: int | None
    _selector: selectors.BaseSelector

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self._timers: list[tuple[int, int, Any]] = []
        self._order = count()
        self._threads_busy = 0
        self._own_files = len(self._selector.get_map())

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self.now_ns / _NS

    def call_at_ns(self, due_ns: int, callback: Callable[[], object]) -> None:
        """Run `callback` at a virtual time in nanoseconds; it cannot be cancelled, and is cheap."""
        heappush(self._timers, (due_ns, next(self._order), callback))

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Run `callback` at a virtual time in seconds, as asyncio does."""
        due_ns = round(when * _NS)
        handle = TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (due_ns, next(self._order), handle))
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Run `callback` after `delay` virtual seconds, rounded to whole nanoseconds."""
        due_ns = self.now_ns + round(delay * _NS)
        handle = TimerHandle(due_ns / _NS, callback, args, self, context)
        heappush(self._timers, (due_ns, next(self._order), handle))
        return handle

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Nothing to do: cancelled timers are skipped when their time comes."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run `func` in a thread; virtual time waits for it."""
        future = super().run_in_executor(executor, func, *args)
        self._threads_busy += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for threads to end; virtual time, in which `timeout` would pass at once, waits."""
        self._threads_busy += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._threads_busy -= 1

    def _thread_done(self, future: asyncio.Future[Any]) -> None:
        self._threads_busy -= 1

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._advance(ready)
        if len(self._selector.get_map()) > self._own_files and not ready:
            self._poll(0.0)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _advance(self, ready: deque[Handle]) -> None:
        """Run timers in order until one of them makes something ready."""
        timers = self._timers
        if self._threads_busy or not timers:
            self._wait_outside()
            return
        while timers and not (ready or self._stopping or self._threads_busy):
            due_ns, _, action = heappop(timers)
            if type(action) is TimerHandle:
                if action._cancelled:
                    continue
                action = action._run
            if due_ns > self.now_ns:
                self.now_ns = due_ns
            try:
                action()
            except BaseException as error:
                self._timer_failed(error)

    def _call(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:
            self._timer_failed(error)

    def _timer_failed(self, error: BaseException) -> None:
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        self.call_exception_handler(
            {"message": "exception in a timer of virtual time", "exception": error}
        )

    def _wait_outside(self) -> None:
        """Nothing can happen by itself: wait for a thread or a socket."""
        if self._threads_busy:
            self._poll(None)
            return
        if not self._stopping and not self._poll(_PATIENCE_S) and not self._ready:
            raise UsageError(
                "the virtual run waits for something that can never happen: no timer, thread or"
                " socket is left to wake it. Look for an await without a counterpart (a future"
                " nobody sets, or a handler that waits for its own client)"
            )

    def _poll(self, timeout: float | None) -> bool:
        events = self._selector.select(timeout)
        self._process_events(events)  # type: ignore[attr-defined]
        return bool(events)


class _ScaledSelector(selectors.DefaultSelector):
    """Waits real seconds for a loop that counts simulated ones."""

    scale = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            timeout /= self.scale
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        return found


class ScaledLoop(asyncio.SelectorEventLoop):
    """A loop on which `scale` simulated seconds pass for every second of the wall."""

    def __init__(self, scale: float) -> None:
        selector = _ScaledSelector()
        selector.scale = scale
        super().__init__(selector)
        self.scale = scale
        self.start_ns = time.monotonic_ns()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for threads to end, however much simulated time that takes."""
        await super().shutdown_default_executor()

    def time(self) -> float:
        """Return simulated seconds since the loop was made."""
        return (time.monotonic_ns() - self.start_ns) * self.scale / _NS
