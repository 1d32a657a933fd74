"""A relayed TCP connection: two sockets, a pipe each way, and the ways in which it can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from wsim.clock import Clock
from wsim.link import Link
from wsim.serving.host import let_go
from wsim.serving.tcp_pipe import Pipe
from wsim.transit import Transit

_HIGH_WATER = 65_536
_OTHER = {"inbound": "outbound", "outbound": "inbound"}


class Side(asyncio.Protocol):
    """One of the two sockets: source of one direction and sink of the other.

    Parameters
    ----------
    relay
        The connection it belongs to.
    direction
        Of what it sends: ``inbound`` for the client's socket, ``outbound`` for the server's.
    """

    def __init__(self, relay: Relay, direction: str) -> None:
        self._relay, self.direction = relay, direction
        self.transport: Any = None
        self.lost = self._finished = False
        self._early: list[bytes] = []  # what came out before the socket was there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket; the client's is not read before the server's is there."""
        self.transport = transport
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)
        early, self._early = self._early, []
        self.transport.writelines(early)
        if self._finished:
            self.transport.write_eof()
        self._relay.made(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._relay.take(self, data)

    def eof_received(self) -> bool:
        """Nothing more will come; what is under way the other way still may be taken."""
        self._relay.ended(self, "eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by the other side's reset or by ourselves."""
        self.lost = True
        self._relay.gone(self, exc)

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._relay.relieve()

    # -- as a sink -----------------------------------------------------------------------

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait for the reader."""
        if self.transport is None:
            return sum(map(len, self._early))
        return int(self.transport.get_write_buffer_size())

    def write(self, data: bytes) -> bool:
        """Hand bytes to the socket; False if it is closed that way."""
        if self._finished or (self.transport is not None and self.transport.is_closing()):
            return False
        if self.transport is None:
            self._early.append(data)
        else:
            self.transport.write(data)
        return True

    def finish(self, mark: str) -> None:
        """Close the socket that way, or reset it."""
        if mark == "reset":
            self._relay.end("reset")
        elif not self._finished:
            self._finished = True
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write_eof()

    def leave(self, how: str) -> None:
        """Give the socket up: ``reset`` or ``close`` at once, ``eof`` once all is written."""
        if self.transport is None or self.lost:
            return
        if how == "eof":
            self.transport.close()
        else:
            let_go(self.transport, how)


class Home(Protocol):
    """Where connections live."""

    @property
    def clock(self) -> Clock:
        """The clock that times everything."""

    def record(self, name: str, direction: str, transit: Transit, size: int, now_ns: int) -> None:
        """Write down what became of a portion."""

    def note(self, name: str, state: str, cause: str) -> None:
        """Note that something happened to a connection."""

    def left(self, relay: Relay) -> None:
        """A connection is over."""


class Relay:
    """One connection of a client, and the one to the server that belongs to it.

    Parameters
    ----------
    name
        Its name in the history.
    link
        Its channels.
    home
        Where it lives.
    max_bytes
        Bound of each direction: beyond it, the source is not read.
    """

    def __init__(self, name: str, link: Link, home: Home, max_bytes: int) -> None:
        self.name, self.link, self._home = name, link, home
        self.client, self.server = Side(self, "inbound"), Side(self, "outbound")
        record = partial(home.record, name)
        self.pipes = {
            "inbound": Pipe(link.inbound, self.server, record, max_bytes),
            "outbound": Pipe(link.outbound, self.client, record, max_bytes),
        }
        self._sides = {"inbound": self.client, "outbound": self.server}
        self.deaf_until_ns = 0
        self.torn = False
        """True if a failure on demand has swallowed part of the stream."""
        self.over = False
        self.opening: asyncio.Task[None] | None = None
        self.on_accept: Callable[[Relay], None] = lambda relay: None
        self._paused: set[str] = set()
        self._armed_ns: int | None = None

    @property
    def is_deaf(self) -> bool:
        """Is it in a black hole?"""
        return self.deaf_until_ns > self._home.clock.now_ns()

    # -- what the sockets tell -----------------------------------------------------------

    def made(self, side: Side) -> None:
        """A socket is there."""
        if side is self.client:
            self.on_accept(self)
        else:
            self.relieve()

    def take(self, side: Side, data: bytes) -> None:
        """Send bytes on their way."""
        now_ns = self._home.clock.now_ns()
        if self.over:
            return
        if self.is_deaf:
            self.torn = True
            self.pipes[side.direction].swallow(now_ns, len(data), "outage")
            return
        self.pipes[side.direction].feed(now_ns, data)
        self.stir()
        self._hold_back(side.direction)

    def ended(self, side: Side, mark: str) -> None:
        """Send the end of a stream on its way."""
        if self.over:
            return
        if self.is_deaf:
            self.torn = True
            return
        self.pipes[side.direction].end(self._home.clock.now_ns(), mark)
        self.stir()

    def gone(self, side: Side, error: Exception | None) -> None:
        """A socket is closed; a reset crosses to the other side like everything else."""
        if error is not None:
            self.ended(side, "reset")
        if side is self.client and self.server.transport is None:
            self.end("reset")
        if self.client.lost and (self.server.lost or self.server.transport is None):
            self.end("close")

    # -- on the way ----------------------------------------------------------------------

    def stir(self) -> None:
        """Let out what is due now, and wake up when more is."""
        clock = self._home.clock
        now_ns = clock.now_ns()
        due = self.link.next_event_ns
        while not self.over and due is not None and due <= now_ns:
            self._advance(now_ns)
            now_ns = clock.now_ns()
            due = self.link.next_event_ns
        self._settle()
        if self.over or due is None:
            return
        if self._armed_ns is None or due < self._armed_ns:
            self._armed_ns = due
            clock.call_at(due, partial(self._wake, due))

    def _wake(self, due_ns: int) -> None:
        if self._armed_ns == due_ns:
            self._armed_ns = None
        self.stir()

    def _advance(self, now_ns: int) -> None:
        for pipe in self.pipes.values():
            pipe.advance(now_ns)
        if any(event.kind == "cut" for event in self.link.session.events(now_ns)):
            self.end("close", "disconnected")
        self.relieve()

    def _settle(self) -> None:
        if all(pipe.ended for pipe in self.pipes.values()):
            self.end("eof")

    def _hold_back(self, direction: str) -> None:
        """Read no further from a source that is far ahead."""
        if direction not in self._paused and self.pipes[direction].is_full and not self.over:
            self._paused.add(direction)
            self._sides[direction].transport.pause_reading()

    def relieve(self) -> None:
        """Read on where there is room again."""
        for direction in list(self._paused):
            source = self._sides[direction]
            if self.over or source.lost or source.transport.is_closing():
                self._paused.discard(direction)
            elif not self.pipes[direction].is_full:
                self._paused.discard(direction)
                source.transport.resume_reading()

    # -- how it ends ---------------------------------------------------------------------

    def end(self, how: str, cause: str = "") -> None:
        """End it: ``eof`` once all is written, ``close`` or ``reset`` at once, on both sides."""
        if self.over:
            return
        self.over = True
        now_ns = self._home.clock.now_ns()
        if self.opening is not None and self.opening is not asyncio.current_task():
            self.opening.cancel()
        for side in (self.client, self.server):
            side.leave(how)
        self.link.session.cut(now_ns)
        for pipe in self.pipes.values():
            pipe.close(now_ns)
        self._home.note(self.name, "disconnected", cause or ("closed" if how == "eof" else how))
        self._home.left(self)

    def half_close(self, direction: str) -> None:
        """Close one direction on its far side, and lose what would still come that way."""
        pipe = self.pipes[direction]
        pipe.shut = True
        self._sides[_OTHER[direction]].finish("eof")
        pipe.ended = True
        self._settle()

    def black_hole(self, duration_s: float) -> None:
        """Swallow everything for a while; a stream that lost something is reset after that."""
        clock = self._home.clock
        self.deaf_until_ns = clock.now_ns() + round(duration_s * 1e9)
        clock.call_at(self.deaf_until_ns, self._hear_again)

    def _hear_again(self) -> None:
        if self.torn and not self.is_deaf:
            self.end("reset", "blackhole")
