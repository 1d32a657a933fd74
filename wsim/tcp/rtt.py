"""Round trips: smoothed mean and deviation (RFC 6298, as Linux keeps them) and the minimum.

Linux differs from the RFC in two ways that show here: the deviation has a floor of the least
timeout, renewed once a window, and it rises at once but falls by a quarter a window.
"""

from __future__ import annotations

from wsim.tcp.timers import TICK_NS, ticks

RTO_MAX_NS = 120_000_000_000
MINIMUM_WINDOW_NS = 300_000_000_000
_INITIAL_RTO_NS = 1_000_000_000
_RTO_MAX_TICKS = ticks(RTO_MAX_NS)
_TICK_US = TICK_NS // 1000


class RttEstimator:
    """Smoothed round trip in eighths of a microsecond, deviation in quarters, as in Linux."""

    __slots__ = (
        "deviation", "deviation_max", "floor_us", "min_ns", "min_until_ns", "rto_ticks",
        "srtt8", "variance", "window_end",
    )  # fmt: skip

    def __init__(self, rto_min_ns: int) -> None:
        self.floor_us = rto_min_ns // 1000
        self.srtt8 = 0
        self.deviation = 0
        self.deviation_max = 0
        self.variance = 0
        self.window_end = 0
        self.min_ns = 1 << 62
        self.min_until_ns = MINIMUM_WINDOW_NS
        self.rto_ticks = ticks(_INITIAL_RTO_NS)

    @property
    def srtt_ns(self) -> int:
        """The smoothed round trip in ns."""
        return self.srtt8 * 125

    def sample(self, rtt_us: int, una: int, nxt: int) -> None:
        """Take one round trip; `una` and `nxt` are the oldest unacknowledged and next bytes."""
        srtt8 = self.srtt8
        if srtt8 == 0:
            self.srtt8 = max(rtt_us << 3, 1)
            self.deviation = rtt_us << 1
            self.variance = self.deviation_max = max(self.deviation, self.floor_us)
            self.window_end = nxt
            self.reset_rto()
            return
        error = rtt_us - (srtt8 >> 3)
        self.srtt8 = srtt8 = srtt8 + error or 1
        deviation = self.deviation
        if error < 0:
            error = -error - (deviation >> 2)
            if error > 0:
                error >>= 3
        else:
            error -= deviation >> 2
        self.deviation = deviation = deviation + error
        if deviation > self.deviation_max:
            self.deviation_max = deviation
            if deviation > self.variance:
                self.variance = deviation
        if una > self.window_end:
            self._end_window(nxt)
        rto = -(-((srtt8 >> 3) + self.variance) // _TICK_US)
        self.rto_ticks = rto if rto < _RTO_MAX_TICKS else _RTO_MAX_TICKS

    def _end_window(self, nxt: int) -> None:
        if self.deviation_max < self.variance:
            self.variance -= (self.variance - self.deviation_max) >> 2
        self.window_end = nxt
        self.deviation_max = self.floor_us

    def reset_rto(self) -> None:
        """Set the timeout from the estimates, taking any back-off away."""
        self.rto_ticks = min(-(-((self.srtt8 >> 3) + self.variance) // _TICK_US), _RTO_MAX_TICKS)

    def back_off(self) -> None:
        """Double the timeout."""
        self.rto_ticks = min(self.rto_ticks << 1, _RTO_MAX_TICKS)

    def note_minimum(self, now_ns: int, rtt_ns: int) -> None:
        """Keep the least round trip of the last five minutes."""
        if rtt_ns <= self.min_ns or now_ns > self.min_until_ns:
            self.min_ns = rtt_ns
            self.min_until_ns = now_ns + MINIMUM_WINDOW_NS
