"""Finding losses and undoing mistakes: RACK (RFC 8985), PRR (RFC 6937), F-RTO, Eifel and D-SACK."""

from __future__ import annotations

from wsim.tcp.constants import (
    CWR,
    DISORDER,
    INFINITE_WINDOW,
    LOSS,
    NO_TIMER,
    OPEN,
    PROBE,
    RECOVERY,
    REORDER,
    RETRANSMIT,
)
from wsim.tcp.segment import Segment
from wsim.tcp.timers import ticks
from wsim.tcp.transmit import Transmitter

_TIMESTAMP_NS = 1_000_000
_REORDER_SLACK_NS = 2_000_000
_MAX_REORDERING = 300
_RECOVERIES_TO_FORGET = 16


class Recovery(Transmitter):
    """Decides what is lost and moves between the states of loss recovery."""

    __slots__ = ()

    # -- RACK ---------------------------------------------------------------------------

    def rack_advance(self, now: int, segment: Segment) -> None:
        """Note a delivered segment: what was sent well before it is lost."""
        rtt = now - segment.sent_ns
        if segment.resent and rtt < self.rtt.min_ns:
            return
        self.rack_advanced = True
        self.rack_rtt = rtt
        if segment.order > self.rack_order:
            self.rack_order = segment.order

    def _reordering_window(self) -> int:
        if not self.reordered and (self.state >= RECOVERY or self.sacked_out >= self.reordering):
            return 0
        rtt = self.rtt
        return min((rtt.min_ns >> 2) * self.rack_steps, rtt.srtt_ns)

    def detect_losses(self, now: int) -> int:
        """Mark what is lost by now; return the longest wait for the undecided, or 0."""
        patience = self.rack_rtt + self._reordering_window()
        newest, wait = self.rack_order, 0
        for segment in self.queue:
            if segment.acked or segment.order >= newest or (segment.lost and not segment.again):
                continue
            remaining = patience - (now - segment.sent_ns)
            if remaining <= 0:
                self.mark_lost(segment)
            elif remaining > wait:
                wait = remaining
        return wait

    def mark_lost(self, segment: Segment) -> None:
        """Mark a segment, or its retransmission, lost."""
        if segment.acked:
            return
        if segment.lost:
            if segment.again:
                segment.again = False
                self.retrans_out -= 1
                self.lost_ever += 1
        else:
            segment.lost = True
            self.lost_out += 1
            self.lost_ever += 1

    def identify_losses(self, now: int) -> bool:
        """Detect if anything new was delivered; True if the reordering timer was armed."""
        if not self.rack_advanced or not self.queue:
            return False
        self.rack_advanced = False
        wait = self.detect_losses(now)
        if wait:
            self.set_timer(now, REORDER, ticks(wait + _REORDER_SLACK_NS))
        return wait > 0

    def update_reordering_steps(self) -> None:
        """Widen the reordering window after a D-SACK, at most once a round trip."""
        if self.rack_dsack and self.delivered >= self.dsack_limit_delivered:
            self.rack_steps = min(255, self.rack_steps + 1)
            self.dsack_limit_delivered = self.delivered + len(self.queue)
            self.rack_persist = _RECOVERIES_TO_FORGET
        elif not self.rack_persist:
            self.rack_steps = 1
        self.rack_dsack = False

    def note_reordering(self, low: int) -> None:
        """Remember that a hole at `low` was filled by an original that came late."""
        fack = self.fack if self.sacked_out else self.una
        if low >= fack:
            return
        distance = fack - low
        if distance > self.reordering * self.mss:
            self.reordering = min(-(-distance // self.mss), _MAX_REORDERING)
        self.reordered = True

    # -- entering and leaving -------------------------------------------------------------

    def reduce_window(self) -> None:
        """Begin a window reduction."""
        self.high = self.nxt
        self.probe_end = 0
        self.cwnd_count = 0
        self.prior_cwnd = self.cwnd
        self.prr_delivered = self.prr_out = 0
        self.ssthresh = self.control.cut(self.cwnd)

    def end_reduction(self, now: int) -> None:
        """Leave the window at the threshold."""
        if self.control.unlimited:
            return
        if self.ssthresh < INFINITE_WINDOW and (self.state == CWR or self.undo_from >= 0):
            self.cwnd = self.ssthresh
            self.cwnd_stamp = now

    def enter_recovery(self) -> None:
        """Begin fast recovery."""
        self.recoveries += 1
        self.prior_ssthresh = 0
        self._init_undo()
        if self.state != CWR and self.state != RECOVERY:
            self.prior_ssthresh = self.current_ssthresh()
            self.reduce_window()
        self.state = RECOVERY

    def _init_undo(self) -> None:
        self.undo_from = self.una
        self.undo_left = self.retrans_out + (1 if self.probe_end and self.probe_resent else 0)
        if not self.undo_left:
            self.undo_left = -1

    def pace_reduction(self, delivered: int, lost: int, advanced: bool) -> None:
        """Set the window by proportional rate reduction."""
        if delivered <= 0 or not self.prior_cwnd:
            return
        in_flight = self.in_flight
        room = self.ssthresh - in_flight
        self.prr_delivered += delivered
        if room < 0:
            prior = self.prior_cwnd
            send = (self.ssthresh * self.prr_delivered + prior - 1) // prior - self.prr_out
        else:
            send = max(self.prr_delivered - self.prr_out, delivered)
            if advanced and not lost:
                send += 1
            send = min(room, send)
        self.cwnd = in_flight + max(send, 0 if self.prr_out else 1)

    def enter_loss(self, now: int) -> None:
        """Take a timeout: all that is old enough is lost, the window is one segment."""
        fresh = self.state < RECOVERY
        self._mark_after_timeout(now)
        if (
            self.state <= DISORDER
            or self.high <= self.una
            or (self.state == LOSS and not self.retries)
        ):
            self.prior_ssthresh = self.current_ssthresh()
            self.prior_cwnd = self.cwnd
            self.ssthresh = self.control.cut(self.cwnd)
            self._init_undo()
        self.cwnd = self.in_flight + 1
        self.cwnd_count = 0
        self.cwnd_stamp = now
        if self.state <= DISORDER and self.sacked_out >= 3:
            self.reordering = min(self.reordering, 3)
        self.state = LOSS
        self.control.reset()
        self.high = self.nxt
        self.probe_end = 0
        self.frto = fresh or self.retries > 0

    def _mark_after_timeout(self, now: int) -> None:
        queue = self.queue
        head = queue[0]
        if head.acked:
            for segment in queue:
                if segment.acked:
                    segment.acked = False
                    self.sacked_out -= 1
        for segment in queue:
            if segment is head or self.rack_rtt - (now - segment.sent_ns) <= 0:
                self.mark_lost(segment)

    # -- undoing ----------------------------------------------------------------------------

    def delayed(self, echo: int) -> bool:
        """Return True if the echoed stamp is older than the first retransmission (Eifel)."""
        return (
            self.retrans_stamp >= 0 and echo // _TIMESTAMP_NS < self.retrans_stamp // _TIMESTAMP_NS
        )

    def may_undo(self, echo: int) -> bool:
        """Return True if the reduction is known to have been a mistake."""
        return self.undo_from >= 0 and (self.undo_left == 0 or self.delayed(echo))

    def undo(self, now: int, unmark: bool) -> None:
        """Take the reduction back."""
        if unmark:
            for segment in self.queue:
                segment.lost = False
            self.lost_out = 0
        if self.prior_ssthresh:
            if self.bbr is None:
                self.cwnd = max(self.cwnd, self.prior_cwnd)
            self.ssthresh = max(self.ssthresh, self.prior_ssthresh)
        self.cwnd_stamp = now
        self.undo_from = -1
        self.rack_advanced = True

    def leave_loss(self, now: int, echo: int) -> None:
        """Leave the state after a timeout at its end, undoing it if it was a mistake."""
        if self.may_undo(echo):
            self.undo(now, False)
        elif self.rack_persist:
            self.rack_persist -= 1
        self.state = OPEN

    def undo_by_dsack(self, now: int) -> bool:
        """Undo if every retransmission turned out to be a duplicate."""
        if self.undo_from >= 0 and self.undo_left == 0:
            self.rack_persist = min(_RECOVERIES_TO_FORGET, self.rack_persist + 1)
            self.undo(now, False)
            return True
        return False

    def undo_partial(self, now: int, prior_una: int, echo: int) -> bool:
        """Undo when a hole was filled by a delayed original; True to hold retransmissions."""
        if self.undo_from >= 0 and self.delayed(echo):
            self.note_reordering(prior_una)
            if self.retrans_out:
                return True
            if not self.any_resent():
                self.retrans_stamp = -1
            self.undo(now, True)
            self.keep_open()
        return False

    def undo_loss(self, now: int, echo: int, spurious: bool) -> bool:
        """Undo a timeout."""
        if spurious or self.may_undo(echo):
            self.undo(now, True)
            self.retries = 0
            self.state = OPEN
            return True
        return False

    # -- timers -------------------------------------------------------------------------------

    def on_timer(self, now: int) -> None:
        """Do what the timer was armed for."""
        kind = self.pending
        if kind == RETRANSMIT:
            self.pending = NO_TIMER
            self._time_out(now)
        elif kind == PROBE:
            self._send_probe(now)
        elif kind == REORDER:
            self._reordering_over(now)

    def _time_out(self, now: int) -> None:
        if not self.queue:
            self.stop_timer()
            return
        self.timeouts += 1
        self.enter_loss(now)
        self.resend(now, 0)
        self.retries += 1
        self.rtt.back_off()
        self.set_timer(now, RETRANSMIT, self.rtt.rto_ticks)

    def _send_probe(self, now: int) -> None:
        if self.probe_end or not self.queue:
            self.arm_retransmit(now)
            return
        self.probe_resent = False
        if self.nxt < self.written:
            self._send_new(now)
            self._validate_window(now, self.in_flight >= self.cwnd)
            if self.state == CWR or self.state == RECOVERY:
                self.prr_out += 1
        else:
            self.resend(now, len(self.queue) - 1, probe=True)
            self.probe_resent = True
        self.probe_end = self.nxt
        self.probes += 1
        self.pending = NO_TIMER
        self.arm_retransmit(now)

    def _reordering_over(self, now: int) -> None:
        before, lost = self.in_flight, self.lost_ever
        self.detect_losses(now)
        if self.in_flight != before:
            if self.state != RECOVERY:
                self.enter_recovery()
                if not self.control.unlimited:
                    self.pace_reduction(1, self.lost_ever - lost, False)
            self.resend_lost(now)
        if self.pending != RETRANSMIT:
            self.arm_retransmit(now)
