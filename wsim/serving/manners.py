"""Answers as the reference server does where python-socketio does not.

From the Engine.IO 4 and Socket.IO 5 protocols: bad handshakes are turned away with the error
codes of the reference, the OPEN packet tells fractions of seconds, a body that was posted is
answered with ``ok``, who does not answer a heartbeat in time is gone at that time, and a packet
that breaks the protocol ends the session.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from wsim.serving.asgi_http import Response, ask, read_body, refusal, respond, with_body
from wsim.serving.conduct import Conduct
from wsim.serving.network import Client
from wsim.serving.packets import (
    CLOSE,
    MESSAGE,
    NOOP,
    PONG,
    UPGRADE,
    PacketError,
    join_body,
    split_body,
)
from wsim.serving.transport import CLIENT, App, Event, Receive, Scope, Send, query_of

_PATH = "/socket.io"
_TRANSPORTS = ("polling", "websocket")
_MAX_BODY = 100_000_000
_PROBE = "2probe"
_DISCONNECT: Event = {"type": "websocket.disconnect", "code": 1002}
_NO_PROBE: Event = {"type": "websocket.receive", "text": "2"}
"""Makes python-socketio give up an upgrade; when the socket just goes, it waits for ever."""


class Session:
    """An Engine.IO session: what its client may send, and until when it has to be heard."""

    def __init__(self, sid: str, client: Client | None, patience_s: float) -> None:
        self.sid, self.client = sid, client
        self.conduct = Conduct()
        self.by_websocket = False
        self._patience_s = patience_s
        self._deadline: asyncio.TimerHandle | None = None

    def heard(self, expire: Callable[[], object]) -> None:
        """The heartbeat was answered: the next answer is due a whole round later."""
        self.rest()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._patience_s, expire)

    def rest(self) -> None:
        """Wait for no answer any more."""
        if self._deadline is not None:
            self._deadline.cancel()


class Manners:
    """ASGI application between the door and python-socketio.

    Parameters
    ----------
    app
        python-socketio's application.
    ping_interval, ping_timeout
        In seconds, as the OPEN packet shall tell them.
    hang_up
        Makes python-socketio end a session.
    """

    def __init__(
        self,
        app: App,
        ping_interval: float,
        ping_timeout: float,
        hang_up: Callable[[str], Awaitable[None]],
    ) -> None:
        self._app, self._hang_up = app, hang_up
        self._patience_s = ping_interval + ping_timeout
        self._told = {
            "pingInterval": round(ping_interval * 1000),
            "pingTimeout": round(ping_timeout * 1000),
        }
        self._sessions: dict[str, Session] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        engine_io = scope.get("path", "").rstrip("/") == _PATH
        if scope["type"] == "websocket" and engine_io:
            await _Talk(self, scope, receive, send).run(self._app)
        elif scope["type"] == "http" and engine_io:
            await respond(send, await self._http(scope, receive))
        else:
            await self._app(scope, receive, send)

    # -- sessions ------------------------------------------------------------------------

    def session(self, sid: str) -> Session | None:
        """Return a session that goes on."""
        return self._sessions.get(sid)

    def heard(self, session: Session) -> None:
        """The client has answered a heartbeat."""
        session.heard(lambda: self._expire(session))

    def opened(self, frame: str, client: Client | None) -> tuple[str, Session]:
        """Start a session; return its OPEN packet as it should be: python truncates seconds."""
        hello = {**json.loads(frame[1:]), **self._told}
        session = self._sessions[hello["sid"]] = Session(hello["sid"], client, self._patience_s)
        self.heard(session)
        return "0" + json.dumps(hello, separators=(",", ":")), session

    def forget(self, session: Session) -> None:
        """The session is over."""
        session.rest()
        self._sessions.pop(session.sid, None)

    def _expire(self, session: Session) -> None:
        task = asyncio.ensure_future(self._end(session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, session: Session) -> None:
        self.forget(session)
        await self._hang_up(session.sid)
        if session.client is not None:
            session.client.abandon()

    # -- long-polling --------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive) -> Response:
        method, query = scope["method"], query_of(scope)
        session = self._sessions.get(query.get("sid", ""))
        problem = bad_handshake(method, query)
        if problem is None and "sid" in query and method != "OPTIONS":
            problem = _bad_session(session)
        if problem is not None:
            return refusal(json.dumps(problem).encode())
        body = await read_body(receive, _MAX_BODY) or b""
        if session is not None and method == "POST":
            return await self._post(scope, session, body)
        response = await ask(self._app, scope, body)
        if session is not None and response.status != 200:  # given up while it waited
            await self._end(session)
        return self._corrected(scope, session, response)

    async def _post(self, scope: Scope, session: Session, body: bytes) -> Response:
        """Hand on what comes before the first packet that breaks the protocol."""
        good = self._good(session, body)
        if good:
            response = await ask(self._app, scope, good)
        if good == body:
            return with_body(response, b"ok") if response.body == b"OK" else response
        await self._end(session)
        return refusal(b'{"code":3,"message":"Bad request"}')

    def _good(self, session: Session, body: bytes) -> bytes:
        try:
            frames = split_body(body)
        except PacketError:
            return b""
        for index, frame in enumerate(frames):
            if not session.conduct.takes(frame):
                return join_body(frames[:index])
            if frame == PONG:
                self.heard(session)
            elif frame == CLOSE:
                self.forget(session)
        return body

    def _corrected(self, scope: Scope, session: Session | None, response: Response) -> Response:
        if response.status != 200 or scope["method"] != "GET":
            return response
        if not response.body:  # the session has ended while the request waited
            return with_body(response, b"1")
        frames = split_body(response.body)
        for index, frame in enumerate(frames):
            if not isinstance(frame, str):
                continue
            if frame.startswith("0{"):
                frames[index], session = self.opened(frame, scope.get(CLIENT))
            elif session is not None and frame[0] == MESSAGE:
                session.conduct.tells(frame)
        return with_body(response, join_body(frames))


class _Talk:
    """One WebSocket: of a session of its own, or one that probes to take over a session."""

    def __init__(self, manners: Manners, scope: Scope, receive: Receive, send: Send) -> None:
        self._manners, self._scope = manners, scope
        self._receive, self._send = receive, send
        self._session = manners.session(query_of(scope).get("sid", ""))
        self._probing = self._session is not None

    async def run(self, app: App) -> None:
        """Talk to the end; it is that of the session, unless the upgrade came to nothing."""
        try:
            await app(self._scope, self.receive, self.send)
        finally:
            if self._session is not None and self._session.by_websocket:
                self._manners.forget(self._session)

    async def receive(self) -> Event:
        """Return the client's next packet; one that breaks the protocol ends the talk."""
        event = await self._receive()
        session = self._session
        if session is None or event["type"] == "websocket.connect":
            return event
        text = event.get("text")
        if self._probing:
            session.by_websocket = text == UPGRADE
            self._probing = text != UPGRADE
            return event if text in (_PROBE, UPGRADE) else _NO_PROBE
        if event["type"] != "websocket.receive":
            return event
        if not session.conduct.takes(text if text is not None else event["bytes"]):
            return _DISCONNECT
        if text == PONG:
            self._manners.heard(session)
        return event

    async def send(self, event: Event) -> None:
        """Hand on what the server says, put right."""
        text = event.get("text")
        if text == NOOP:  # meant for a request that waits, which a WebSocket has not
            return
        if text is not None:
            if self._session is not None:
                self._session.conduct.tells(text)
            elif text.startswith("0{"):
                text, self._session = self._manners.opened(text, self._scope.get(CLIENT))
                self._session.by_websocket = True
                event = {**event, "text": text}
        await self._send(event)


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


def _bad_session(session: Session | None) -> dict[str, Any] | None:
    if session is None:
        return {"code": 1, "message": "Session ID unknown"}
    if session.by_websocket:
        return {"code": 3, "message": "Bad request"}
    return None
