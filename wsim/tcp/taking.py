"""What an acknowledgement takes off the queue, and the round trips it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsim.tcp.constants import LOSS
from wsim.tcp.recovery import Recovery
from wsim.tcp.segment import Segment

if TYPE_CHECKING:
    from wsim.tcp.state import Acknowledgement

_MS = 1_000_000
_NONE = -1


class Ack:
    """One acknowledgement on its way through a sender, and what has been found out about it.

    ``first_sack`` and ``last_sack`` are when the first and last segments that it newly marks
    were sent, of those sent only once; ``first_taken`` and ``last_taken`` the same of those it
    takes off the queue. -1: none. ``original`` says that something sent before the present
    recovery, and never again, has arrived.
    """

    __slots__ = (
        "advanced", "blocks", "carried", "delivered", "dsacked", "duplicate", "echo",
        "first_sack", "first_taken", "last_sack", "last_taken", "lost", "new_first", "now",
        "original", "prior_fack", "prior_flight", "prior_una", "rearm", "resend", "resent",
        "sacked", "taken", "upto",
    )  # fmt: skip

    def __init__(self, now: int, acknowledgement: Acknowledgement, carried: bool) -> None:
        self.now = now
        self.upto, self.blocks, self.duplicate, self.echo = acknowledgement
        self.carried = carried
        self.advanced = self.sacked = self.dsacked = self.original = False
        self.rearm = self.resend = self.new_first = self.resent = False
        self.first_sack = self.last_sack = self.first_taken = self.last_taken = _NONE
        self.taken = 0
        self.prior_una = self.prior_fack = self.prior_flight = self.delivered = self.lost = 0

    @property
    def is_dup(self) -> bool:
        """True if it neither advances nor came with data."""
        return not (self.advanced or self.carried)


class Taker(Recovery):
    """Marks and drops acknowledged segments, and samples round trips."""

    __slots__ = ()

    def begin(self, ack: Ack) -> None:
        """Advance the window and remember how things stood."""
        ack.prior_una = self.una
        ack.prior_fack = self.fack if self.sacked_out else self.una
        ack.prior_flight = self.in_flight
        ack.delivered, ack.lost = self.delivered, self.lost_ever
        ack.upto = max(ack.upto, self.una)
        ack.advanced = ack.upto > self.una
        if ack.advanced:
            self.una = ack.upto
            self.retries = 0

    def note_duplicate(self, ack: Ack) -> None:
        """Take note of a D-SACK: something was sent twice without need, but it was delivered."""
        if ack.duplicate is None:
            return
        start, end = ack.duplicate
        segments = -(-(end - start) // self.mss)
        self.duplicates += segments
        if self.duplicates > self.resent_ever:
            return
        self.delivered += segments
        if self.reordered and end != self.probe_end:
            self.rack_dsack = True
        if self.undo_from >= 0 and self.undo_left > 0:
            if self.undo_from < end <= ack.prior_una:
                self.undo_left = max(0, self.undo_left - segments)
            elif end > ack.prior_una:
                self._count_needless(start, end)
        ack.dsacked = True

    def _count_needless(self, start: int, end: int) -> None:
        """Take off the undo count what is still queued, was sent again and came twice."""
        for segment in self.queue:
            if segment.end > end:
                break
            if start <= segment.start and segment.resent and segment.end > self.undo_from:
                self.undo_left = max(0, self.undo_left - 1)

    def mark_sacked(self, ack: Ack) -> None:
        """Mark what the blocks cover; partly covered segments stay as they are."""
        lowest = self.nxt
        top = max(block[1] for block in ack.blocks)
        for segment in self.queue:
            if segment.end > top:
                break
            if segment.acked or not _covered(segment, ack.blocks):
                continue
            if not segment.resent:
                if self.sacked_out and segment.start < self.fack:
                    lowest = min(lowest, segment.start)
                self._note_original(ack, segment)
                ack.first_sack = segment.sent_ns if ack.first_sack < 0 else ack.first_sack
                ack.last_sack = segment.sent_ns
            self._sack(ack.now, segment)
            ack.sacked = True
        if self.state != LOSS or self.undo_from >= 0:
            self.note_reordering(lowest)

    def _note_original(self, ack: Ack, segment: Segment) -> None:
        if segment.end <= self.high:
            ack.original = True

    def _sack(self, now: int, segment: Segment) -> None:
        self.rack_advance(now, segment)
        if segment.lost:
            segment.lost = False
            self.lost_out -= 1
            if segment.again:
                segment.again = False
                self.retrans_out -= 1
        segment.acked = True
        if not self.sacked_out or segment.start > self.fack:
            self.fack = segment.start
        self.sacked_out += 1
        self._count_delivered(segment)

    def _count_delivered(self, segment: Segment) -> None:
        self.delivered += 1
        if self.bbr is not None:
            self.bbr.arrived(segment)

    def take(self, ack: Ack) -> None:
        """Drop what is acknowledged in order, and sample the round trip."""
        queue = self.queue
        lowest = self.nxt
        while queue and queue[0].end <= ack.upto:
            segment = queue.popleft()
            ack.taken += 1
            if segment.resent:
                ack.resent = True
            elif not segment.acked:
                ack.first_taken = segment.sent_ns if ack.first_taken < 0 else ack.first_taken
                ack.last_taken = segment.sent_ns
                lowest = min(lowest, segment.start)
                self._note_original(ack, segment)
            self._drop(ack, segment)
        sampled = self._sample(ack)
        if ack.taken:
            ack.rearm = True
            if lowest < ack.prior_fack:
                self.note_reordering(lowest)
        elif sampled and ack.first_sack >= 0 and queue:
            ack.rearm = ack.first_sack < queue[0].sent_ns

    def _drop(self, ack: Ack, segment: Segment) -> None:
        self.retrans_out -= segment.again
        self.lost_out -= segment.lost
        if segment.acked:
            self.sacked_out -= 1
            return
        self._count_delivered(segment)
        needless = segment.resent and ack.echo // _MS < segment.sent_ns // _MS
        if not needless:
            self.rack_advance(ack.now, segment)

    def _sample(self, ack: Ack) -> bool:
        """Sample the round trip from segments sent once, else from the time stamp echoed."""
        now = ack.now
        rtt = newest = _NONE
        if ack.first_taken >= 0 and not ack.resent:
            rtt, newest = now - ack.first_taken, now - ack.last_taken
        if ack.first_sack >= 0:
            newest = now - ack.last_sack
            rtt = now - ack.first_sack if rtt < 0 else rtt
        if rtt < 0:
            if not ack.taken:
                return False
            rtt = newest = max(now // _MS - ack.echo // _MS, 1) * _MS
        self.rtt.note_minimum(now, newest)
        self.rtt.sample(rtt // 1000, ack.upto, self.nxt)
        self.control.sampled(self, now, newest)
        self.last_rtt = newest
        return True


def _covered(segment: Segment, blocks: tuple[tuple[int, int], ...]) -> bool:
    start, end = segment.start, segment.end
    return any(low <= start and end <= high for low, high in blocks)
