"""A WebSocket between a client and an ASGI application, with the door in between."""

from __future__ import annotations

import asyncio
from typing import Any

from wsim.serving.network import Client, Network
from wsim.serving.packets import Frame, PacketError, Unit
from wsim.serving.transport import (
    ABORT,
    CLIENT,
    App,
    Event,
    Outlet,
    Receive,
    Scope,
    Send,
    assemblers,
    cross,
    gate,
    speaks_engine_io,
)

_CLOSE = "websocket.close"
_NORMAL = 1000
_TOO_BIG = 1009
_RESTART = 1012
_SMALL = 4096
_LINGER_S = 45.0
"""How long a connection may outlive an application that closed it in vain (an outage)."""


class SocketPort:
    """One WebSocket connection of a client.

    Parameters
    ----------
    network, client
        Whose door it goes through.
    scope, receive, send
        The ASGI connection.
    """

    def __init__(
        self, network: Network, client: Client, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._network, self._client = network, client
        self._scope, self._receive, self._send = scope, receive, send
        self._units = assemblers(network, scope)
        self._to_app, self._to_client = Outlet(), Outlet()
        self._close: Event = {"type": _CLOSE, "code": 1000}
        self._accepted = self._told_app = self._closing = False
        self._flushing = self._sent_close = False
        let_go = scope.get("extensions", {}).get(ABORT, {})
        self._is_congested = let_go.get("congested", lambda: True)
        """Would sending wait for a slow reader? Then the writer's task does it."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.upgraded = False

    async def run(self, app: App) -> None:
        """Serve the connection to its end."""
        await self._receive()  # websocket.connect
        reader = asyncio.create_task(self._read())
        try:
            if await self._handshake(reader):
                await self._converse(app, reader)
                if reader.done():
                    reader.result()  # a failure of ours is not to be hushed up
        finally:
            self._client.transports.discard(self)
            if not self._client.transports:
                self._network.lose(self._client, for_good=self._client.leaving)
            for task in (reader, *self._tasks):
                task.cancel()

    async def _handshake(self, reader: asyncio.Task[None]) -> bool:
        """Let the request cross, unless the client gives up before or the link refuses it."""
        gated = asyncio.create_task(gate(self._network, self._client))
        self._tasks.add(gated)
        await asyncio.wait({gated, reader}, return_when=asyncio.FIRST_COMPLETED)
        if reader.done() or not gated.result():
            if not reader.done():
                await self._send({"type": _CLOSE, "code": _RESTART})
            return False
        self._client.transports.add(self)
        self._network.join(self._client)
        await cross(self._network, self._client, "inbound")
        return True

    async def _converse(self, app: App, reader: asyncio.Task[None]) -> None:
        writer = asyncio.create_task(self._write())
        self._tasks.add(writer)
        if speaks_engine_io(self._scope):
            self._network.expect_connect(self._client, self)
        await app({**self._scope, CLIENT: self._client}, self._app_receive, self._app_send)
        if not self._accepted or reader.done():
            return
        if not self._closing:  # the application returned without a word: so ends the socket
            self._put_close({"type": _CLOSE, "code": 1000})
        await asyncio.wait({reader, writer}, timeout=_LINGER_S, return_when="FIRST_COMPLETED")

    # -- the application's side ----------------------------------------------------------

    async def _app_receive(self) -> Event:
        if not self._told_app:
            self._told_app = True
            return {"type": "websocket.connect"}
        item = self._to_app.take() or await self._to_app.get()
        if item is None:
            return {"type": "websocket.disconnect", "code": 1005, "reason": ""}
        frame = item[0]
        kind = "text" if isinstance(frame, str) else "bytes"
        return {"type": "websocket.receive", kind: frame}

    async def _app_send(self, event: Event) -> None:
        if event["type"] == "websocket.send":
            frame = event.get("text")
            outlet = self._to_client
            outlet.quiet = True
            self._put("outbound", frame if frame is not None else event["bytes"])
            outlet.quiet = False
            if 0 < outlet.backlog_bytes <= _SMALL and not self._is_congested():
                await self._flush()  # sure not to wait for the reader
            elif outlet.backlog_bytes:
                outlet.wake()
        elif event["type"] == "websocket.accept":
            await cross(self._network, self._client, "outbound")
            self._accepted = True
            await self._send(event)
        elif event["type"] == _CLOSE and self._accepted:
            self._put_close(event)
        else:  # refused before it was accepted, perhaps with a response of its own
            await cross(self._network, self._client, "outbound")
            await self._send(event)

    def _put_close(self, event: Event) -> None:
        """Close after everything that was sent before."""
        self._closing, self._close = True, event
        unit = Unit(("",), "control", _CLOSE)
        self._network.put(self._client, "outbound", unit, self._to_client)

    def _put(self, direction: str, frame: Frame) -> None:
        outlet = self._to_app if direction == "inbound" else self._to_client
        for unit in self._units[direction].feed(frame):
            self._network.put(self._client, direction, unit, outlet)
            if unit.kind == "control":
                self._notice(direction, unit)

    def _notice(self, direction: str, unit: Unit) -> None:
        if unit.name == "upgrade" and direction == "inbound":
            self._client.transports -= self._client.transports - {self}
        elif unit.name == "DISCONNECT" and unit.namespace == "/":
            self._client.leaving = True
        elif unit.name == "CONNECT" and direction == "outbound":
            self._client.spoken = True

    # -- the client's side ---------------------------------------------------------------

    async def _read(self) -> None:
        """Take what the client sends, until it goes."""
        try:
            while (event := await self._receive())["type"] == "websocket.receive":
                frame = event.get("text")
                self._put("inbound", frame if frame is not None else event["bytes"])
                if self._to_app.is_long():  # then its client is read no further
                    await self._to_app.room()
            if event.get("code") == _NORMAL:  # said good-bye: it will not come back
                self._client.leaving = True
        except PacketError:
            self._to_client.end()
            await self._send({"type": _CLOSE, "code": _TOO_BIG})
        finally:
            self._to_app.end()

    async def _write(self) -> None:
        """Hand on what has come through, until the connection ends."""
        while await self._to_client.wait():
            await self._flush()
            if self._sent_close:
                return

    async def _flush(self) -> None:
        """Hand on what waits, unless somebody is at it."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while not self._sent_close and (item := self._to_client.take()) is not None:
                frame, unit = item
                if unit.name == _CLOSE:
                    self._sent_close = True
                    await self._send(self._close)
                else:
                    kind = "text" if isinstance(frame, str) else "bytes"
                    await self._send({"type": "websocket.send", kind: frame})
        finally:
            self._flushing = False

    def abort(self, how: str = "close") -> None:
        """Take the connection down: at once where the host can, else with a closing frame."""
        let_go = self._scope.get("extensions", {}).get(ABORT)
        if let_go is not None:
            let_go["abort"](how)
        else:
            task = asyncio.ensure_future(self._send({"type": _CLOSE, "code": _RESTART}))
            self._tasks.add(task)
        self._to_client.end()
        self._to_app.end()

    def abandon(self) -> None:
        """Nothing to do: the server closes it, and that has to cross."""

    def inject(self, unit: Unit) -> None:
        """Hand the client a packet that the server never sent."""
        self._to_client.pass_on(unit.frames, unit)
