"""Synchronous calls in notebooks, by choice only.

Cells can ``await``, and :func:`wsim.run` needs no patched loop; this is for those who want
``call(sim.connect())`` in a plain function. It is the one place where nest-asyncio is used, and
only when asked for.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import warnings
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

from wsim.errors import UsageError

T = TypeVar("T")
_patched: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def enable_nested() -> None:
    """Let the running loop be entered again, so that :func:`call` works in this notebook.

    Takes ``nest_asyncio2`` if it is installed, else ``nest_asyncio``, and patches the running
    loop; doing it again does nothing.

    Raises
    ------
    UsageError
        If no loop is running, it is uvloop's (which cannot be patched), or neither package
        is installed.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(
            "no event loop is running here, so nothing needs to be nested: use wsim.run(main())"
        ) from None
    if loop in _patched:
        return
    if type(loop).__module__.partition(".")[0] == "uvloop":
        raise UsageError(
            "uvloop cannot be entered again: await in the cell, or use wsim.run, which takes a"
            " thread of its own"
        )
    _nesting().apply(loop)
    _patched.add(loop)


def _nesting() -> Any:
    for name in ("nest_asyncio2", "nest_asyncio"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if name == "nest_asyncio" and sys.version_info >= (3, 12):
            warnings.warn(
                "nest_asyncio is no longer maintained and breaks asyncio.run(loop_factory=...)"
                " on this Python; install nest_asyncio2",
                stacklevel=3,
            )
        return module
    raise UsageError("nested calls need nest_asyncio: pip install 'wsim[lab]'")


def call(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the running loop and return its result, without ``await``.

    Raises
    ------
    UsageError
        If :func:`enable_nested` was not called in this loop.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coro)
    if loop not in _patched:
        coro.close()
        raise UsageError("call wsim.notebook.enable_nested() once before, or await the coroutine")
    return loop.run_until_complete(coro)
