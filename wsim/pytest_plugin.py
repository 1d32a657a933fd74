"""Fixtures and a marker for tests against the simulator.

``websocket_sim`` is a simulator with nothing in the way, seeded and strict;
``make_websocket_sim`` makes others. ``@pytest.mark.wsim(profile="stressed", seed=3,
clock="virtual")`` sets the network and the clock of one test. Async tests run without further
configuration; those that pytest-asyncio or another plugin has claimed are left to it, unless
they carry this marker.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from wsim.simulator import WebSocketServerSimulator

_SEED = 0
_OTHERS = ("anyio", "asyncio", "trio", "twisted", "tornado")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "wsim(profile='perfect', *, seed=0, clock='virtual', **overrides): network of the"
        " websocket_sim fixture, and the clock under which an async test runs: 'virtual',"
        " 'real' or simulated seconds per second",
    )


def _marked(node: Any) -> tuple[str | float | None, dict[str, Any]]:
    """Return the clock (None: not marked) and the arguments of a simulator."""
    marker = node.get_closest_marker("wsim")
    if marker is None:
        return None, {"profile": "perfect", "seed": _SEED}
    if len(marker.args) > 1:
        raise pytest.UsageError("the wsim marker takes one profile; name the rest: seed=3")
    options = dict(marker.kwargs)
    if marker.args:
        options["profile"] = marker.args[0]
    clock = options.pop("clock", "virtual")
    return clock, {"profile": "perfect", "seed": _SEED, **options}


@pytest.fixture
def make_websocket_sim(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., WebSocketServerSimulator]]:
    """Make simulators: ``make_websocket_sim("stressed", seed=3)``, strict unless said otherwise.

    Without arguments it follows the test's marker.

    A handler's failure that the test did not see fails it when it is over. Seen is what was
    raised where the test awaits (``with pytest.raises(...): await sim.receive(...)``, also
    through a task or ``gather``). Not seen is a failure in a message sent without waiting, in
    a task that was never awaited, and one that ``gather(..., return_exceptions=True)`` gave
    back as a value: raise it, make the simulator with ``strict=False``, or acknowledge it with
    ``with pytest.raises(UsageError): sim.raise_errors()``.
    """
    from wsim.simulator import create_websocket_simulator

    made = []
    lost = _Lost()
    _, options = _marked(request.node)

    def make(profile: Any = None, **overrides: Any) -> WebSocketServerSimulator:
        chosen = {"strict": True, **options, **overrides}
        if profile is not None:
            chosen["profile"] = profile
        sim = create_websocket_simulator(**chosen)
        made.append(sim)
        return sim

    with lost:
        yield make
        for sim in made:
            sim.raise_errors()
        lost.raise_errors(
            [kept.error for sim in made if sim.settings.strict for kept in sim.errors]
        )


class _Lost(logging.Handler):
    """Hears asyncio tell of exceptions in tasks that nobody awaited, while it is entered."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._heard: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of a record."""
        if record.exc_info and record.exc_info[1] is not None:
            self._heard.append(record.exc_info[1])

    def __enter__(self) -> Self:
        logging.getLogger("asyncio").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("asyncio").removeHandler(self)

    def raise_errors(self, errors: list[Exception]) -> None:
        """Raise the first of `errors` that was lost with its task."""
        from wsim.errors import UsageError

        if errors:
            gc.collect()  # tasks tell when they go
        lost = [error for error in errors if any(error is heard for heard in self._heard)]
        if lost:
            raise UsageError(
                f"{len(lost)} failures in handlers whose task nobody awaited; the first:"
                f" {lost[0]!r}"
            ) from lost[0]


@pytest.fixture
def websocket_sim(
    make_websocket_sim: Callable[..., WebSocketServerSimulator],
) -> WebSocketServerSimulator:
    """A simulator of the marked profile, ``perfect`` if none is: seeded, and strict.

    A handler's failure that the test did not see fails it; see `make_websocket_sim`.
    """
    return make_websocket_sim()


@pytest.hookimpl
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test that nobody else runs, or that is marked."""
    clock, _ = _marked(pyfuncitem)
    function = pyfuncitem.obj
    if clock is not None:
        function = inspect.unwrap(function)  # as it was before another plugin wrapped it
    elif any(pyfuncitem.get_closest_marker(name) for name in _OTHERS):
        return None
    if not inspect.iscoroutinefunction(function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if clock is None:
        asyncio.run(function(**arguments))
        return True
    from wsim.clock import run

    self = getattr(pyfuncitem.obj, "__self__", None)
    bound = function if self is None or inspect.ismethod(function) else function.__get__(self)
    run(bound(**arguments), clock)
    return True
