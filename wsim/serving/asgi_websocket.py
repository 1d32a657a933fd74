"""A WebSocket between a client and an ASGI application, with the door in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
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
_SEND = "websocket.send"
_GOOD_BYES = (1000, 1001)
"""Closing codes of clients who mean it; 1001 is a page that was closed."""
_TOO_BIG = 1009
_RESTART = 1012
_SMALL = 4096
_AWAY_S = 0.05
"""An application that has not asked for so long leaves its reading to a task."""
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
        self._inward = client.door.lanes["inbound"]
        self._to_app, self._to_client = Outlet(), Outlet()
        self._close: Event = {"type": _CLOSE, "code": 1000}
        self._accepted = self._told_app = self._closing = False
        self._flushing = self._sent_close = False
        let_go = scope.get("extensions", {}).get(ABORT, {})
        self._is_congested = let_go.get("congested", lambda: True)
        """Would sending wait for a slow reader? Then the writer's task does it."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._gone = asyncio.get_running_loop().create_future()  # done: the client has left
        self._reader: asyncio.Task[None] | None = None
        self._may_pull = ABORT in scope.get("extensions", {})
        self._pulling = False
        self._asked = self._seen = 0
        self._watcher: asyncio.TimerHandle | None = None

    async def run(self, app: App) -> None:
        """Serve the connection to its end."""
        await self._receive()  # websocket.connect
        self._read_on()
        try:
            if await self._handshake():
                await self._converse(app)
            if self._gone.done():
                self._gone.result()  # a failure of ours is not to be hushed up
        finally:
            self._client.transports.discard(self)
            if not self._client.transports:
                self._network.lose(self._client, for_good=self._client.leaving)
            for task in self._tasks:
                task.cancel()
            if self._watcher is not None:
                self._watcher.cancel()

    async def _handshake(self) -> bool:
        """Let the request cross, unless the client gives up before or the link refuses it."""
        gated = self._task(gate(self._network, self._client))
        await asyncio.wait({gated, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done() or not gated.result():
            if not self._gone.done():
                await self._send({"type": _CLOSE, "code": _RESTART})
            return False
        self._client.transports.add(self)
        self._network.join(self._client)
        await cross(self._network, self._client, "inbound")
        return True

    async def _converse(self, app: App) -> None:
        writer = self._task(self._write())
        if speaks_engine_io(self._scope):
            self._network.expect_connect(self._client, self)
        self._watch()
        await app({**self._scope, CLIENT: self._client}, self._app_receive, self._app_send)
        if not self._accepted or self._gone.done():
            return
        if not self._closing:  # the application returned without a word: so ends the socket
            self._put_close({"type": _CLOSE, "code": 1000})
        self._read_on()
        await asyncio.wait({self._gone, writer}, timeout=_LINGER_S, return_when="FIRST_COMPLETED")

    def _task(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- the application's side ----------------------------------------------------------

    async def _app_receive(self) -> Event:
        if not self._told_app:
            self._told_app = True
            return {"type": "websocket.connect"}
        self._asked += 1
        item = self._to_app.take()
        if item is None and self._may_read_itself():
            self._pulling = True
            try:
                event = await self._receive()
                if self._take_in(event, pull=True):
                    return event
            finally:
                self._pulling = False
            if not self._to_app.waits:
                self._read_on()
            item = self._to_app.take()
        if item is None and (item := await self._to_app.get()) is None:
            return {"type": "websocket.disconnect", "code": 1005, "reason": ""}
        frame = item[0]
        kind = "text" if isinstance(frame, str) else "bytes"
        return {"type": "websocket.receive", kind: frame}

    def _may_read_itself(self) -> bool:
        """May the application read what its client sends? Not while something is before that."""
        if self._reader is not None or self._gone.done():
            return False
        if self._inward.in_flight:  # to read would be to wait for the next one instead
            self._read_on()
            return False
        return True

    def _app_send(self, event: Event) -> Awaitable[None]:
        return self._app_says(event) if event["type"] == _SEND else self._app_does(event)

    async def _app_does(self, event: Event) -> None:
        if event["type"] == "websocket.accept":
            await cross(self._network, self._client, "outbound")
            self._accepted = True
            await self._send(event)
        elif event["type"] == _CLOSE and self._accepted:
            self._put_close(event)
        else:  # refused before it was accepted, perhaps with a response of its own
            await cross(self._network, self._client, "outbound")
            await self._send(event)

    async def _app_says(self, event: Event) -> None:
        frame = event.get("text")
        if frame is None:
            frame = event["bytes"]
        outlet = self._to_client
        outlet.quiet = True
        if outlet.waits or self._flushing or self._sent_close or self._is_congested():
            straight = self._put("outbound", frame)
        else:
            straight = self._goes_straight("outbound", frame, outlet)
        outlet.quiet = False
        if straight:
            await self._send(event)
        elif 0 < outlet.backlog_bytes <= _SMALL and not self._is_congested():
            await self._flush()  # sure not to wait for the reader
        elif outlet.backlog_bytes:
            outlet.wake()

    def _put_close(self, event: Event) -> None:
        """Close after everything that was sent before."""
        self._closing, self._close = True, event
        unit = Unit(("",), "control", _CLOSE)
        self._network.put(self._client, "outbound", unit, self._to_client)

    def _put(self, direction: str, frame: Frame) -> bool:
        """Put a packet in; False: it comes out at the outlet, if it does."""
        outlet = self._to_app if direction == "inbound" else self._to_client
        return self._put_units(direction, self._units[direction].feed(frame), outlet)

    def _put_units(self, direction: str, units: list[Unit], outlet: Outlet) -> bool:
        for unit in units:
            self._network.put(self._client, direction, unit, outlet)
            if unit.kind == "control":
                self._notice(direction, unit)
        return False

    def _goes_straight(self, direction: str, frame: Frame, outlet: Outlet) -> bool:
        """Put a packet in; True if it came out at once and as it was, and waits nowhere."""
        assembler = self._units[direction]
        unit = assembler.plain(frame)
        if unit is None:
            units = assembler.feed(frame)
            if len(units) != 1 or units[0].kind == "control":
                return self._put_units(direction, units, outlet)
            unit = units[0]
        frames = self._network.at_once(self._client, direction, unit, outlet)
        if frames is None:
            return self._put_units(direction, [unit], outlet)
        if len(frames) == 1 and frames[0] is frame:
            return True
        outlet.pass_on(frames, unit)
        return False

    def _notice(self, direction: str, unit: Unit) -> None:
        if unit.name == "upgrade" and direction == "inbound":
            self._client.transports -= self._client.transports - {self}
        elif unit.name == "DISCONNECT" and unit.namespace == "/":
            self._client.leaving = True
        elif unit.name == "CONNECT" and direction == "outbound":
            self._client.spoken = True

    # -- the client's side ---------------------------------------------------------------

    # Either a task reads, or, as long as what is read comes through at once, the application
    # does so itself whenever it asks: that spares a turn of the loop for each message.

    def _read_on(self) -> None:
        """Let a task read, if none does."""
        if self._reader is None and not self._gone.done():
            self._reader = self._task(self._read())

    async def _read(self) -> None:
        """Take what the client sends, until it goes or the application may read for itself."""
        try:
            while self._take_in(await self._receive()):
                if self._may_pull and self._accepted and self._to_app.backlog_bytes:
                    break
                if self._to_app.is_long():  # then its client is read no further
                    await self._to_app.room()
        except Exception as error:
            self._end(error)
        finally:
            self._reader = None

    def _watch(self) -> None:
        """An application that stays away reads nothing: then a task does."""
        if not self._pulling and self._asked == self._seen:
            self._read_on()
        self._seen = self._asked
        self._watcher = asyncio.get_running_loop().call_later(_AWAY_S, self._watch)

    def _take_in(self, event: Event, *, pull: bool = False) -> bool:
        """Take an event of the client; False if it is the last.

        If the application pulls, True means that the event has come through as it is.
        """
        if event["type"] != "websocket.receive":
            if event.get("code") in _GOOD_BYES:  # it will not come back
                self._client.leaving = True
            self._end()
            return False
        frame = event.get("text")
        if frame is None:
            frame = event["bytes"]
        try:
            if pull:
                return self._goes_straight("inbound", frame, self._to_app)
            self._put("inbound", frame)
        except PacketError:
            self._to_client.end()
            self._task(self._close_at_once(_TOO_BIG))
            self._end()
            return False
        return True

    def _end(self, error: Exception | None = None) -> None:
        """The client is gone."""
        self._to_app.end()
        if self._gone.done():
            return
        if error is None:
            self._gone.set_result(None)
        else:
            self._gone.set_exception(error)

    async def _close_at_once(self, code: int) -> None:
        await self._send({"type": _CLOSE, "code": code})

    async def _write(self) -> None:
        """Hand on what has come through, until the connection ends."""
        with contextlib.suppress(OSError):  # the client has gone: the reader says so too
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
                    await self._send({"type": _SEND, kind: frame})
        finally:
            self._flushing = False

    def abort(self, how: str = "close") -> None:
        """Take the connection down: at once where the host can, else with a closing frame."""
        let_go = self._scope.get("extensions", {}).get(ABORT)
        if let_go is not None:
            let_go["abort"](how)
        else:
            self._task(self._close_at_once(_RESTART))
        self._to_client.end()
        self._to_app.end()

    def abandon(self) -> None:
        """Nothing to do: the server closes it, and that has to cross."""

    def inject(self, unit: Unit) -> None:
        """Hand the client a packet that the server never sent."""
        self._to_client.pass_on(unit.frames, unit)
