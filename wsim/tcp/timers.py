"""Kernel time: timers counted in ticks and kept in a wheel that rounds long ones up.

Linux with HZ=250 counts timers in ticks of 4 ms. A timer of `n` ticks fires after more than
`n` of them, and the wheel coarsens with the distance: 1 tick below 63, 8 below 504, 64 below
4032, and so on. Without this, retransmissions after long outages come at the wrong second.
"""

from __future__ import annotations

TICK_NS = 4_000_000
NEVER = 1 << 62

_FIRST_LEVEL = 63
_LEVEL_SHIFT = 3
PHASE_NS = TICK_NS << 15
"""The wheel looks the same again after this long; a connection starts anywhere within."""


def ticks(delay_ns: int) -> int:
    """Return a delay in ticks, rounded up."""
    return -(-delay_ns // TICK_NS)


def expiry_ns(now_ns: int, count: int, phase_ns: int) -> int:
    """Return when a timer of `count` ticks, set at `now_ns`, fires.

    `phase_ns` is how long the tick clock had been running at time zero.
    """
    expires = (now_ns + phase_ns) // TICK_NS + count
    if count < _FIRST_LEVEL:
        return (expires + 1) * TICK_NS - phase_ns
    shift, limit = _LEVEL_SHIFT, _FIRST_LEVEL << _LEVEL_SHIFT
    while count >= limit and shift < 8 * _LEVEL_SHIFT:
        shift += _LEVEL_SHIFT
        limit <<= _LEVEL_SHIFT
    return (((expires >> shift) + 1) << shift) * TICK_NS - phase_ns
