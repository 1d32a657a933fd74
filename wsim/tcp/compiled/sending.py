"""The compiled model: segments out, retransmissions, timers. See :mod:`wsim.tcp.transmit`."""

from __future__ import annotations

from wsim.tcp.compiled import field
from wsim.tcp.compiled.room import (
    ACKED,
    AGAIN,
    ARRIVAL,
    CAPACITY,
    END,
    LOST,
    NEVER,
    ORDER,
    RESENT,
    SENT,
    SERIAL,
    START,
    Room,
    compiled,
    inlined,
    move,
)
from wsim.tcp.compiled.window import TICK_NS, current_ssthresh, is_cwnd_limited, resume
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

_TABLE = 2 * CAPACITY


@inlined
def out(room: Room) -> int:
    return int(room.s[field.queue_tail] - room.s[field.queue_head])


@inlined
def in_flight(room: Room) -> int:
    s = room.s
    return int(out(room) - s[field.sacked_out] - s[field.lost_out] + s[field.retrans_out])


@inlined
def next_serial(room: Room) -> int:
    room.s[field.serial] += 1
    return int(room.s[field.serial])


# -- timers ------------------------------------------------------------------------------------


@inlined
def expiry_ns(now: int, count: int, phase: int) -> int:
    expires = (now + phase) // TICK_NS + count
    if count < 63:
        return (expires + 1) * TICK_NS - phase
    shift, limit = 3, 63 << 3
    while count >= limit and shift < 24:
        shift += 3
        limit <<= 3
    return (((expires >> shift) + 1) << shift) * TICK_NS - phase


@inlined
def set_timer(room: Room, now: int, kind: int, count: int) -> None:
    s = room.s
    s[field.pending] = kind
    s[field.armed_ns] = now
    s[field.armed_ticks] = count
    if now + count * TICK_NS < s[field.wire_ns]:
        due = expiry_ns(now, count, s[field.phase])
        if due < s[field.wire_ns]:
            s[field.wire_ns] = due
            s[field.wire_serial] = next_serial(room)


@inlined
def expires(room: Room) -> int:
    s = room.s
    if s[field.pending] == NO_TIMER:
        return NEVER
    return expiry_ns(s[field.armed_ns], s[field.armed_ticks], s[field.phase])


@compiled
def arm_retransmit(room: Room, now: int) -> None:
    s = room.s
    if out(room) == 0:
        s[field.pending] = NO_TIMER
        return
    count = s[field.rto_ticks]
    if s[field.pending] == PROBE or s[field.pending] == REORDER:
        left = room.queue[s[field.queue_head], SENT] + count * TICK_NS - now
        count = -(-max(left, 1000) // TICK_NS)
    set_timer(room, now, RETRANSMIT, count)


@inlined
def arm_probe(room: Room, now: int, advancing: bool) -> bool:
    s = room.s
    state = s[field.state]
    if out(room) == 0 or (state != OPEN and state != CWR):
        return False
    wait_us = s[field.floor_us] if out(room) == 1 else 2_000
    count = -(-((s[field.srtt8] >> 2) + wait_us) // 4_000)
    left = s[field.rto_ticks]
    if not advancing:
        left -= (now - room.queue[s[field.queue_head], SENT]) // TICK_NS
    if 0 < left < count:
        count = left
    set_timer(room, now, PROBE, count)
    return True


# -- new data -----------------------------------------------------------------------------------


@inlined
def write(room: Room, now: int, size: int) -> None:
    s = room.s
    if out(room) == 0 and s[field.nxt] == s[field.written]:
        _restart_after_idle(room, now)
    s[field.written] += size
    push(room, now)


@inlined
def push(room: Room, now: int) -> None:
    s = room.s
    space = s[field.cwnd] - in_flight(room)
    sent = 0
    while sent < space and s[field.nxt] < s[field.written]:
        send_new(room, now)
        sent += 1
    limited = sent >= space
    if sent or limited:
        validate_window(room, now, limited)
    if sent:
        if s[field.state] == CWR or s[field.state] == RECOVERY:
            s[field.prr_out] += sent
        if not arm_probe(room, now, False) and (out(room) == sent or s[field.pending] == PROBE):
            arm_retransmit(room, now)


@inlined
def send_new(room: Room, now: int) -> None:
    s, queue = room.s, room.queue
    start = s[field.nxt]
    end = min(start + s[field.mss], s[field.written])
    if out(room) == 0:
        tick = (now + s[field.phase]) // TICK_NS
        resume(room, tick, tick - (s[field.last_sent_ns] + s[field.phase]) // TICK_NS)
    s[field.order] += 1
    _make_space(room)
    at = s[field.queue_tail]
    queue[at, START], queue[at, END], queue[at, SENT] = start, end, now
    queue[at, ORDER] = s[field.order]
    queue[at, ACKED] = queue[at, LOST] = queue[at, AGAIN] = queue[at, RESENT] = 0
    s[field.queue_tail] = at + 1
    s[field.nxt] = end
    s[field.last_sent_ns] = now
    first = s[field.first_tail]
    room.firsts[first, 0], room.firsts[first, 1] = end, now
    s[field.first_tail] = first + 1
    emit(room, now, start, end)


@inlined
def _make_space(room: Room) -> None:
    s = room.s
    if out(room) >= CAPACITY:
        s[field.failed] = 1
        s[field.queue_tail] -= 1
    if s[field.queue_tail] == _TABLE:
        count = out(room)
        for i in range(count):
            move(room.queue, s[field.queue_head] + i, i)
        s[field.queue_head], s[field.queue_tail] = 0, count


@inlined
def emit(room: Room, now: int, start: int, end: int) -> None:
    s, data = room.s, room.data
    tried = s[field.tried_there]
    s[field.tried_there] = tried + 1
    if tried >= len(room.lost_there) or s[field.data_tail] - s[field.data_head] >= CAPACITY:
        s[field.failed] = 1
        return
    if room.lost_there[tried]:
        return
    if s[field.data_tail] == _TABLE:
        count = s[field.data_tail] - s[field.data_head]
        for i in range(count):
            move(data, s[field.data_head] + i, i)
        s[field.data_head], s[field.data_tail] = 0, count
    at = s[field.data_tail]
    data[at, START], data[at, END], data[at, SENT] = start, end, now
    data[at, ARRIVAL] = now + s[field.delay_there]
    data[at, SERIAL] = next_serial(room)
    s[field.data_tail] = at + 1


@compiled
def _restart_after_idle(room: Room, now: int) -> None:
    s = room.s
    rto = s[field.rto_ticks]
    idle = (now - s[field.last_sent_ns]) // TICK_NS
    if idle <= rto:
        return
    cwnd = s[field.cwnd]
    s[field.ssthresh] = max(s[field.ssthresh], (cwnd >> 1) + (cwnd >> 2))
    restart = min(s[field.initial_window], cwnd)
    idle -= rto
    while idle > 0 and cwnd > restart:
        cwnd >>= 1
        idle -= rto
    s[field.cwnd] = max(cwnd, restart)
    s[field.cwnd_stamp] = now
    s[field.cwnd_used] = 0


@inlined
def validate_window(room: Room, now: int, limited: bool) -> None:
    s = room.s
    count = out(room)
    fuller = not s[field.cwnd_limited] and count > s[field.max_out]
    if s[field.una] >= s[field.used_until] or limited or fuller:
        s[field.cwnd_limited] = limited
        s[field.max_out] = count
        s[field.used_until] = s[field.nxt]
    if is_cwnd_limited(room):
        s[field.cwnd_used] = 0
        s[field.cwnd_stamp] = now
        return
    s[field.cwnd_used] = max(s[field.cwnd_used], count)
    if now - s[field.cwnd_stamp] >= s[field.rto_ticks] * TICK_NS:
        _shrink_unused(room, now)


@compiled
def _shrink_unused(room: Room, now: int) -> None:
    s = room.s
    if s[field.state] == OPEN:
        used = max(s[field.cwnd_used], s[field.initial_window])
        if used < s[field.cwnd]:
            s[field.ssthresh] = current_ssthresh(room)
            s[field.cwnd] = (s[field.cwnd] + used) >> 1
        s[field.cwnd_used] = 0
    s[field.cwnd_stamp] = now


# -- retransmissions -----------------------------------------------------------------------------


@compiled
def resend_lost(room: Room, now: int) -> None:
    s, queue = room.s, room.queue
    rearm = False
    index = 0
    while index < out(room):
        if in_flight(room) >= s[field.cwnd] or s[field.retrans_out] >= s[field.lost_out]:
            break
        at = s[field.queue_head] + index
        index += 1
        if not queue[at, LOST] or queue[at, ACKED] or queue[at, AGAIN]:
            continue
        resend(room, now, at, False)
        if s[field.state] == CWR or s[field.state] == RECOVERY:
            s[field.prr_out] += 1
        if index == 1 and s[field.pending] != REORDER:
            rearm = True
    if rearm:
        set_timer(room, now, RETRANSMIT, s[field.rto_ticks])


@compiled
def resend(room: Room, now: int, at: int, probe: bool) -> None:
    s, queue = room.s, room.queue
    if queue[at, END] - queue[at, START] < s[field.mss]:
        _merge(room, at)
    s[field.order] += 1
    queue[at, ORDER] = s[field.order]
    queue[at, SENT] = now
    queue[at, RESENT] = 1
    s[field.resent_ever] += 1
    if not probe:
        queue[at, AGAIN] = 1
        s[field.retrans_out] += 1
        if s[field.retrans_stamp] < 0:
            s[field.retrans_stamp] = now
        s[field.undo_left] = max(s[field.undo_left], 0) + 1
    emit(room, now, queue[at, START], queue[at, END])


@compiled
def _merge(room: Room, at: int) -> None:
    s, queue = room.s, room.queue
    space = s[field.mss] - (queue[at, END] - queue[at, START])
    while at + 1 < s[field.queue_tail]:
        space -= queue[at + 1, END] - queue[at + 1, START]
        if queue[at + 1, ACKED] or space < 0:
            break
        queue[at, END] = queue[at + 1, END]
        queue[at, RESENT] |= queue[at + 1, RESENT]
        s[field.lost_out] -= queue[at + 1, LOST]
        s[field.retrans_out] -= queue[at + 1, AGAIN]
        for i in range(at + 1, s[field.queue_tail] - 1):
            move(queue, i + 1, i)
        s[field.queue_tail] -= 1


@compiled
def any_resent(room: Room) -> bool:
    s = room.s
    head = out(room) > 0 and room.queue[s[field.queue_head], RESENT] != 0
    return s[field.retrans_out] > 0 or head


@compiled
def keep_open(room: Room) -> None:
    s = room.s
    missing = s[field.sacked_out] != 0 or s[field.lost_out] != 0 or any_resent(room)
    state = DISORDER if missing else OPEN
    if s[field.state] != state:
        s[field.state] = state
        s[field.high] = s[field.nxt]
