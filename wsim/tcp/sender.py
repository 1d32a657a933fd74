"""The sending half of a connection: what an acknowledgement does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsim.tcp.constants import CWR, DISORDER, LOSS, NO_TIMER, OPEN, RECOVERY
from wsim.tcp.recovery import Recovery
from wsim.tcp.segment import Segment

if TYPE_CHECKING:
    from wsim.tcp.state import Acknowledgement

_MS = 1_000_000
_BEYOND = 1 << 62


class Sender(Recovery):
    """Takes acknowledgements, in the order of Linux's ``tcp_ack``."""

    __slots__ = ()

    def on_ack(self, now: int, acknowledgement: Acknowledgement, carried: bool = False) -> None:
        """Process an acknowledgement; `carried` if it came with data the other way."""
        ack, blocks, duplicate, echo = acknowledgement
        queue = self.queue
        if not queue:
            self._ack_nothing(now, duplicate, echo)
            return
        if self.state == OPEN and not blocks and not self.sacked_out and not self.probe_end:
            head = queue[0]
            if head.end == ack and not head.resent and duplicate is None and self.bbr is None:
                self._ack_next(now, ack)
                return
        prior_una = self.una
        flight = self.in_flight if self.bbr is not None else 0
        ack = max(ack, prior_una)
        advanced = ack > prior_una
        if advanced:
            self.una = ack
            self.retries = 0
        prior_fack = self.fack if self.sacked_out else prior_una
        delivered, lost = self.delivered, self.lost_ever
        dsacked = duplicate is not None and self._note_duplicate(duplicate, prior_una)
        sacked, first, last, original = False, -1, -1, False
        if blocks:
            sacked, first, last, original = self._mark_sacked(now, blocks)
        rearm = False
        if advanced or first >= 0:
            rearm, more_original = self._take_acked(now, ack, echo, prior_fack, first, last)
            original = original or more_original
        self.update_reordering_steps()
        dup = not (advanced or carried)
        if self.probe_end:
            self._ack_probe(now, ack, duplicate, dup and not sacked)
        resend, new_first = False, False
        if self.state != OPEN or sacked or dsacked or dup:
            armed, resend, new_first = self._alert(
                now, prior_una, advanced, sacked, original, dup, echo
            )
            rearm = rearm and not armed
        if rearm and not self.arm_probe(now, True):
            self.arm_retransmit(now)
        if self.bbr is None:
            self._control(now, self.delivered - delivered, self.lost_ever - lost, advanced)
        else:
            rtt, self.last_rtt = self.last_rtt, -1
            self.bbr.acked(now, self.delivered - delivered, self.lost_ever - lost, rtt, flight)
        if new_first:
            self.push(now)
            if self.nxt > self.high:
                return
            self.frto = False
            resend = True
        if resend:
            self.resend_lost(now)
        if self.nxt < self.written:
            self.push(now)

    def _ack_next(self, now: int, ack: int) -> None:
        """Take the acknowledgement of the one segment next in line, with nothing amiss.

        The same as the general way, for the common case.
        """
        queue = self.queue
        segment = queue.popleft()
        self.una = ack
        self.retries = 0
        self.delivered += 1
        round_trip = now - segment.sent_ns
        self.rack_advanced = True
        self.rack_rtt = round_trip
        if segment.order > self.rack_order:
            self.rack_order = segment.order
        rtt = self.rtt
        if round_trip <= rtt.min_ns or now > rtt.min_until_ns:
            rtt.note_minimum(now, round_trip)
        rtt.sample(round_trip // 1000, ack, self.nxt)
        self.control.sampled(self, now, round_trip)
        if self.rack_dsack or self.rack_steps != 1:
            self.update_reordering_steps()
        if queue:
            self.arm_probe(now, True)
        else:
            self.pending = NO_TIMER
        if self.cwnd_limited or (self.cwnd < self.ssthresh and self.cwnd < 2 * self.max_out):
            self.control.grow(self, now, 1)
        if self.nxt < self.written:
            self.push(now)

    def _ack_nothing(self, now: int, duplicate: tuple[int, int] | None, echo: int) -> None:
        if duplicate is not None:
            self._note_duplicate(duplicate, self.una)
            self._alert(now, self.una, False, False, False, True, echo)
        if self.probe_end:
            self._ack_probe(now, self.una, duplicate, True)
        if self.nxt < self.written:
            self.push(now)

    def _control(self, now: int, delivered: int, lost: int, advanced: bool) -> None:
        if self.state == CWR or self.state == RECOVERY:
            self.pace_reduction(delivered, lost, advanced)
        elif (advanced or (self.reordering > 3 and delivered)) and self.is_cwnd_limited():
            self.control.grow(self, now, delivered)

    # -- selective acknowledgements -----------------------------------------------------------

    def _note_duplicate(self, duplicate: tuple[int, int], prior_una: int) -> bool:
        start, end = duplicate
        if self.resent_ever == 0 or start >= end:
            return False
        if self.reordered and end != self.probe_end:
            self.rack_dsack = True
        if self.undo_from >= 0 and self.undo_left > 0 and end > self.undo_from:
            self.undo_left -= 1
        return True

    def _mark_sacked(
        self, now: int, blocks: tuple[tuple[int, int], ...]
    ) -> tuple[bool, int, int, bool]:
        found, first, last, original = False, -1, -1, False
        lowest = self.nxt
        top = max(block[1] for block in blocks)
        for segment in self.queue:
            if segment.end > top:
                break
            if segment.acked or not _covered(segment, blocks):
                continue
            fresh = not segment.again and not segment.resent
            if fresh:
                if self.sacked_out and segment.start < self.fack:
                    lowest = min(lowest, segment.start)
                original = original or segment.end <= self.high
                first = segment.sent_ns if first < 0 else first
                last = segment.sent_ns
            self._sack(now, segment)
            found = True
        if self.state != LOSS or self.undo_from >= 0:
            self.note_reordering(lowest)
        return found, first, last, original

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
        self.delivered += 1
        if self.bbr is not None:
            self.bbr.arrived(segment)

    # -- cumulative acknowledgements ----------------------------------------------------------

    def _take_acked(
        self, now: int, ack: int, echo: int, prior_fack: int, first_sack: int, last_sack: int
    ) -> tuple[bool, bool]:
        """Drop what is acknowledged, sample the round trip; (re-arm the timer?, original?)."""
        queue = self.queue
        first, last, resent, original = -1, -1, False, False
        lowest, taken = self.nxt, 0
        while queue and queue[0].end <= ack:
            segment = queue.popleft()
            taken += 1
            if segment.again:
                self.retrans_out -= 1
            if segment.resent:
                resent = True
            elif not segment.acked:
                last = segment.sent_ns
                if first < 0:
                    first = last
                lowest = min(lowest, segment.start)
                original = original or segment.end <= self.high
            if segment.acked:
                self.sacked_out -= 1
            else:
                self.delivered += 1
                if self.bbr is not None:
                    self.bbr.arrived(segment)
                if not (segment.resent and echo // _MS < segment.sent_ns // _MS):
                    self.rack_advance(now, segment)
            if segment.lost:
                self.lost_out -= 1
        sampled = self._sample(now, ack, echo, first, last, resent, first_sack, last_sack, taken)
        if taken:
            if lowest < prior_fack:
                self.note_reordering(lowest)
            return True, original
        stale = sampled and first_sack >= 0 and bool(queue)
        return stale and now - first_sack > now - queue[0].sent_ns, original

    def _sample(
        self, now: int, ack: int, echo: int, first: int, last: int, resent: bool,
        first_sack: int, last_sack: int, taken: int,
    ) -> bool:  # fmt: skip
        if first >= 0 and not resent:
            rtt, newest = now - first, now - last
        else:
            rtt = newest = -1
        if first_sack >= 0:
            newest = now - last_sack
            if rtt < 0:
                rtt = now - first_sack
        if rtt < 0:
            if not taken:
                return False
            rtt = newest = max(now // _MS - echo // _MS, 1) * _MS
        estimator = self.rtt
        estimator.note_minimum(now, newest)
        estimator.sample(rtt // 1000, ack, self.nxt)
        self.control.sampled(self, now, newest)
        self.last_rtt = newest
        return True

    # -- probes and states ----------------------------------------------------------------------

    def _ack_probe(
        self, now: int, ack: int, duplicate: tuple[int, int] | None, pure_dup: bool
    ) -> None:
        if ack < self.probe_end:
            return
        if not self.probe_resent or (duplicate is not None and duplicate[1] == self.probe_end):
            self.probe_end = 0
        elif ack > self.probe_end:
            self.reduce_window()
            self.state = CWR
            self.end_reduction(now)
            self.keep_open()
        elif pure_dup:
            self.probe_end = 0

    def _alert(
        self, now: int, prior_una: int, advanced: bool, sacked: bool, original: bool,
        dup: bool, echo: int,
    ) -> tuple[bool, bool, bool]:  # fmt: skip
        """Walk the states; (reordering timer armed?, resend lost?, send new data first?)."""
        if self.state == OPEN:
            self.retrans_stamp = -1
        elif self.una >= self.high:
            if self.state == CWR:
                if self.una != self.high:
                    self.end_reduction(now)
                    self.state = OPEN
            elif self.state == RECOVERY:
                self._leave_recovery(now, echo)
        if self.state == RECOVERY:
            return self._in_recovery(now, prior_una, advanced, echo)
        if self.state == LOSS:
            lost_retransmissions = self.retrans_out
            resend, new_first = self._in_loss(now, advanced, sacked, original, dup, echo)
            armed = self.identify_losses(now)
            if not (self.state == OPEN or self.retrans_out < lost_retransmissions):
                return armed, resend, new_first
        else:
            armed = False
        if self.state <= DISORDER:
            self.undo_by_dsack(now)
        armed = self.identify_losses(now) or armed
        if not self.lost_out:
            self._try_open()
            return armed, False, False
        self.enter_recovery()
        return armed, True, False

    def _leave_recovery(self, now: int, echo: int) -> None:
        """Leave fast recovery: undo or settle at the threshold."""
        if self.may_undo(echo):
            self.undo(now, False)
        elif self.rack_persist:
            self.rack_persist -= 1
        self.end_reduction(now)
        self.state = OPEN

    def _try_open(self) -> None:
        if not self.any_resent():
            self.retrans_stamp = -1
        if self.state != CWR:
            self.keep_open()

    def _in_recovery(
        self, now: int, prior_una: int, advanced: bool, echo: int
    ) -> tuple[bool, bool, bool]:
        if advanced and self.undo_partial(now, prior_una, echo):
            return False, False, False
        if self.undo_by_dsack(now):
            self._try_open()
        armed = self.identify_losses(now)
        if self.state != RECOVERY:
            if not self.lost_out:
                return armed, False, False
            self.enter_recovery()
        return armed, True, False

    def _in_loss(
        self, now: int, advanced: bool, sacked: bool, original: bool, dup: bool, echo: int
    ) -> tuple[bool, bool]:
        """Return (resend lost?, send new data first?)."""
        recovered = self.una >= self.high
        if advanced and self.undo_loss(now, echo, False):
            return False, False
        if self.frto:
            if original and self.undo_loss(now, echo, True):
                return False, False
            if self.nxt > self.high:
                if sacked or dup:
                    self.frto = False
            elif advanced and not recovered:
                self.high = self.nxt
                if self.nxt < self.written:
                    return False, True
                self.frto = False
        if recovered:
            self.leave_loss(now, echo)
            return False, False
        return True, False


def _covered(segment: Segment, blocks: tuple[tuple[int, int], ...]) -> bool:
    start, end = segment.start, segment.end
    return any(low <= start and end <= high for low, high in blocks)
