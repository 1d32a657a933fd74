"""Round trips: smoothed mean and deviation (RFC 6298, as Linux keeps them) and the minimum.

Linux differs from the RFC in two ways that show here: the deviation has a floor of the least
timeout, renewed once a window, and it rises at once but falls by a quarter a window.
"""

from __future__ import annotations

from wsim.tcp.timers import ticks

RTO_MAX_NS = 120_000_000_000
MINIMUM_WINDOW_NS = 300_000_000_000
_INITIAL_RTO_NS = 1_000_000_000


class RttEstimator:
    """Smoothed round trip in eighths of a microsecond, deviation in quarters, as in Linux."""

    __slots__ = (
        "_min_at_ns", "deviation", "deviation_max", "floor_us", "min_ns", "rto_ticks", "srtt8",
        "variance", "window_end",
    )  # fmt: skip

    def __init__(self, rto_min_ns: int) -> None:
        self.floor_us = rto_min_ns // 1000
        self.srtt8 = 0
        self.deviation = 0
        self.deviation_max = 0
        self.variance = 0
        self.window_end = 0
        self.min_ns = 1 << 62
        self._min_at_ns = 0
        self.rto_ticks = ticks(_INITIAL_RTO_NS)

    @property
    def srtt_ns(self) -> int:
        """The smoothed round trip in ns."""
        return self.srtt8 * 125

    def sample(self, rtt_us: int, una: int, nxt: int) -> None:
        """Take one round trip; `una` and `nxt` are the oldest unacknowledged and next bytes."""
        if self.srtt8 == 0:
            self.srtt8 = max(rtt_us << 3, 1)
            self.deviation = rtt_us << 1
            self.variance = self.deviation_max = max(self.deviation, self.floor_us)
            self.window_end = nxt
        else:
            self._smooth(rtt_us, una, nxt)
        self.reset_rto()

    def _smooth(self, rtt_us: int, una: int, nxt: int) -> None:
        error = rtt_us - (self.srtt8 >> 3)
        self.srtt8 = max(self.srtt8 + error, 1)
        if error < 0:
            error = -error - (self.deviation >> 2)
            if error > 0:
                error >>= 3
        else:
            error -= self.deviation >> 2
        deviation = self.deviation = self.deviation + error
        if deviation > self.deviation_max:
            self.deviation_max = deviation
            if deviation > self.variance:
                self.variance = deviation
        if una > self.window_end:
            if self.deviation_max < self.variance:
                self.variance -= (self.variance - self.deviation_max) >> 2
            self.window_end = nxt
            self.deviation_max = self.floor_us

    def reset_rto(self) -> None:
        """Set the timeout from the estimates, taking any back-off away."""
        rto_ns = ((self.srtt8 >> 3) + self.variance) * 1000
        self.rto_ticks = ticks(min(rto_ns, RTO_MAX_NS))

    def back_off(self) -> None:
        """Double the timeout."""
        self.rto_ticks = min(self.rto_ticks << 1, ticks(RTO_MAX_NS))

    def note_minimum(self, now_ns: int, rtt_ns: int) -> None:
        """Keep the least round trip of the last five minutes."""
        if rtt_ns <= self.min_ns or now_ns - self._min_at_ns > MINIMUM_WINDOW_NS:
            self.min_ns = rtt_ns
            self._min_at_ns = now_ns
