"""Where the panel lives: one loop and its thread, to which every callback comes home.

In a default JupyterLab, callbacks of widgets run on another thread with another event loop.
Simulator, pictures and widgets are touched on the home loop and nowhere else, so callbacks
only pass what they were told to :meth:`HomeLoop.call`. What goes wrong on the way is handed
to one place that shows it, because neither callbacks nor forgotten tasks show anything.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from wsim.errors import UsageError

Report = Callable[[BaseException], None]


class HomeLoop:
    """The loop and thread in which it was made.

    Parameters
    ----------
    report : callable, optional
        Gets every exception of a call or a task, on the home thread. Without it the
        traceback is printed.

    Notes
    -----
    Made outside a running loop (a plain script, a synchronous test) it has no loop: calls from
    its own thread run directly, and :meth:`spawn` is refused.

    Attributes
    ----------
    longest_ms
        How long the longest call took so far.
    """

    def __init__(self, report: Report | None = None) -> None:
        self.report = report or _print
        self.thread = threading.get_ident()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.closed = False
        self.longest_ms = 0.0
        self.loop: asyncio.AbstractEventLoop | None
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None

    def here(self) -> bool:
        """Return True on the home thread."""
        return threading.get_ident() == self.thread

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run `function` at home: now if this is the home thread, else as soon as it can."""
        if self.closed:
            return
        if self.loop is None or self.here():
            self._guarded(function, arguments)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._guarded, function, arguments)

    def _guarded(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self.closed:
            return
        began = time.perf_counter()
        try:
            function(*arguments)
        except Exception as error:
            self.report(error)
        self.longest_ms = max(self.longest_ms, 1000 * (time.perf_counter() - began))

    def callback(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Return a callback for ``observe`` or ``on_click`` that passes its argument home."""
        return lambda *arguments: self.call(function, *arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task at home; it is kept until it ends, and its exception is reported."""
        if self.loop is None:
            coroutine.close()
            raise UsageError("no event loop here: make the panel in a notebook cell")
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report(error)

    def close(self) -> None:
        """Cancel every task; calls that are still on their way are dropped."""
        self.closed = True
        for task in list(self.tasks):
            task.cancel()


def _print(error: BaseException) -> None:
    traceback.print_exception(error)
