"""BBR (version 1, as in Linux): a model of the path instead of a reaction to loss.

Bandwidth is the largest delivery rate of the last ten round trips, the round trip the least of
ten seconds; the sender paces at the former and keeps about two such products in flight. Loss
hardly matters, which is why thin streams recover faster, and pacing spreads large frames.
Cardwell, Cheng, Gunn, Yeganeh and Jacobson, "BBR: congestion-based congestion control" (2016).
The long-term sampling that detects policers is left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wsim.tcp.constants import RECOVERY
from wsim.tcp.timers import NEVER

if TYPE_CHECKING:
    from wsim.randomness import Stream
    from wsim.tcp.segment import Segment
    from wsim.tcp.state import SenderState

STARTUP, DRAIN, PROBE_BANDWIDTH, PROBE_ROUND_TRIP = range(4)

_HIGH_GAIN = 2.89
_DRAIN_GAIN = 1 / 2.885
_CYCLE = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
_BANDWIDTH_ROUNDS = 10
_MIN_RTT_WINDOW_NS = 10_000_000_000
_PROBE_RTT_NS = 200_000_000
_PROBE_RTT_WINDOW = 4
_FULL_GROWTH = 1.25
_FULL_ROUNDS = 3
_MARGIN = 0.99
_AGGREGATION_ROUNDS = 5
_AGGREGATION_MAX_NS = 100_000_000
_SLOW_BYTES_PER_NS = 150_000 / 1e9
_UNPACED_SEGMENTS = 10


class Bbr:
    """Control and pacing of one sender, which it is told at :meth:`bind`."""

    paced = True
    unlimited = True

    def __init__(self, draws: Stream) -> None:
        self._draws = draws
        self._drawn = 0
        self.mode = STARTUP
        self._rates: list[tuple[int, float]] = []  # (round, segments per ns), falling
        self._round = 0
        self._round_start = False
        self._next_round = 0
        self._full_rate = 0.0
        self._full_count = 0
        self._full = False
        self._cycle = 0
        self._cycle_ns = 0
        self._min_rtt = NEVER
        self._min_rtt_ns = 0
        self._probe_done_ns = -1
        self._probe_round_done = False
        self._idle_restart = False
        self._prior_cwnd = 0
        self._prior_state = 0
        self._conserve = False
        self._epoch_ns = 0
        self._epoch_acked = 0
        self._extra = [0, 0]
        self._extra_rounds = 0
        self._extra_index = 0
        self._pacing_gain = self._cwnd_gain = _HIGH_GAIN
        self.rate = 0.0  # of pacing, bytes per ns
        self._delivered_ns = self._first_ns = 0
        self._app_limited = 0
        self._sample: tuple[int, int, int, bool] | None = None
        self._sample_order = -1
        self.clock_ns = 0
        self.sent_segments = 0

    def bind(self, sender: SenderState, rtt_ns: int) -> None:
        """Take a sender at its start; `rtt_ns` is the round trip of the handshake."""
        self._sender = sender
        self._min_rtt = max(rtt_ns, 1)
        self.rate = _HIGH_GAIN * sender.cwnd * sender.mss / max(rtt_ns, 1_000_000) * _MARGIN

    # -- what the sender tells -------------------------------------------------------------------

    def stamped(self, segment: Segment, now: int, nothing_out: bool) -> None:
        """Note the state of delivery on a segment that leaves."""
        if nothing_out:
            self._first_ns = self._delivered_ns = now
        segment.first_ns = self._first_ns
        segment.delivered_ns = self._delivered_ns
        segment.delivered = self._sender.delivered
        segment.app_limited = self._app_limited > 0

    def arrived(self, segment: Segment) -> None:
        """Note a segment that was (selectively) acknowledged."""
        if segment.order > self._sample_order or self._sample is None:
            self._sample_order = segment.order
            self._first_ns = segment.sent_ns
            self._sample = (
                segment.delivered,
                segment.delivered_ns,
                segment.sent_ns - segment.first_ns,
                segment.app_limited,
            )

    def written(self) -> None:
        """Note if the application, not the window, holds sending back."""
        sender = self._sender
        if (
            sender.written - sender.nxt < sender.mss
            and sender.in_flight < sender.cwnd
            and sender.lost_out <= sender.retrans_out
        ):
            self._app_limited = max(sender.delivered + sender.in_flight, 1)

    def cut(self, cwnd: int) -> int:
        """Remember the window to come back to; the threshold does not move."""
        self._save()
        return self._sender.ssthresh

    def _save(self) -> None:
        cwnd = self._sender.cwnd
        if self._prior_state < RECOVERY and self.mode != PROBE_ROUND_TRIP:
            self._prior_cwnd = cwnd
        else:
            self._prior_cwnd = max(self._prior_cwnd, cwnd)

    def reset(self) -> None:
        """Take a timeout."""
        self._full_rate = 0.0
        self._round_start = True
        self._prior_state = RECOVERY + 1

    def resume(self, tick: int, idle_ticks: int) -> None:
        """Note that sending resumes after idling."""
        if not self._app_limited:
            return
        self._idle_restart = True
        self._epoch_ns = self._delivered_ns
        self._epoch_acked = 0
        if self.mode == PROBE_BANDWIDTH:
            self._pace(1.0)

    def sampled(self, sender: object, now_ns: int, rtt_ns: int) -> None:
        """Round trips are taken with the acknowledgement, in :meth:`acked`."""

    def grow(self, sender: object, now_ns: int, acked: int) -> None:
        """The window is set in :meth:`acked`."""

    # -- pacing ----------------------------------------------------------------------------------

    @property
    def burst(self) -> int:
        """How many segments leave at once."""
        least = 1 if self.rate < _SLOW_BYTES_PER_NS else 2
        return max(int(self.rate * 1e9 / 1024) // self._sender.mss, least)

    def left(self, now: int, size: int, segments: int) -> None:
        """Move the pacing clock past `size` bytes sent now."""
        credit = now - self.clock_ns
        self.clock_ns = max(self.clock_ns, now)
        self.sent_segments += segments
        if self.sent_segments >= _UNPACED_SEGMENTS:
            length = int(size / self.rate)
            self.clock_ns += length - min(length // 2, max(credit, 0))

    # -- the model -------------------------------------------------------------------------------

    @property
    def bandwidth(self) -> float:
        """The largest recent delivery rate, in segments per ns."""
        return self._rates[0][1] if self._rates else 0.0

    def acked(self, now: int, acked: int, lost: int, rtt: int, prior_in_flight: int) -> None:
        """Update the model, the pacing rate and the window with an acknowledgement."""
        sender = self._sender
        if self._app_limited and sender.delivered > self._app_limited:
            self._app_limited = 0
        if acked:
            self._delivered_ns = now
        sample, self._sample = self._sample, None
        self._sample_order = -1
        limited = self._update_bandwidth(now, sample, acked)
        self._update_cycle(now, lost, prior_in_flight)
        self._check_full(limited)
        self._check_drain(now)
        self._update_min_rtt(now, rtt, sample is not None)
        self._set_gains()
        self._pace(self._pacing_gain)
        self._set_window(acked, lost)

    def _update_bandwidth(
        self, now: int, sample: tuple[int, int, int, bool] | None, acked: int
    ) -> bool:
        self._round_start = False
        if sample is None:
            return True
        sender = self._sender
        before, before_ns, send_ns, limited = sample
        interval = max(send_ns, now - before_ns)
        if interval < sender.rtt.min_ns or interval <= 0:
            return limited
        if before >= self._next_round:
            self._next_round = sender.delivered
            self._round += 1
            self._round_start = True
            self._conserve = False
        rate = (sender.delivered - before) / interval
        if not limited or rate >= self.bandwidth:
            self._keep_rate(rate)
        self._aggregate(now, acked)
        return limited

    def _keep_rate(self, rate: float) -> None:
        rates = [entry for entry in self._rates if entry[1] > rate]
        rates.append((self._round, rate))
        oldest = self._round - _BANDWIDTH_ROUNDS
        while len(rates) > 1 and rates[0][0] < oldest:
            del rates[0]
        self._rates = rates

    def _aggregate(self, now: int, acked: int) -> None:
        if acked <= 0:
            return
        if self._round_start:
            self._extra_rounds += 1
            if self._extra_rounds >= _AGGREGATION_ROUNDS:
                self._extra_rounds = 0
                self._extra_index ^= 1
                self._extra[self._extra_index] = 0
        expected = int(self.bandwidth * (now - self._epoch_ns))
        if self._epoch_acked <= expected:
            self._epoch_acked = 0
            self._epoch_ns = now
            expected = 0
        self._epoch_acked += acked
        extra = min(self._epoch_acked - expected, self._sender.cwnd)
        self._extra[self._extra_index] = max(self._extra[self._extra_index], extra)

    def _product(self, gain: float) -> int:
        if self._min_rtt >= NEVER:
            return self._sender.options.initial_window
        return math.ceil(self.bandwidth * self._min_rtt * gain)

    def _quantise(self, window: int) -> int:
        window += 3 * min(self.burst, 127)
        window = (window + 1) & ~1
        return window + (2 if self.mode == PROBE_BANDWIDTH and self._cycle == 0 else 0)

    def _update_cycle(self, now: int, lost: int, in_flight: int) -> None:
        if self.mode != PROBE_BANDWIDTH:
            return
        gain = _CYCLE[self._cycle]
        done = self._delivered_ns - self._cycle_ns > self._min_rtt
        if gain > 1.0:
            done = done and (lost > 0 or in_flight >= self._quantise(self._product(gain)))
        elif gain < 1.0:
            done = done or in_flight <= self._quantise(self._product(1.0))
        if done:
            self._next_phase()

    def _next_phase(self) -> None:
        self._cycle = (self._cycle + 1) % len(_CYCLE)
        self._cycle_ns = self._delivered_ns

    def _start_probing(self) -> None:
        self.mode = PROBE_BANDWIDTH
        drawn = int(self._draws.one(self._drawn) * 7)
        self._drawn += 1
        self._cycle = len(_CYCLE) - 1 - drawn
        self._next_phase()

    def _check_full(self, limited: bool) -> None:
        if self._full or not self._round_start or limited:
            return
        if self.bandwidth >= self._full_rate * _FULL_GROWTH:
            self._full_rate = self.bandwidth
            self._full_count = 0
            return
        self._full_count += 1
        self._full = self._full_count >= _FULL_ROUNDS

    def _check_drain(self, now: int) -> None:
        if self.mode == STARTUP and self._full:
            self.mode = DRAIN
            self._sender.ssthresh = self._quantise(self._product(1.0))
        if self.mode == DRAIN and self._sender.in_flight <= self._quantise(self._product(1.0)):
            self._start_probing()

    def _update_min_rtt(self, now: int, rtt: int, sampled: bool) -> None:
        expired = now > self._min_rtt_ns + _MIN_RTT_WINDOW_NS
        if rtt >= 0 and (rtt < self._min_rtt or expired):
            self._min_rtt = max(rtt, 1)
            self._min_rtt_ns = now
        if expired and not self._idle_restart and self.mode != PROBE_ROUND_TRIP:
            self.mode = PROBE_ROUND_TRIP
            self._save()
            self._probe_done_ns = -1
        if self.mode == PROBE_ROUND_TRIP:
            self._probe_round_trip(now)
        if sampled:
            self._idle_restart = False

    def _probe_round_trip(self, now: int) -> None:
        sender = self._sender
        self._app_limited = max(sender.delivered + sender.in_flight, 1)
        if self._probe_done_ns < 0:
            if sender.in_flight <= _PROBE_RTT_WINDOW:
                self._probe_done_ns = now + _PROBE_RTT_NS
                self._probe_round_done = False
                self._next_round = sender.delivered
            return
        self._probe_round_done = self._probe_round_done or self._round_start
        if self._probe_round_done and now > self._probe_done_ns:
            self._min_rtt_ns = now
            sender.cwnd = max(sender.cwnd, self._prior_cwnd)
            if self._full:
                self._start_probing()
            else:
                self.mode = STARTUP

    def _set_gains(self) -> None:
        if self.mode == STARTUP:
            self._pacing_gain = self._cwnd_gain = _HIGH_GAIN
        elif self.mode == DRAIN:
            self._pacing_gain, self._cwnd_gain = _DRAIN_GAIN, _HIGH_GAIN
        elif self.mode == PROBE_BANDWIDTH:
            self._pacing_gain, self._cwnd_gain = _CYCLE[self._cycle], 2.0
        else:
            self._pacing_gain = self._cwnd_gain = 1.0

    def _pace(self, gain: float) -> None:
        rate = self.bandwidth * self._sender.mss * gain * _MARGIN
        if rate > 0.0 and (self._full or rate > self.rate):
            self.rate = rate

    def _set_window(self, acked: int, lost: int) -> None:
        sender = self._sender
        cwnd = sender.cwnd
        if acked > 0:
            cwnd, fixed = self._recover(cwnd, acked, lost)
            if not fixed:
                cwnd = self._approach(cwnd, acked)
            cwnd = max(cwnd, _PROBE_RTT_WINDOW) if not fixed else cwnd
        sender.cwnd = cwnd
        if self.mode == PROBE_ROUND_TRIP:
            sender.cwnd = min(cwnd, _PROBE_RTT_WINDOW)

    def _approach(self, cwnd: int, acked: int) -> int:
        target = self._product(self._cwnd_gain)
        if self._full:
            target += min(max(self._extra), int(self.bandwidth * _AGGREGATION_MAX_NS))
        target = self._quantise(target)
        if self._full:
            return min(cwnd + acked, target)
        if cwnd < target or self._sender.delivered < _UNPACED_SEGMENTS:
            return cwnd + acked
        return cwnd

    def _recover(self, cwnd: int, acked: int, lost: int) -> tuple[int, bool]:
        """Keep packets constant for a round after entering recovery, restore on leaving."""
        sender = self._sender
        state = sender.state
        if lost > 0:
            cwnd = max(cwnd - lost, 1)
        if state == RECOVERY and self._prior_state != RECOVERY:
            self._conserve = True
            self._next_round = sender.delivered
            cwnd = sender.in_flight + acked
        elif self._prior_state >= RECOVERY and state < RECOVERY:
            cwnd = max(cwnd, self._prior_cwnd)
            self._conserve = False
        self._prior_state = state
        if self._conserve:
            return max(cwnd, sender.in_flight + acked), True
        return cwnd, False
