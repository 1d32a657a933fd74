"""Fixtures and a marker for tests against the simulator.

``websocket_sim`` is a simulator with nothing in the way, seeded and strict;
``make_websocket_sim`` makes others. ``@pytest.mark.wsim(profile="stressed", seed=3,
clock="virtual")`` sets the network and the clock of one test. Async tests run without further
configuration; those that pytest-asyncio or another plugin has claimed are left to it, unless
they carry this marker.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

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

    Without arguments it follows the test's marker. A failure in a handler that nobody saw
    fails the test.
    """
    from wsim.simulator import create_websocket_simulator

    made = []
    _, options = _marked(request.node)

    def make(profile: Any = None, **overrides: Any) -> WebSocketServerSimulator:
        chosen = {"strict": True, **options, **overrides}
        if profile is not None:
            chosen["profile"] = profile
        sim = create_websocket_simulator(**chosen)
        made.append(sim)
        return sim

    yield make
    for sim in made:
        sim.raise_errors()


@pytest.fixture
def websocket_sim(
    make_websocket_sim: Callable[..., WebSocketServerSimulator],
) -> WebSocketServerSimulator:
    """A simulator of the marked profile, ``perfect`` if none is: seeded, and strict."""
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
