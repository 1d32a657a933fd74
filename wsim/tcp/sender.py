"""The sending half of a connection: what an acknowledgement does, in the order of Linux."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsim.tcp.constants import CWR, DISORDER, LOSS, NO_TIMER, OPEN, RECOVERY
from wsim.tcp.taking import Ack, Taker

if TYPE_CHECKING:
    from wsim.tcp.state import Acknowledgement


class Sender(Taker):
    """Takes acknowledgements and walks the states of loss recovery."""

    __slots__ = ()

    def on_ack(self, now: int, acknowledgement: Acknowledgement, carried: bool = False) -> None:
        """Process an acknowledgement; `carried` if it came with data the other way."""
        upto, blocks, duplicate, _ = acknowledgement
        queue = self.queue
        if (
            self.state == OPEN
            and queue
            and queue[0].end == upto
            and not (blocks or self.sacked_out or self.probe_end or queue[0].resent)
            and duplicate is None
            and self.bbr is None
        ):
            self._ack_next(now, upto)
            return
        ack = Ack(now, acknowledgement, carried)
        self.begin(ack)
        self.note_duplicate(ack)
        if queue:
            self._ack_queue(ack)
        else:
            self._ack_nothing(ack)
        self._send_on(ack)

    def _ack_next(self, now: int, upto: int) -> None:
        """Take the acknowledgement of the one segment next in line, with nothing amiss.

        The same as the general way, for the common case.
        """
        queue = self.queue
        segment = queue.popleft()
        self.una = upto
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
        rtt.sample(round_trip // 1000, upto, self.nxt)
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

    def _ack_queue(self, ack: Ack) -> None:
        if ack.blocks:
            self.mark_sacked(ack)
        if ack.advanced or ack.first_sack >= 0:
            self.take(ack)
        self.update_reordering_steps()
        if self.probe_end:
            self._ack_probe(ack)
        if self.state != OPEN or ack.sacked or ack.dsacked or ack.is_dup:
            self._alert(ack)
        if ack.rearm and not self.arm_probe(ack.now, True):
            self.arm_retransmit(ack.now)
        self._control(ack)

    def _ack_nothing(self, ack: Ack) -> None:
        """Take an acknowledgement with nothing outstanding: only a D-SACK tells anything."""
        if ack.duplicate is not None:
            self._alert(ack)
            ack.resend = ack.new_first = False
        if self.probe_end:
            self._ack_probe(ack)

    def _control(self, ack: Ack) -> None:
        """Set the window."""
        delivered, lost = self.delivered - ack.delivered, self.lost_ever - ack.lost
        if self.bbr is not None:
            rtt, self.last_rtt = self.last_rtt, -1
            self.bbr.acked(ack.now, delivered, lost, rtt, ack.prior_flight)
        elif self.state == CWR or self.state == RECOVERY:
            self.pace_reduction(delivered, lost, ack.advanced)
        elif (ack.advanced or (self.reordering > 3 and delivered)) and self.is_cwnd_limited():
            self.control.grow(self, ack.now, delivered)

    def _send_on(self, ack: Ack) -> None:
        """Send what the acknowledgement made room for: lost segments, then new data."""
        if ack.new_first:
            self.push(ack.now)
            if self.nxt > self.high:
                return
            self.frto = False
            ack.resend = True
        if ack.resend:
            self.resend_lost(ack.now)
        if self.nxt < self.written:
            self.push(ack.now)

    # -- probes and states ----------------------------------------------------------------------

    def _ack_probe(self, ack: Ack) -> None:
        """Learn from the answer to a tail loss probe whether it repaired a loss."""
        if ack.upto < self.probe_end:
            return
        seen_twice = ack.duplicate is not None and ack.duplicate[1] == self.probe_end
        if not self.probe_resent or seen_twice:
            self.probe_end = 0
        elif ack.upto > self.probe_end:
            self.reduce_window()
            self.state = CWR
            self.end_reduction(ack.now)
            self.keep_open()
        elif ack.is_dup and not ack.sacked:
            self.probe_end = 0

    def _alert(self, ack: Ack) -> None:
        """Walk the states when something is out of the ordinary."""
        if self.state == OPEN:
            self.retrans_stamp = -1
        elif self.una >= self.high:
            self._end_reductions(ack)
        if self.state == RECOVERY:
            self._in_recovery(ack)
            return
        if self.state == LOSS and self._in_loss(ack):
            return
        if self.state <= DISORDER:
            self.undo_by_dsack(ack.now)
        self._look_for_losses(ack)
        if self.lost_out:
            self.enter_recovery()
            ack.resend, ack.new_first = True, False
        else:
            self._try_open()
            ack.resend = ack.new_first = False

    def _look_for_losses(self, ack: Ack) -> None:
        """Find losses; the timer for the undecided goes before all others."""
        if self.identify_losses(ack.now):
            ack.rearm = False

    def _end_reductions(self, ack: Ack) -> None:
        if self.state == CWR and self.una != self.high:
            self.end_reduction(ack.now)
            self.state = OPEN
        elif self.state == RECOVERY:
            if self.may_undo(ack.echo):
                self.undo(ack.now, False)
            elif self.rack_persist:
                self.rack_persist -= 1
            self.end_reduction(ack.now)
            self.state = OPEN

    def _try_open(self) -> None:
        if not self.any_resent():
            self.retrans_stamp = -1
        if self.state != CWR:
            self.keep_open()

    def _in_recovery(self, ack: Ack) -> None:
        if ack.advanced and self.undo_partial(ack.now, ack.prior_una, ack.echo):
            return
        if self.undo_by_dsack(ack.now):
            self._try_open()
        self._look_for_losses(ack)
        if self.state != RECOVERY:
            if not self.lost_out:
                return
            self.enter_recovery()
        ack.resend = True

    def _in_loss(self, ack: Ack) -> bool:
        """Go on after a timeout; True if that is all there is to do."""
        self._judge_timeout(ack)
        retransmissions = self.retrans_out
        self._look_for_losses(ack)
        return not (self.state == OPEN or self.retrans_out < retransmissions)

    def _judge_timeout(self, ack: Ack) -> None:
        """Decide by F-RTO (RFC 5682) and Eifel whether the timeout was needless."""
        recovered = self.una >= self.high
        if ack.advanced and self.undo_loss(ack.now, ack.echo, False):
            return
        if self.frto:
            if ack.original and self.undo_loss(ack.now, ack.echo, True):
                return
            if self.nxt > self.high:
                if ack.sacked or ack.is_dup:
                    self.frto = False
            elif ack.advanced and not recovered:
                self.high = self.nxt
                if self.nxt < self.written:
                    ack.new_first = True
                    return
                self.frto = False
        if recovered:
            self.leave_loss(ack.now, ack.echo)
        else:
            ack.resend = True
