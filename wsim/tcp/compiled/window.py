"""The compiled model: round trips and CUBIC. See :mod:`wsim.tcp.rtt`, :mod:`wsim.tcp.cubic`."""

from __future__ import annotations

from wsim.tcp.compiled import field
from wsim.tcp.compiled.room import Room, compiled, inlined
from wsim.tcp.constants import CWR, RECOVERY

TICK_NS = 4_000_000
_TICK_US = 4_000
_RTO_MAX_TICKS = 30_000
_FIVE_MINUTES_NS = 300_000_000_000
_FAR = 1 << 62


@inlined
def set_rto(room: Room) -> None:
    s = room.s
    ticks = -(-((s[field.srtt8] >> 3) + s[field.variance]) // _TICK_US)
    s[field.rto_ticks] = min(ticks, _RTO_MAX_TICKS)


@inlined
def sample(room: Room, rtt_us: int, una: int, nxt: int) -> None:
    s = room.s
    if s[field.srtt8] == 0:
        s[field.srtt8] = max(rtt_us << 3, 1)
        s[field.deviation] = rtt_us << 1
        s[field.variance] = s[field.deviation_max] = max(rtt_us << 1, s[field.floor_us])
        s[field.window_end] = nxt
        set_rto(room)
        return
    error = rtt_us - (s[field.srtt8] >> 3)
    s[field.srtt8] += error
    if s[field.srtt8] == 0:
        s[field.srtt8] = 1
    if error < 0:
        error = -error - (s[field.deviation] >> 2)
        if error > 0:
            error >>= 3
    else:
        error -= s[field.deviation] >> 2
    s[field.deviation] += error
    if s[field.deviation] > s[field.deviation_max]:
        s[field.deviation_max] = s[field.deviation]
        s[field.variance] = max(s[field.variance], s[field.deviation])
    if una > s[field.window_end]:
        if s[field.deviation_max] < s[field.variance]:
            s[field.variance] -= (s[field.variance] - s[field.deviation_max]) >> 2
        s[field.window_end] = nxt
        s[field.deviation_max] = s[field.floor_us]
    set_rto(room)


@inlined
def note_minimum(room: Room, now: int, rtt: int) -> None:
    s = room.s
    if rtt <= s[field.min_ns] or now > s[field.min_until_ns]:
        s[field.min_ns] = rtt
        s[field.min_until_ns] = now + _FIVE_MINUTES_NS


@compiled
def current_ssthresh(room: Room) -> int:
    s = room.s
    if s[field.state] == CWR or s[field.state] == RECOVERY:
        return int(s[field.ssthresh])
    return int(max(s[field.ssthresh], (s[field.cwnd] >> 1) + (s[field.cwnd] >> 2)))


@inlined
def is_cwnd_limited(room: Room) -> bool:
    s = room.s
    if s[field.cwnd_limited]:
        return True
    return bool(s[field.cwnd] < s[field.ssthresh] and s[field.cwnd] < 2 * s[field.max_out])


# -- CUBIC -----------------------------------------------------------------------------------


@compiled
def reset(room: Room) -> None:
    s = room.s
    s[field.ack_count] = s[field.count] = s[field.delay_min_us] = s[field.epoch] = 0
    s[field.friendly] = s[field.k] = s[field.last_cwnd] = s[field.last_tick] = 0
    s[field.origin] = s[field.w_max] = s[field.found] = 0


@compiled
def cut(room: Room) -> int:
    s = room.s
    cwnd = s[field.cwnd]
    s[field.epoch] = 0
    s[field.w_max] = cwnd * 1741 // 2048 if cwnd < s[field.w_max] else cwnd
    return int(max(cwnd * 717 // 1024, 2))


@inlined
def resume(room: Room, tick: int, idle: int) -> None:
    s = room.s
    if s[field.epoch] and idle > 0:
        s[field.epoch] = min(s[field.epoch] + idle, tick)


@inlined
def sampled(room: Room, now: int, rtt: int) -> None:
    s = room.s
    if s[field.epoch] and (now + s[field.phase]) // TICK_NS - s[field.epoch] < 250:
        return
    delay = max(rtt // 1000, 1)
    if s[field.delay_min_us] == 0 or delay < s[field.delay_min_us]:
        s[field.delay_min_us] = delay
    if not s[field.found] and 16 <= s[field.cwnd] < s[field.ssthresh]:
        _hystart(room, now, delay)


@compiled
def _hystart(room: Room, now: int, delay: int) -> None:
    s = room.s
    if s[field.una] > s[field.round_end]:
        s[field.round_start] = s[field.last_ack] = now
        s[field.round_end] = s[field.nxt]
        s[field.round_rtt] = _FAR
        s[field.samples] = 0
    if now - s[field.last_ack] <= 2_000_000:
        s[field.last_ack] = now
        s[field.found] = now - s[field.round_start] > s[field.delay_min_us] * 500
    s[field.round_rtt] = min(s[field.round_rtt], delay)
    if s[field.samples] < 8:
        s[field.samples] += 1
    elif s[field.round_rtt] > s[field.delay_min_us] + min(
        max(s[field.delay_min_us] >> 3, 4_000), 16_000
    ):
        s[field.found] = 1
    if s[field.found]:
        s[field.ssthresh] = s[field.cwnd]


@compiled
def grow(room: Room, now: int, acked: int) -> None:
    s = room.s
    if s[field.cwnd] < s[field.ssthresh]:
        grown = min(s[field.cwnd] + acked, s[field.ssthresh])
        acked -= grown - s[field.cwnd]
        s[field.cwnd] = grown
        if not acked:
            return
    _update(room, (now + s[field.phase]) // TICK_NS, acked)
    needed = s[field.count]
    if s[field.cwnd_count] >= needed:
        s[field.cwnd_count] = 0
        s[field.cwnd] += 1
    s[field.cwnd_count] += acked
    if s[field.cwnd_count] >= needed:
        more = s[field.cwnd_count] // needed
        s[field.cwnd_count] -= more * needed
        s[field.cwnd] += more


@compiled
def _update(room: Room, tick: int, acked: int) -> None:
    s = room.s
    cwnd = s[field.cwnd]
    s[field.ack_count] += acked
    if s[field.last_cwnd] == cwnd and tick - s[field.last_tick] <= 250 // 32:
        return
    if not (s[field.epoch] and tick == s[field.last_tick]):
        s[field.last_cwnd] = cwnd
        s[field.last_tick] = tick
        if s[field.epoch] == 0:
            _begin(room, tick, acked)
        s[field.count] = _cubic_count(room, tick)
    s[field.count] = max(min(s[field.count], _friendly_count(room)), 2)


@inlined
def _begin(room: Room, tick: int, acked: int) -> None:
    s = room.s
    cwnd = s[field.cwnd]
    s[field.epoch] = tick
    s[field.ack_count] = acked
    s[field.friendly] = cwnd
    if s[field.w_max] <= cwnd:
        s[field.k] = 0
        s[field.origin] = cwnd
    else:
        s[field.k] = _cube_root(((1 << 40) // 410) * (s[field.w_max] - cwnd))
        s[field.origin] = s[field.w_max]


@compiled
def _cube_root(value: int) -> int:
    root = int(float(value) ** (1.0 / 3.0))
    while root**3 > value:
        root -= 1
    while (root + 1) ** 3 <= value:
        root += 1
    return root


@compiled
def _cubic_count(room: Room, tick: int) -> int:
    s = room.s
    cwnd = s[field.cwnd]
    elapsed = tick - s[field.epoch] + -(-s[field.delay_min_us] // 4000)
    offset = (elapsed << 10) // 250 - s[field.k]
    if offset > 250_000:  # beyond 64 bits, and long beyond any window
        return 0
    delta = (410 * abs(offset) ** 3) >> 40
    target = s[field.origin] - delta if offset < 0 else s[field.origin] + delta
    count = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
    return int(min(count, 20) if s[field.w_max] == 0 else count)


@compiled
def _friendly_count(room: Room) -> int:
    s = room.s
    per_step = (s[field.cwnd] * 15) >> 3
    if s[field.ack_count] > per_step:
        steps = -(-s[field.ack_count] // per_step) - 1
        s[field.ack_count] -= steps * per_step
        s[field.friendly] += steps
    lead = s[field.friendly] - s[field.cwnd]
    return s[field.cwnd] // lead if lead > 0 else _FAR
