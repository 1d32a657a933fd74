"""Timers: one operating-system timer for a whole loop, and a heap of our own before it.

asyncio's heap compares due times only, so equal ones come out in any order, and epoll rounds
the wait up to a millisecond. Here every due time sits in one heap with a sequence number, and
one timer wakes the loop for the earliest: a timerfd on Linux, ``loop.call_at`` elsewhere.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import os
import sys
import time
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

Callback = Callable[[], object]

_NONBLOCK_CLOEXEC = 0o2004000
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_NS = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = [
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    ]


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def open_timerfd() -> int | None:
    """Return a file descriptor that becomes readable when armed time comes; None if there is none.

    Only Linux has timerfd. Python offers it from 3.13; before, the C library is asked.
    """
    if not sys.platform.startswith("linux"):
        return None
    create = getattr(os, "timerfd_create", None)
    try:
        if create is not None:
            return int(create(time.CLOCK_MONOTONIC, flags=_NONBLOCK_CLOEXEC))
        fd = _libc().timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    except (OSError, AttributeError):
        return None
    return fd if fd >= 0 else None


def _settimer() -> Callable[[int, int], None]:
    """Return ``set(fd, monotonic_ns)``; a due time of 0 disarms."""
    native = getattr(os, "timerfd_settime_ns", None)
    if native is not None:
        return lambda fd, due_ns: native(fd, flags=_ABSOLUTE, initial=due_ns, interval=0)
    function = _libc().timerfd_settime
    spec = _Timespec()
    place = ctypes.byref(spec)

    def set_timer(fd: int, due_ns: int) -> None:
        spec.value_s, spec.value_ns = divmod(due_ns, _NS)
        function(fd, _ABSOLUTE, place, None)

    return set_timer


class Alarm:
    """All timers of one running loop, in order of due time and then of asking.

    Times are those of ``time.monotonic_ns``. Callbacks run in the loop's thread, never before
    their due time. Use :meth:`of`.
    """

    _known: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Alarm]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, *, precise: bool = True) -> None:
        self._loop = weakref.ref(loop)  # a strong one would keep both alive for ever
        self._heap: list[tuple[int, int, Callback]] = []
        self._seq = count()
        self._armed_ns: int | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._fd = self._add_timerfd(loop) if precise else None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Alarm:
        """Return the one alarm of `loop`."""
        alarm = cls._known.get(loop)
        if alarm is None:
            alarm = cls._known[loop] = cls(loop)
        return alarm

    @property
    def precise(self) -> bool:
        """True if a timerfd is in use, so that epoll's rounding to 1 ms is avoided."""
        return self._fd is not None

    def __len__(self) -> int:
        return len(self._heap)

    def call_at(self, due_ns: int, callback: Callback) -> None:
        """Run `callback` at `due_ns`; equal times run in the order of asking."""
        heapq.heappush(self._heap, (due_ns, next(self._seq), callback))
        if self._armed_ns is None or due_ns < self._armed_ns:
            self._arm(due_ns)

    def _add_timerfd(self, loop: asyncio.AbstractEventLoop) -> int | None:
        fd = open_timerfd()
        if fd is None:
            return None
        try:
            loop.add_reader(fd, self._readable)
        except RuntimeError:  # a loop without readers, such as the proactor of Windows
            os.close(fd)
            return None
        self._set_timer = _settimer()
        weakref.finalize(self, os.close, fd)
        return fd

    def _arm(self, due_ns: int) -> None:
        self._armed_ns = due_ns
        if self._fd is not None:
            self._set_timer(self._fd, max(due_ns, 1))
            return
        loop = self._loop()
        if loop is None or loop.is_closed():
            return
        if self._handle is not None:
            self._handle.cancel()
        wait = max(0, due_ns - time.monotonic_ns()) / _NS
        self._handle = loop.call_later(wait, self._fire)

    def _readable(self) -> None:
        assert self._fd is not None
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # armed anew since the loop woke
            return
        self._fire()

    def _fire(self) -> None:
        self._armed_ns = None
        heap = self._heap
        try:
            while heap and heap[0][0] <= time.monotonic_ns():
                heapq.heappop(heap)[2]()
        finally:  # a callback that raises must not silence the rest
            if heap and (self._armed_ns is None or heap[0][0] < self._armed_ns):
                self._arm(heap[0][0])
