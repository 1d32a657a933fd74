"""One direction of a relayed TCP connection: bytes in, and out when their time has come.

Pure like the channel that it feeds: time is an argument. Portions of the stream are the
channel's messages; so is its end, which crosses behind the last byte as a FIN does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from wsim.channel import Channel
from wsim.serving.tcp_stream import chunk_bytes
from wsim.transit import DELIVERED, DROPPED, NO_PARTS, Transit, new_transit


class Chunk(NamedTuple):
    """A portion of the stream, or its end: ``mark`` is ``eof`` or ``reset``."""

    data: bytes
    mark: str = ""


class Sink(Protocol):
    """Where bytes come out."""

    @property
    def backlog_bytes(self) -> int:
        """Bytes that the reader at this end has not taken yet."""

    def write(self, data: bytes) -> bool:
        """Hand bytes on; False if nobody can take them any more."""

    def finish(self, mark: str) -> None:
        """Hand on the end of the stream."""


Record = Callable[[str, Transit, int, int], None]
"""Takes direction, fate, bytes, and the time in ns at which it is told."""


class Pipe:
    """One direction.

    Parameters
    ----------
    channel
        Decides when bytes come out.
    sink
        Takes them.
    record
        Told of the fate of every portion.
    max_bytes
        From how many bytes on, under way and not taken yet, the source should pause.
    """

    def __init__(self, channel: Channel, sink: Sink, record: Record, max_bytes: int) -> None:
        self.channel, self.sink = channel, sink
        self._record, self._max_bytes = record, max_bytes
        self.bytes_in_flight = 0
        self.shut = False
        """True if nothing that comes from now on goes on."""
        self.ended = False
        """True once the end of the stream has come out."""

    @property
    def is_full(self) -> bool:
        """Should the source wait?"""
        return self.bytes_in_flight + self.sink.backlog_bytes >= self._max_bytes

    def feed(self, now_ns: int, data: bytes) -> None:
        """Take bytes in; those that nothing holds up come out at once."""
        portion = chunk_bytes(self.channel.conditions)
        for start in range(0, len(data), portion):
            self._put(now_ns, Chunk(data[start : start + portion]))

    def end(self, now_ns: int, mark: str) -> None:
        """Take in the end of the stream: ``eof`` or ``reset``."""
        self._put(now_ns, Chunk(b"", mark))

    def _put(self, now_ns: int, chunk: Chunk) -> None:
        if self.shut:
            self.swallow(now_ns, len(chunk.data), "closed")
        elif not self.bytes_in_flight and self.channel.pass_now(now_ns):
            number = self.channel.number - 1
            fields = (number, 0, now_ns, now_ns, DELIVERED, "", NO_PARTS, chunk, None, now_ns)
            self._come_out(now_ns, new_transit(fields), chunk)
        else:
            self.bytes_in_flight += len(chunk.data)
            self.channel.send(now_ns, len(chunk.data), event="bytes", token=chunk)

    def swallow(self, now_ns: int, size: int, cause: str) -> None:
        """Lose bytes in a failure on demand, which takes no number and no random draw."""
        if size:
            fields = (-1, 0, now_ns, None, DROPPED, cause, NO_PARTS, None, None, now_ns)
            self._record(self.channel.direction, new_transit(fields), size, now_ns)

    def advance(self, now_ns: int) -> None:
        """Let out what is due."""
        self._take(now_ns, self.channel.advance(now_ns))

    def close(self, now_ns: int) -> None:
        """The connection is over: what is under way is lost."""
        self._take(now_ns, self.channel.close(now_ns))

    def _take(self, now_ns: int, transits: list[Transit]) -> None:
        for transit in transits:
            chunk: Chunk = transit.token
            self.bytes_in_flight -= len(chunk.data)
            self._come_out(now_ns, transit, chunk)

    def _come_out(self, now_ns: int, transit: Transit, chunk: Chunk) -> None:
        arrives = transit.fate == DELIVERED
        if chunk.mark:
            self.ended = self.ended or arrives
            if arrives:
                self.sink.finish(chunk.mark)
            return
        if arrives and not self.sink.write(chunk.data):
            transit = transit._replace(
                fate=DROPPED, cause="closed", delivered_ns=None, parts=NO_PARTS
            )
        self._record(self.channel.direction, transit, len(chunk.data), now_ns)
