"""The receiving half: reassembly, delivery in order, and when to acknowledge.

Reassembly is apart from acknowledging: what is due at an instant may be handed to the
application at that instant, while acknowledgements, like all inner events, act 1 ns later, so
that anything sent at the same instant comes first however often the clock is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsim.randomness import Stream
from wsim.tcp.path import HEADER_BYTES, LOST, Details, Path
from wsim.tcp.state import Acknowledgement
from wsim.tcp.timers import NEVER, TICK_NS, expiry_ns

IN_ORDER, EARLY, DUPLICATE, HELD = range(4)
"""What a packet is: next, beyond a gap, before what is wanted, or beyond a gap once more."""

Packet = tuple[int, int, int, "Details | None", "Acknowledgement | None"]
"""Start, end, time sent, details of the crossing, acknowledgement carried."""

Range = tuple[int, int]
"""First byte and the one after the last."""

Arrived = tuple[int, int, int, "Details | None", int]
"""Start, end, time sent, details, arrival."""

_ATO_TICKS = 10
_QUICK = 16
_FIRST_MSS = 536
_COMPRESS_AFTER = 3
_SLACK_NS = 100_000
_COMPRESS_NS = 1_000_000 + _SLACK_NS
_FIRST_WINDOW = 65_535  # bytes before the receiver has an idea of the round trip
_BURST_NS = 30_000
_BURST_SHARE = 0.9  # measured: how often what arrives together is read together
_BLOCKS = 3
_NO_RANGES: tuple[tuple[int, int], ...] = ()
_DELAY_MAX_TICKS = 50


class Receiver:
    """Receives one direction; ``reached`` is the next byte wanted."""

    __slots__ = (
        "_ack", "_answers", "_ato", "_compress_base", "_compress_count", "_draws", "_duplicate",
        "_early", "_echo", "_filled", "_last_tick", "_mss", "_on_ack", "_pending", "_pushed",
        "_pushed_again", "_quick", "_ranges", "_repeated", "_replies", "_sink", "_sink_next",
        "_wup", "active", "back", "due", "on_wire", "overlap", "phase", "reached", "srtt_ns",
        "wake",
    )  # fmt: skip

    def __init__(
        self,
        back: Path,
        phase: int,
        sink: Callable[[int, list[Arrived]], None],
        sink_next: Callable[[int, Packet], None],
        on_ack: Callable[[int, Acknowledgement], None],
        wake: Callable[[Any, int], None],
        draws: Stream,
    ) -> None:
        self.back = back
        self._draws = draws
        self._answers = -1
        self.phase = phase
        self._sink = sink
        self._sink_next = sink_next
        self._on_ack = on_ack
        self.wake = wake
        self.reached = 0
        self.active = False
        self.due = self.on_wire = NEVER
        self.srtt_ns = 0
        self._early: list[Arrived] = []
        self._ack = self._wup = 0
        self._ranges: list[tuple[int, int]] = []
        self._duplicate: tuple[int, int] | None = None
        self._echo = 0
        self._mss = _FIRST_MSS
        self._ato = 0
        self._quick = 0
        self._last_tick = -NEVER
        self._pending = self._pushed = self._pushed_again = self._replies = False
        self._filled = self._repeated = False
        self.overlap: Range | None = None
        self._compress_base = -1
        self._compress_count = 0

    # -- reassembly ---------------------------------------------------------------------------

    def arrive(self, now: int, packet: Packet) -> int:
        """Reassemble and deliver; return what the packet was, with ``overlap`` what came twice."""
        start, end = packet[0], packet[1]
        reached = self.reached
        self.overlap = None
        if start <= reached:
            if start < reached:
                self.overlap = (start, min(end, reached))
            if end <= reached:
                return DUPLICATE
            self.reached = end
            arrived: list[Arrived] = [(start, end, packet[2], packet[3], now)]
            if self._early:
                self._join(arrived)
            self._sink(now, arrived)
            return IN_ORDER
        if self._holds(start, end):
            self.overlap = (start, end)
            return HELD
        for piece in self._early:
            if piece[0] < end and start < piece[1]:
                self._came_twice(max(start, piece[0]), min(end, piece[1]))
        self._early.append((start, end, packet[2], packet[3], now))
        self._early.sort()
        return EARLY

    def _holds(self, start: int, end: int) -> bool:
        reached = start
        for piece in self._early:
            if piece[0] > reached:
                break
            reached = max(reached, piece[1])
        return reached >= end and any(p[0] <= start < p[1] for p in self._early)

    def _join(self, arrived: list[Arrived]) -> None:
        early = self._early
        taken = 0
        for piece in early:
            if piece[0] > self.reached:
                break
            taken += 1
            arrived.append(piece)
            if piece[0] < self.reached:
                self._came_twice(piece[0], self.reached)
            self.reached = max(self.reached, piece[1])
        del early[:taken]

    def _came_twice(self, start: int, end: int) -> None:
        """Extend ``overlap`` by bytes next to it; what lies apart from it is not told."""
        if self.overlap is None:
            self.overlap = (start, end)
        elif start <= self.overlap[1] and self.overlap[0] <= end:
            self.overlap = (min(start, self.overlap[0]), max(end, self.overlap[1]))

    def accept(self, now: int, packet: Packet) -> bool:
        """Take, deliver and acknowledge the next small packet of a stream without gaps.

        The same as the three steps one by one, for the common case; False if it is not that.
        """
        start, end, sent, _, carried = packet
        if (
            start != self.reached
            or start != self._wup
            or self._early
            or self._replies
            or carried is not None
            or end - start >= self._mss
        ):
            return False
        self.active = True
        self.reached = self._ack = self._wup = end
        self._sink_next(now, packet)
        if sent > self._echo:
            self._echo = sent
        now += 1
        self._pace(now)
        if self._quick:
            self._quick -= 1
        arrival = self.back.cross(now, HEADER_BYTES)
        if arrival >= 0:
            self._on_ack(arrival, (end, _NO_RANGES, None, self._echo))
        return True

    # -- acknowledging ------------------------------------------------------------------------

    def note(
        self, now: int, packet: Packet, verdict: int, reached: int, overlap: Range | None
    ) -> None:
        """Take note of a packet for acknowledging; :meth:`answer` follows."""
        start, end, sent = packet[0], packet[1], packet[2]
        if start <= self._wup <= end and sent > self._echo:
            self._echo = sent
        self.active = self._pending = True
        self._filled = False
        if overlap is not None:
            self._duplicate = overlap
        if verdict == DUPLICATE:
            self._repeated = True
            self._hurry()
            return
        if verdict == HELD:
            self._note_range(start, end)
            return
        self._measure(now, end - start)
        if verdict == IN_ORDER:
            self._ack = reached
            if self._ranges:
                self._ranges = [r for r in self._ranges if r[1] > reached]
                self._filled = not self._ranges
        else:
            self._note_range(start, end)

    def answer(self, now: int) -> None:
        """Acknowledge now or later what has not been acknowledged on data meanwhile."""
        if not self._pending:
            return
        if self._repeated:
            self._send(now)
        elif self._filled or self._ranges:
            self._answer_gap(now)
        elif self._pushed_again or (not self._replies and (self._pushed or self._quick)):
            self._send(now)
        elif self._ack - self._wup > self._mss:
            self._answer_burst(now)
        else:
            self._delay(now)

    def _answer_burst(self, now: int) -> None:
        """Acknowledge full segments when they are read: mostly all that arrived together."""
        self._answers += 1
        if self._draws.one(self._answers) < _BURST_SHARE:
            self._arm(now + _BURST_NS)
        else:
            self._send(now)

    def _hurry(self) -> None:
        self._quick = _QUICK
        self._replies = False
        self._ato = _ATO_TICKS

    def _measure(self, now: int, size: int) -> None:
        if size >= self._mss:
            self._mss = size
        elif self._pushed:
            self._pushed_again = True
        else:
            self._pushed = True
        self._pace(now)

    def _pace(self, now: int) -> None:
        """Learn how far apart data comes, which decides on delayed acknowledgements."""
        tick = (now + self.phase) // TICK_NS
        gap = tick - self._last_tick
        self._last_tick = tick
        ato = self._ato
        if not ato:
            self._quick = _QUICK
            self._ato = _ATO_TICKS
        elif gap <= _ATO_TICKS // 2:
            self._ato = (ato >> 1) + _ATO_TICKS // 2
        elif gap < ato:
            self._ato = (ato >> 1) + gap
        elif gap > 50 + self.srtt_ns // TICK_NS:
            self._quick = _QUICK

    def _note_range(self, start: int, end: int) -> None:
        kept = []
        for low, high in self._ranges:
            if low <= end and start <= high:
                start, end = min(start, low), max(end, high)
            else:
                kept.append((low, high))
        self._ranges = [(start, end), *kept]

    def _answer_gap(self, now: int) -> None:
        if self._filled or (self._quick and not self._replies) or self._ack - self._wup > self._mss:
            self._send(now)
            return
        if self._compress_base != self._ack:
            self._compress_base = self._ack
            self._compress_count = 0
        if self._compress_count < _COMPRESS_AFTER:
            self._compress_count += 1
            self._send(now)
            return
        early = self._ack < _FIRST_WINDOW
        self._arm(now + (_SLACK_NS if early else min(_COMPRESS_NS, self.srtt_ns // 20)))

    def _delay(self, now: int) -> None:
        ato = self._ato
        if ato > _ATO_TICKS:
            longest = _DELAY_MAX_TICKS
            if self.srtt_ns:
                longest = min(longest, max(-(-self.srtt_ns // TICK_NS), _ATO_TICKS))
            ato = min(ato, longest)
        self._arm(expiry_ns(now, ato, self.phase))

    def _arm(self, due: int) -> None:
        if due < self.due:
            self.due = due
            if due < self.on_wire:
                self.on_wire = due
                self.wake(self, due)

    def expires(self) -> int:
        """Return when the timer fires."""
        return self.due

    def on_timer(self, now: int) -> None:
        """Send the acknowledgement that was put off."""
        self.due = NEVER
        if self._pending:
            self._send(now)

    def _send(self, now: int) -> None:
        acknowledgement = self.ride(now)
        arrival = self.back.cross(now, HEADER_BYTES)
        if arrival != LOST and acknowledgement is not None:
            self._on_ack(arrival, acknowledgement)

    def ride(self, now: int) -> Acknowledgement | None:
        """Return the acknowledgement for a packet leaving now, and note that it left."""
        if not self.active:
            return None
        duplicate, self._duplicate = self._duplicate, None
        self._wup = self._ack
        self._pending = self._pushed = self._pushed_again = self._repeated = False
        self.due = NEVER
        if self._quick:
            self._quick -= 1
        room = _BLOCKS if duplicate is None else _BLOCKS - 1
        return self._ack, tuple(self._ranges[:room]), duplicate, self._echo

    def replied(self, now: int) -> None:
        """Note that data leaves soon after data came: acknowledgements may wait for data."""
        if (now + self.phase) // TICK_NS - self._last_tick < self._ato:
            self._replies = True
