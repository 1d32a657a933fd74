"""What WebSocket and long-polling have in common: assembling, crossing, waiting at the gate."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from wsim.serving.network import Client, Network
from wsim.serving.packets import Assembler, Frame, PacketError, Unit

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ABORT = "wsim.abort"
"""Name of the ASGI extension by which our own host lets go of a TCP connection at once."""
CLIENT = "wsim.client"
"""Key of the scope under which the application behind the door finds its :class:`Client`."""
_LOOK_AGAIN_S = 0.1
_LONG_BYTES = 65_536
_LONG_ITEMS = 64


class WholeFrames:
    """Stands in for the assembler where nothing is decoded: each frame is a message.

    It belongs to no namespace, not even ``/``, which tells it from a Socket.IO event.
    """

    def __init__(self, max_payload: int) -> None:
        self._max_payload = max_payload

    def plain(self, frame: Frame) -> None:
        """Nothing is what Socket.IO would send; see :meth:`Assembler.plain`."""

    def feed(self, frame: Frame) -> list[Unit]:
        """Return the frame as a unit."""
        size = len(frame if isinstance(frame, bytes) else frame.encode())
        if size > self._max_payload:
            raise PacketError(f"a message of {size} bytes, allowed are {self._max_payload}")
        name = "text" if isinstance(frame, str) else "binary"
        return [Unit((frame,), "raw", name, namespace="", size=size)]


def query_of(scope: Scope) -> dict[str, str]:
    """Return the first value of each query parameter."""
    values = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return {name: found[0] for name, found in values.items()}


def speaks_engine_io(scope: Scope) -> bool:
    """Say whether a request is of the protocol that is decoded: Engine.IO 4."""
    return query_of(scope).get("EIO") == "4"


def assemblers(network: Network, scope: Scope) -> dict[str, Assembler | WholeFrames]:
    """Return an assembler for each direction."""
    bounds = network.bounds
    if not speaks_engine_io(scope):
        return {name: WholeFrames(bounds.max_payload) for name in ("inbound", "outbound")}
    # what the server sends is its own business: only clients are held to the bounds
    inbound = Assembler(max_payload=bounds.max_payload, max_attachments=bounds.max_attachments)
    return {"inbound": inbound, "outbound": Assembler(max_payload=2**40, max_attachments=10**9)}


def header(scope: Scope, name: bytes) -> str:
    """Return a header of a request, or ``""``."""
    return next((v.decode("latin-1") for k, v in scope.get("headers", ()) if k == name), "")


def identity_of(scope: Scope) -> str:
    """Return what tells one client from another when it comes back.

    A client may name itself with the query parameter ``clientId``; else it is known by its
    address and what it says it is.
    """
    named = query_of(scope).get("clientId")
    if named:
        return f"id:{named}"
    return f"{(scope.get('client') or ('',))[0]} {header(scope, b'user-agent')}"


async def cross(network: Network, client: Client, direction: str) -> None:
    """Wait as long as something that is never lost takes to cross."""
    conditions = network.conditions.for_direction(direction)
    if conditions.enabled and conditions.latency_ms > 0:
        await network.clock.sleep(conditions.latency_ms / 1000)


async def gate(network: Network, client: Client) -> bool:
    """Hold a connection attempt while the link is out; False if it is refused."""
    session = client.door.link.session
    while True:
        now_ns = network.clock.now_ns()
        window = session.outage(now_ns)
        refused = client.refused_until_ns > now_ns
        if refused or (window is not None and session.outage_effect == "close"):
            return False
        end_ns = max(client.deaf_until_ns, window[1] if window else 0)
        if end_ns <= now_ns:
            return True
        await network.clock.sleep(min((end_ns - now_ns) / 1e9, _LOOK_AGAIN_S))


class Outlet:
    """Route into a queue that one reader empties."""

    def __init__(self) -> None:
        self._items: deque[tuple[Frame, Unit] | None] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._emptied: asyncio.Future[None] | None = None
        self.backlog_bytes = 0
        self.quiet = False
        """True while whoever puts something in will take it out too: nobody need be woken."""

    def pass_on(self, frames: tuple[Frame, ...], unit: Unit) -> None:
        """Queue the packets."""
        for frame in frames:
            self.backlog_bytes += len(frame)
            self._items.append((frame, unit))
        if not self.quiet:
            self.wake()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._items.append(None)
        self.wake()

    def wake(self) -> None:
        """Tell whoever waits that there is something to take."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def is_long(self) -> bool:
        """Is whoever empties it so far behind that it should not grow?"""
        return self.backlog_bytes > _LONG_BYTES or len(self._items) > _LONG_ITEMS

    async def room(self) -> None:
        """Wait until it is not long any more."""
        while self.is_long():
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    @property
    def waits(self) -> bool:
        """Is there something to take, or an end to see?"""
        return bool(self._items)

    def take(self) -> tuple[Frame, Unit] | None:
        """Return the next packet and its unit; None if nothing waits, or at the end."""
        if not self._items or self._items[0] is None:
            return None
        item = self._items.popleft()
        assert item is not None
        self.backlog_bytes -= len(item[0])
        emptied, self._emptied = self._emptied, None
        if emptied is not None and not emptied.done():
            emptied.set_result(None)
        return item

    async def wait(self) -> bool:
        """Wait until something can be taken; False at the end."""
        while not self._items:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._items[0] is not None

    async def get(self) -> tuple[Frame, Unit] | None:
        """Return the next packet and its unit, or None at the end."""
        return self.take() if await self.wait() else None
