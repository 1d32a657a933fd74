"""The simulated network of ``wsim proxy --tcp``: connections, their links, and the listener."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from wsim.clock import Clock, clock_of
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.history import History
from wsim.link import Link
from wsim.serving.tcp_connection import Relay, Side
from wsim.serving.tcp_stream import checked_address, stream_conditions
from wsim.serving.terms import Bounds, resolved
from wsim.transit import DROPPED, Transit

_log = logging.getLogger("wsim")
EVENT = "bytes"
"""Recorded as the event of a portion of a stream."""
CONNECT = "connect"
"""Recorded as the event of a connection that was turned away."""
MAX_BYTES = 4_000_000
"""Bytes under way in one direction of a connection from which on its source has to wait."""
_CONNECT_S = 10.0
_TRY_AGAIN_S = 0.1


class TcpNetwork:
    """Accepts connections and relays them, each through a link of its own.

    Parameters
    ----------
    upstream
        Address of the server, such as ``tcp://127.0.0.1:4000``; fixed for good.
    conditions
        Conditions, a profile or its name.
    seed
        Chooses the random streams, with the number of each connection.
    history
        Takes one row for each portion of a stream.
    bounds
        ``max_clients`` connections at once, ``max_queue_bytes`` in each direction of one.
    """

    def __init__(
        self, upstream: str, conditions: Any, *, seed: int, history: History, bounds: Bounds
    ) -> None:
        self._address = checked_address(upstream)
        self._asked, _ = resolved(conditions)
        self.seed, self.history, self.bounds = seed, history, bounds
        self.relays: list[Relay] = []
        self._count = 0
        self._deaf_until_ns = 0
        self._clock: Clock | None = None
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._bound = ("127.0.0.1", 0)

    @property
    def clock(self) -> Clock:
        """The clock of the loop that serves."""
        if self._clock is None:
            self._clock = clock_of(asyncio.get_running_loop())
        return self._clock

    @property
    def conditions(self) -> NetworkConditions:
        """The conditions in force, as they act on a stream."""
        return stream_conditions(self._asked)

    @property
    def connected(self) -> int:
        """How many connections there are."""
        return len(self.relays)

    def change(self, conditions: Any) -> None:
        """Take new conditions for every connection; a mapping changes some fields."""
        self._asked, given = resolved(conditions, self._asked)
        now_ns, new = self.clock.now_ns(), self.conditions
        self.history.profile = given or self.history.profile
        self.history.note_change(now_ns, new.to_dict(), self.history.profile)
        for relay in list(self.relays):
            relay.link.change(now_ns, new)
            relay.stir()

    # -- listening -----------------------------------------------------------------------

    async def listen(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one if `port` is 0.

        Raises
        ------
        UsageError
            If the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                self._newcomer, host, port, reuse_address=True
            )
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port}: {error.strerror or error};"
                " choose another port, or 0 for a free one"
            ) from None
        self._bound = (host, int(self._listener.sockets[0].getsockname()[1]))
        return self._bound[1]

    @property
    def is_listening(self) -> bool:
        """Would a connection be accepted?"""
        return self._listener is not None

    def refuse(self, duration_s: float) -> None:
        """Stop to listen for a while: the system refuses connections, as without a server."""
        self._stop_listening()
        self._reopening = asyncio.create_task(self._reopen(duration_s))

    async def _reopen(self, wait_s: float) -> None:
        await self.clock.sleep(wait_s)
        while self._listener is None:
            try:
                await self.listen(*self._bound)
            except UsageError as error:  # somebody took the port meanwhile
                _log.warning("%s", error)
                await self.clock.sleep(_TRY_AGAIN_S)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if self._reopening is not None and self._reopening is not asyncio.current_task():
            self._reopening.cancel()

    async def close(self) -> None:
        """Stop to listen and end every connection."""
        self._stop_listening()
        for relay in list(self.relays):
            relay.end("close", "closed")
        await asyncio.sleep(0)  # sockets close in the loop's next turn

    # -- connections ---------------------------------------------------------------------

    def _newcomer(self) -> Side:
        """Make the protocol of a connection that the system has accepted."""
        index, self._count = self._count, self._count + 1
        link = Link(self.conditions, seed=self.seed, client=index)
        room = min(self.bounds.max_queue_bytes, MAX_BYTES)
        relay = Relay(f"connection-{index + 1}", link, self, room)
        relay.on_accept = self._accept
        return relay.client

    def _accept(self, relay: Relay) -> None:
        relay.client.transport.pause_reading()
        now_ns, session = self.clock.now_ns(), relay.link.session
        session.resume(now_ns)  # outages of before do not concern it
        session.events(now_ns)
        if len(self.relays) >= self.bounds.max_clients:
            self._turn_away(relay, "overflow")
        elif not session.connected(now_ns):
            self._turn_away(relay, "outage")
        else:
            self.relays.append(relay)
            self.note(relay.name, "connected", "")
            deaf_ns = self._deaf_until_ns - now_ns
            if deaf_ns > 0:
                relay.black_hole(deaf_ns / 1e9)
            relay.opening = asyncio.create_task(self._open(relay))

    def _turn_away(self, relay: Relay, cause: str) -> None:
        now_ns = self.clock.now_ns()
        self.history.append(now_ns, now_ns, -1, "inbound", CONNECT, relay.name, 1, DROPPED, cause)
        relay.end("reset", cause)

    async def _open(self, relay: Relay) -> None:
        """Let the handshake cross, and connect to the server when it gets there.

        The system has accepted already, which cannot be delayed: the client's first bytes are
        held as long as the handshake would take.
        """
        await self._cross(relay, "inbound")
        if relay.torn:
            return
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                await loop.create_connection(lambda: relay.server, *self._address)
        except (OSError, TimeoutError) as error:
            reason = str(error) or f"no answer within {_CONNECT_S:g} s"
            self.note(relay.name, "unreachable", reason)
            _log.warning("%s:%d cannot be reached: %s", *self._address, reason)
            self._turn_away(relay, "not_connected")
            return
        await self._cross(relay, "outbound")
        relay.client.transport.resume_reading()

    async def _cross(self, relay: Relay, direction: str) -> None:
        """Wait as long as a packet of the handshake takes, outages and black holes included."""
        while True:
            now_ns = self.clock.now_ns()
            window = relay.link.session.outage(now_ns)
            until_ns = max(relay.deaf_until_ns, window[1] if window else 0)
            if until_ns <= now_ns:
                break
            if relay.is_deaf:
                relay.client.transport.resume_reading()  # to swallow what it sends
            await self.clock.sleep((until_ns - now_ns) / 1e9)
            relay.client.transport.pause_reading()
        conditions = self.conditions.for_direction(direction)
        if conditions.enabled and conditions.latency_ms > 0:
            await self.clock.sleep(conditions.latency_ms / 1000)

    def black_hole(self, duration_s: float) -> None:
        """Swallow what new connections send, too."""
        self._deaf_until_ns = self.clock.now_ns() + round(duration_s * 1e9)

    # -- what connections tell -----------------------------------------------------------

    def record(self, name: str, direction: str, transit: Transit, size: int, now_ns: int) -> None:
        """Write down what became of a portion of a stream."""
        delivered_ns = -1 if transit.delivered_ns is None else transit.delivered_ns
        self.history.append(
            transit.sent_ns, transit.sent_ns, delivered_ns, direction, EVENT, name, 1,
            transit.fate, transit.cause, 0, size, "", "/", -1, -1,
            now_ns - delivered_ns if delivered_ns >= 0 else -1, transit.parts, None,
        )  # fmt: skip

    def note(self, name: str, state: str, cause: str) -> None:
        """Note that something happened to a connection."""
        self.history.note_connection(self.clock.now_ns(), name, state, 1, cause)

    def left(self, relay: Relay) -> None:
        """A connection is over."""
        if relay in self.relays:
            self.relays.remove(relay)
