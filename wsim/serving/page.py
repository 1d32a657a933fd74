"""The small page at ``/``: drives the rover, shows its own round trip and what is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.serving.asgi_http import Response, respond
from wsim.serving.transport import App, Receive, Scope, Send

_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'self'; script-src 'unsafe-inline';"
     b" style-src 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]  # fmt: skip


_SHOWN = ("enabled", "latency_ms", "jitter_ms", "packet_loss_rate", "bandwidth_mbps", "transport")


def network_in_force(conditions: NetworkConditions, profile: str) -> dict[str, Any]:
    """Return what the page says of the network, as JSON types, for both directions."""
    inbound, outbound = (conditions.for_direction(name) for name in ("inbound", "outbound"))
    return {
        "profile": profile,
        "inbound": {name: getattr(inbound, name) for name in _SHOWN},
        "outbound": {name: getattr(outbound, name) for name in _SHOWN},
    }


def with_page(app: App, network: Callable[[], dict[str, Any]]) -> App:
    """Answer ``GET /`` with the page and ``GET /network`` with the network in force.

    Everything else is left to `app`. The page asks beside the simulated network, so that it
    tells what changes as it changes.
    """
    page = resources.files("wsim.serving").joinpath("page.html").read_bytes()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "GET"
        if asked and scope["path"] == "/":
            await respond(send, Response(200, _HEADERS, page))
        elif asked and scope["path"] == "/network":
            kind = (b"content-type", b"application/json")
            body = json.dumps(network()).encode()
            await respond(send, Response(200, [kind, *_HEADERS[2:]], body))
        else:
            await app(scope, receive, send)

    return answer
