"""A simulated network in front of any ASGI application."""

from __future__ import annotations

from typing import Any

from wsim.conditions import NetworkConditions
from wsim.history import History
from wsim.serving.asgi_polling import Polling
from wsim.serving.asgi_websocket import SocketPort
from wsim.serving.network import Client, Network
from wsim.serving.terms import TooManyError
from wsim.serving.transport import (
    App,
    Receive,
    Scope,
    Send,
    identity_of,
    query_of,
    speaks_engine_io,
)


class NetworkMiddleware:
    """Puts a simulated network between an ASGI application and its clients.

    Every Engine.IO packet crosses a channel each way, over WebSocket and long-polling; a plain
    WebSocket's messages do so undecoded. Everything else (pages, other HTTP) passes untouched.

    Parameters
    ----------
    app
        Any ASGI application: python-socketio's, FastAPI, Starlette ...
    conditions_or_profile
        Conditions, a profile or its name, or a mapping of fields.
    seed
        Chooses the random streams; the same seed and messages meet the same fates.
    history
        Takes a row for each message; a new one by default.

    Examples
    --------
    >>> async def app(scope, receive, send): ...
    >>> served = NetworkMiddleware(app, "stressed", seed=7)
    >>> served.conditions.latency_ms
    200.0
    """

    def __init__(
        self,
        app: App,
        conditions_or_profile: Any,
        *,
        seed: int = 0,
        history: History | None = None,
        network: Network | None = None,
    ) -> None:
        self.app = app
        self.network = network or Network(conditions_or_profile, seed=seed, history=history)
        self._polling = Polling(self.network)

    @property
    def history(self) -> History:
        """What became of every message."""
        return self.network.history

    @property
    def conditions(self) -> NetworkConditions:
        """The conditions in force."""
        return self.network.conditions

    def set_network_conditions(self, conditions: Any) -> None:
        """Change conditions, of clients that are connected too; call it in the server's loop."""
        self.network.change(conditions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http" and self._polls(scope):
            await self._polling.handle(self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _polls(self, scope: Scope) -> bool:
        return speaks_engine_io(scope) and query_of(scope).get("transport") == "polling"

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        sid = query_of(scope).get("sid", "") if speaks_engine_io(scope) else ""
        client: Client | None = self._polling.client(sid)
        if sid and client is None:  # unknown, or upgraded already: nobody to make a client of
            await self._turn_away(scope, receive, send)
            return
        if client is None:
            try:
                client = self.network.admit(identity_of(scope))
            except TooManyError:
                await receive()
                await send({"type": "websocket.close", "code": 1013})
                return
        await SocketPort(self.network, client, scope, receive, send).run(self.app)

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave a WebSocket of no session to the application; a strict server closes it."""
        if not self.network.strict:
            await self.app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})
