"""Answers as the reference server does where python-socketio does not.

From the Engine.IO 4 and Socket.IO 5 protocols: bad handshakes are turned away with the error
codes of the reference, the OPEN packet tells fractions of seconds, and a body that was posted
is answered with ``ok``.
"""

from __future__ import annotations

import json
from typing import Any

from wsim.serving.asgi_http import Response, ask, read_body, respond
from wsim.serving.packets import NOOP, Frame, join_body, split_body
from wsim.serving.transport import App, Event, Receive, Scope, Send, query_of

_PATH = "/socket.io"
_TRANSPORTS = ("polling", "websocket")
_MAX_BODY = 100_000_000


class Manners:
    """ASGI application between the door and python-socketio.

    Parameters
    ----------
    app
        python-socketio's application.
    ping_interval, ping_timeout
        In seconds, as the OPEN packet shall tell them.
    """

    def __init__(self, app: App, ping_interval: float, ping_timeout: float) -> None:
        self._app = app
        self._told = {
            "pingInterval": round(ping_interval * 1000),
            "pingTimeout": round(ping_timeout * 1000),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        engine_io = scope.get("path", "").rstrip("/") == _PATH
        if scope["type"] == "websocket" and engine_io:
            await self._app(scope, receive, self._telling(send))
        elif scope["type"] == "http" and engine_io:
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = bad_handshake(scope["method"], query_of(scope))
        if problem is not None:
            headers = [(b"content-type", b"application/json")]
            await respond(send, Response(400, headers, json.dumps(problem).encode()))
            return
        response = await ask(self._app, scope, await read_body(receive, _MAX_BODY) or b"")
        await respond(send, self._corrected(scope["method"], response))

    def _corrected(self, method: str, response: Response) -> Response:
        body = response.body
        if method == "POST" and body == b"OK":
            body = b"ok"
        elif response.status == 200 and body[:2] == b"0{":
            body = join_body([self._opened(frame) for frame in split_body(body)])
        length = (b"content-length", str(len(body)).encode())
        kept = [(k, v) for k, v in response.headers if k.lower() != b"content-length"]
        return Response(response.status, [*kept, length], body)

    def _telling(self, send: Send) -> Send:
        async def correct(event: Event) -> None:
            text = event.get("text")
            if text == NOOP:  # meant for a request that waits, which a WebSocket has not
                return
            if text is not None and text.startswith("0{"):
                event = {**event, "text": self._opened(text)}
            await send(event)

        return correct

    def _opened(self, frame: Frame) -> Frame:
        """Return an OPEN packet that tells the heartbeat exactly; python truncates it."""
        if not isinstance(frame, str) or not frame.startswith("0{"):
            return frame
        return "0" + json.dumps({**json.loads(frame[1:]), **self._told}, separators=(",", ":"))


def bad_handshake(method: str, query: dict[str, str]) -> dict[str, Any] | None:
    """Return what is wrong with an Engine.IO request, as the reference says it, or None."""
    if method == "OPTIONS":
        return None
    if query.get("EIO") != "4":
        return {"code": 5, "message": "Unsupported protocol version"}
    if query.get("transport") not in _TRANSPORTS:
        return {"code": 0, "message": "Transport unknown"}
    if method not in ("GET", "POST") or (method == "POST" and not query.get("sid")):
        return {"code": 2, "message": "Bad handshake method"}
    return None
