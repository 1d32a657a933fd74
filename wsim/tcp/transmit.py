"""Putting segments on the wire: new data, retransmissions, and the three timers of a sender."""

from __future__ import annotations

from wsim.tcp.constants import (
    CWR,
    DISORDER,
    NO_TIMER,
    OPEN,
    PROBE,
    RECOVERY,
    REORDER,
    RETRANSMIT,
)
from wsim.tcp.segment import Segment
from wsim.tcp.state import SenderState
from wsim.tcp.timers import NEVER, TICK_NS, expiry_ns, ticks

_TIMEOUT_MIN_US = 2_000
_TICK_US = TICK_NS // 1000


class Transmitter(SenderState):
    """Sends within the window and keeps the timer."""

    __slots__ = ()

    def handshake(self, rtt: int) -> None:
        """Start established, with the round trip of the handshake as first sample."""
        self.last_sent_ns = self.cwnd_stamp = 0
        self.rtt.note_minimum(0, max(rtt, 1000))
        self.rtt.sample(max(rtt, 1000) // 1000, 0, 0)
        if self.bbr is not None:
            self.bbr.bind(self, rtt)

    def write(self, now: int, size: int) -> None:
        """Take `size` more bytes from the application and send what the window allows."""
        if not self.queue and self.nxt == self.written:
            self._restart_after_idle(now)
        if self.bbr is not None:
            self.bbr.written()
        self.written += size
        self.push(now)

    def push(self, now: int) -> None:
        """Send new data within the window, then arm the loss probe."""
        queue = self.queue
        room = self.cwnd - len(queue) + self.sacked_out + self.lost_out - self.retrans_out
        sent = 0
        if self.bbr is not None:
            sent = self._send_paced(now, room)
        else:
            while sent < room and self.nxt < self.written:
                self._send_new(now)
                sent += 1
        limited = sent >= room
        if sent or limited:
            self._validate_window(now, limited)
        if sent:
            if self.state == CWR or self.state == RECOVERY:
                self.prr_out += sent
            if not self.arm_probe(now, False) and (len(queue) == sent or self.pending == PROBE):
                self.arm_retransmit(now)

    def _send_paced(self, now: int, room: int) -> int:
        bbr = self.bbr
        assert bbr is not None
        sent = 0
        while sent < room and self.nxt < self.written:
            if self._held_back(now):
                break
            start = self.nxt
            burst = min(bbr.burst, room - sent, -(-(self.written - start) // self.mss))
            for _ in range(burst):
                self._send_new(now)
            bbr.left(now, self.nxt - start, burst)
            sent += burst
        return sent

    def _held_back(self, now: int) -> bool:
        """Return True if pacing forbids sending now, with the pacer armed for later."""
        if self.bbr is None or self.bbr.clock_ns <= now:
            return False
        self.pacer.arm(self.bbr.clock_ns)
        return True

    def unpaced(self, now: int) -> None:
        """Send what pacing held back."""
        if self.lost_out > self.retrans_out and self.cwnd > self.in_flight:
            self.resend_lost(now)
        self.push(now)

    def _send_new(self, now: int) -> None:
        queue = self.queue
        start = self.nxt
        end = start + self.mss
        if end > self.written:
            end = self.written
        if not queue:
            tick = (now + self.phase) // TICK_NS
            self.control.resume(tick, tick - (self.last_sent_ns + self.phase) // TICK_NS)
        self.order += 1
        segment = Segment(start, end, now, self.order)
        if self.bbr is not None:
            self.bbr.stamped(segment, now, not queue)
        queue.append(segment)
        self.nxt = end
        self.last_sent_ns = now
        self.emit(now, start, end, True)

    def _restart_after_idle(self, now: int) -> None:
        if self.control.unlimited:
            return
        rto = self.rtt.rto_ticks
        idle = (now - self.last_sent_ns) // TICK_NS
        if idle > rto:
            cwnd = self.cwnd
            self.ssthresh = max(self.ssthresh, (cwnd >> 1) + (cwnd >> 2))
            restart = min(self.options.initial_window, cwnd)
            idle -= rto
            while idle > 0 and cwnd > restart:
                cwnd >>= 1
                idle -= rto
            self.cwnd = max(cwnd, restart)
            self.cwnd_stamp = now
            self.cwnd_used = 0

    def _validate_window(self, now: int, limited: bool) -> None:
        out = len(self.queue)
        if self.una >= self.used_until or limited or (not self.cwnd_limited and out > self.max_out):
            self.cwnd_limited = limited
            self.max_out = out
            self.used_until = self.nxt
        if self.is_cwnd_limited():
            self.cwnd_used = 0
            self.cwnd_stamp = now
            return
        if out > self.cwnd_used:
            self.cwnd_used = out
        if now - self.cwnd_stamp >= self.rtt.rto_ticks * TICK_NS and not self.control.unlimited:
            self._shrink_unused(now)

    def _shrink_unused(self, now: int) -> None:
        if self.state == OPEN:
            used = max(self.cwnd_used, self.options.initial_window)
            if used < self.cwnd:
                self.ssthresh = self.current_ssthresh()
                self.cwnd = (self.cwnd + used) >> 1
            self.cwnd_used = 0
        self.cwnd_stamp = now

    def is_cwnd_limited(self) -> bool:
        """Return True if the window, not the application, holds sending back."""
        if self.cwnd_limited:
            return True
        return self.cwnd < self.ssthresh and self.cwnd < 2 * self.max_out

    def current_ssthresh(self) -> int:
        """Return the threshold to come back to: at least 3/4 of the window unless reducing."""
        if self.state == CWR or self.state == RECOVERY:
            return self.ssthresh
        return max(self.ssthresh, (self.cwnd >> 1) + (self.cwnd >> 2))

    def resend_lost(self, now: int) -> None:
        """Send segments marked lost again, oldest first, within the window."""
        rearm = False
        queue = self.queue
        index = 0
        while index < len(queue):
            if self.in_flight >= self.cwnd or self.retrans_out >= self.lost_out:
                break
            if self.bbr is not None and self._held_back(now):
                break
            segment = queue[index]
            index += 1
            if not segment.lost or segment.acked or segment.again:
                continue
            self.resend(now, index - 1)
            if self.state == CWR or self.state == RECOVERY:
                self.prr_out += 1
            if index == 1 and self.pending != REORDER:
                rearm = True
        if rearm:
            self.set_timer(now, RETRANSMIT, self.rtt.rto_ticks)

    def resend(self, now: int, index: int, probe: bool = False) -> None:
        """Send the segment at `index` of the queue again, merged with small ones after it."""
        segment = self.queue[index]
        if segment.end - segment.start < self.mss:
            self._merge(index)
        self.order += 1
        segment.order = self.order
        segment.sent_ns = now
        segment.resent = True
        self.resent_ever += 1
        if not probe:
            segment.again = True
            self.retrans_out += 1
            if self.retrans_stamp < 0:
                self.retrans_stamp = now
            self.undo_left = max(self.undo_left, 0) + 1
        if self.bbr is not None:
            self.bbr.stamped(segment, now, False)
            self.bbr.left(now, segment.end - segment.start, 1)
        self.emit(now, segment.start, segment.end, False)

    def _merge(self, index: int) -> None:
        queue = self.queue
        segment = queue[index]
        room = self.mss - (segment.end - segment.start)
        while index + 1 < len(queue):
            following = queue[index + 1]
            room -= following.end - following.start
            if following.acked or room < 0:
                break
            segment.end = following.end
            segment.resent |= following.resent
            self.lost_out -= following.lost
            self.retrans_out -= following.again
            del queue[index + 1]

    def set_timer(self, now: int, kind: int, count: int) -> None:
        """Arm the one timer for `count` ticks.

        It is re-armed several times a message and hardly ever fires, so when exactly it
        would is worked out only once an entry on the wire comes due.
        """
        self.pending = kind
        self.armed_ns = now
        self.armed_ticks = count
        if now + count * TICK_NS < self.on_wire:
            self._put_on_wire(now, count)

    def _put_on_wire(self, now: int, count: int) -> None:
        due = expiry_ns(now, count, self.phase)
        if due < self.on_wire:
            self.on_wire = due
            self.wake(self, due)

    def stop_timer(self) -> None:
        """Disarm the timer."""
        self.pending = NO_TIMER

    def expires(self) -> int:
        """Return when the timer fires."""
        if self.pending == NO_TIMER:
            return NEVER
        return expiry_ns(self.armed_ns, self.armed_ticks, self.phase)

    def arm_retransmit(self, now: int) -> None:
        """Arm the retransmission timer, counting from the head if another timer ran before."""
        if not self.queue:
            self.stop_timer()
            return
        count = self.rtt.rto_ticks
        if self.pending == PROBE or self.pending == REORDER:
            count = ticks(max(self.queue[0].sent_ns + count * TICK_NS - now, 1000))
        self.set_timer(now, RETRANSMIT, count)

    def arm_probe(self, now: int, advancing: bool) -> bool:
        """Arm the tail loss probe; False if the state does not allow one."""
        queue = self.queue
        state = self.state
        if not queue or (state != OPEN and state != CWR):
            return False
        rtt = self.rtt
        wait_us = rtt.floor_us if len(queue) == 1 else _TIMEOUT_MIN_US
        count = -(-((rtt.srtt8 >> 2) + wait_us) // _TICK_US)
        left = rtt.rto_ticks
        if not advancing:
            left -= (now - queue[0].sent_ns) // TICK_NS
        if 0 < left < count:
            count = left
        self.pending = PROBE
        self.armed_ns = now
        self.armed_ticks = count
        if now + count * TICK_NS < self.on_wire:
            self._put_on_wire(now, count)
        return True

    def keep_open(self) -> None:
        """Go to Disorder if anything is missing, else to Open."""
        missing = self.sacked_out or self.lost_out or self.any_resent()
        state = DISORDER if missing else OPEN
        if self.state != state:
            self.state = state
            self.high = self.nxt

    def any_resent(self) -> bool:
        """Return True if a retransmission may still be out."""
        return self.retrans_out > 0 or (len(self.queue) > 0 and self.queue[0].resent)
