"""CUBIC (RFC 9438) in the integer arithmetic of Linux, with HyStart.

The integers matter: with windows of 3 to 11 segments the truncated target decides whether the
window grows at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsim.tcp.timers import TICK_NS

if TYPE_CHECKING:
    from wsim.tcp.state import SenderState

_HZ = 250
_BETA = 717
_SCALE = 1024
_FRIENDLY_SCALE = 15
_CUBE_SCALE = 410
_CUBE_FACTOR = (1 << 40) // _CUBE_SCALE
_HYSTART_LOW_WINDOW = 16
_HYSTART_ACK_GAP_NS = 2_000_000
_HYSTART_MIN_SAMPLES = 8
_HYSTART_DELAY_LOW_US = 4_000
_HYSTART_DELAY_HIGH_US = 16_000


def _cube_root(value: int) -> int:
    root = int(float(value) ** (1.0 / 3.0))
    while root**3 > value:
        root -= 1
    while (root + 1) ** 3 <= value:
        root += 1
    return root


class Cubic:
    """Window growth of one sender; the window itself belongs to the sender."""

    name = "cubic"
    paced = False
    unlimited = False

    __slots__ = (
        "_ack_count", "_count", "_delay_min_us", "_epoch", "_found", "_friendly", "_k",
        "_last_ack", "_last_cwnd", "_last_tick", "_origin", "_round_end", "_round_rtt",
        "_round_start", "_samples", "_w_max",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reset()
        self._round_end = 0
        self._round_start = 0
        self._last_ack = 0
        self._round_rtt = 1 << 62
        self._samples = 0

    def reset(self) -> None:
        """Forget everything, as after a timeout."""
        self._ack_count = self._count = self._delay_min_us = self._epoch = 0
        self._friendly = self._k = self._last_cwnd = self._last_tick = 0
        self._origin = self._w_max = 0
        self._found = False

    def restart_round(self, now_ns: int, nxt: int) -> None:
        """Begin a HyStart round."""
        self._round_start = self._last_ack = now_ns
        self._round_end = nxt
        self._round_rtt = 1 << 62
        self._samples = 0

    def cut(self, cwnd: int) -> int:
        """Return the slow start threshold after a loss at `cwnd`."""
        self._epoch = 0
        if cwnd < self._w_max:
            self._w_max = cwnd * (_SCALE + _BETA) // (2 * _SCALE)
        else:
            self._w_max = cwnd
        return max(cwnd * _BETA // _SCALE, 2)

    def resume(self, tick: int, idle_ticks: int) -> None:
        """Shift the epoch past a time without anything in flight."""
        if self._epoch and idle_ticks > 0:
            self._epoch = min(self._epoch + idle_ticks, tick)

    def sampled(self, sender: SenderState, now_ns: int, rtt_ns: int) -> None:
        """Note a round trip: the least delay, and HyStart while in slow start."""
        epoch = self._epoch
        if epoch and (now_ns + sender.phase) // TICK_NS - epoch < _HZ:
            return
        delay = rtt_ns // 1000 or 1
        if self._delay_min_us == 0 or delay < self._delay_min_us:
            self._delay_min_us = delay
        if not self._found and sender.cwnd < sender.ssthresh and sender.cwnd >= _HYSTART_LOW_WINDOW:
            self._hystart(sender, now_ns, delay)

    def _hystart(self, sender: SenderState, now_ns: int, delay: int) -> None:
        if sender.una > self._round_end:
            self.restart_round(now_ns, sender.nxt)
        if now_ns - self._last_ack <= _HYSTART_ACK_GAP_NS:
            self._last_ack = now_ns
            self._found = now_ns - self._round_start > self._delay_min_us * 500
        if delay < self._round_rtt:
            self._round_rtt = delay
        if self._samples < _HYSTART_MIN_SAMPLES:
            self._samples += 1
        else:
            margin = min(
                max(self._delay_min_us >> 3, _HYSTART_DELAY_LOW_US), _HYSTART_DELAY_HIGH_US
            )
            if self._round_rtt > self._delay_min_us + margin:
                self._found = True
        if self._found:
            sender.ssthresh = sender.cwnd

    def grow(self, sender: SenderState, now_ns: int, acked: int) -> None:
        """Raise the window of a limited sender for `acked` delivered segments."""
        cwnd = sender.cwnd
        if cwnd < sender.ssthresh:
            grown = min(cwnd + acked, sender.ssthresh)
            acked -= grown - cwnd
            sender.cwnd = cwnd = grown
            if not acked:
                return
        self._update((now_ns + sender.phase) // TICK_NS, cwnd, acked)
        needed = self._count
        if sender.cwnd_count >= needed:
            sender.cwnd_count = 0
            sender.cwnd += 1
        sender.cwnd_count += acked
        if sender.cwnd_count >= needed:
            more = sender.cwnd_count // needed
            sender.cwnd_count -= more * needed
            sender.cwnd += more

    def _update(self, tick: int, cwnd: int, acked: int) -> None:
        self._ack_count += acked
        if self._last_cwnd == cwnd and tick - self._last_tick <= _HZ // 32:
            return
        if not (self._epoch and tick == self._last_tick):
            self._last_cwnd = cwnd
            self._last_tick = tick
            if self._epoch == 0:
                self._begin(tick, cwnd, acked)
            self._count = self._cubic_count(tick, cwnd)
        self._count = max(min(self._count, self._friendly_count(cwnd)), 2)

    def _begin(self, tick: int, cwnd: int, acked: int) -> None:
        self._epoch = tick
        self._ack_count = acked
        self._friendly = cwnd
        if self._w_max <= cwnd:
            self._k = 0
            self._origin = cwnd
        else:
            self._k = _cube_root(_CUBE_FACTOR * (self._w_max - cwnd))
            self._origin = self._w_max

    def _cubic_count(self, tick: int, cwnd: int) -> int:
        elapsed = tick - self._epoch + -(-self._delay_min_us // 4000)
        offset = (elapsed << 10) // _HZ - self._k
        delta = (_CUBE_SCALE * abs(offset) ** 3) >> 40
        target = self._origin - delta if offset < 0 else self._origin + delta
        count = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        return min(count, 20) if self._w_max == 0 else count

    def _friendly_count(self, cwnd: int) -> int:
        per_step = (cwnd * _FRIENDLY_SCALE) >> 3
        if self._ack_count > per_step:
            steps = -(-self._ack_count // per_step) - 1
            self._ack_count -= steps * per_step
            self._friendly += steps
        lead = self._friendly - cwnd
        return cwnd // lead if lead > 0 else 1 << 62
