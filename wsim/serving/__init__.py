"""Real clients and servers: one door for the simulator's own server, a proxy and middleware.

Nothing here is imported by ``import wsim``; python-socketio and aiohttp are loaded when a
server starts. ``serve``, ``Server``, ``Proxy``, ``TcpProxy``, ``NetworkMiddleware`` and
``inflict`` can be taken from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "NetworkMiddleware": "middleware",
    "Proxy": "proxy",
    "Server": "endpoint",
    "TcpProxy": "tcp_proxy",
    "inflict": "faults",
    "serve": "endpoint",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wsim.serving' has no attribute '{name}'")
    return getattr(import_module(f"wsim.serving.{_HOMES[name]}"), name)
