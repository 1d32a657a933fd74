"""The compiled model: reassembly, delivery, acknowledgements. See :mod:`wsim.tcp.receiver`."""

from __future__ import annotations

from wsim.tcp.compiled import field
from wsim.tcp.compiled.room import (
    ACK_BLOCKS,
    ACK_COUNT,
    ACK_DUE,
    ACK_DUP_END,
    ACK_DUP_START,
    ACK_ECHO,
    ACK_SERIAL,
    ACK_UPTO,
    ARRIVAL,
    CAPACITY,
    END,
    NEVER,
    SENT,
    START,
    Room,
    compiled,
    inlined,
    move,
)
from wsim.tcp.compiled.sending import expiry_ns, next_serial
from wsim.tcp.compiled.window import TICK_NS

IN_ORDER, EARLY, DUPLICATE, HELD = range(4)
_TABLE = 2 * CAPACITY
_QUICK = 16


@inlined
def take_packet(room: Room, now: int, start: int, end: int, sent: int) -> None:
    """Reassemble, deliver and acknowledge one packet."""
    verdict = _arrive(room, now, start, end, sent)
    _note(room, now + 1, start, end, sent, verdict)
    _answer(room, now + 1)


@inlined
def _arrive(room: Room, now: int, start: int, end: int, sent: int) -> int:
    s = room.s
    reached = s[field.reached]
    s[field.r_twice_start] = -1
    if start <= reached:
        if start < reached:
            s[field.r_twice_start], s[field.r_twice_end] = start, min(end, reached)
        if end <= reached:
            return DUPLICATE
        s[field.reached] = end
        _deliver(room, now, end, sent, now)
        _join(room, now)
        return IN_ORDER
    if _holds(room, start, end):
        s[field.r_twice_start], s[field.r_twice_end] = start, end
        return HELD
    for i in range(s[field.early]):
        if room.early[i, START] < end and start < room.early[i, END]:
            _came_twice(room, max(start, room.early[i, START]), min(end, room.early[i, END]))
    _insert(room, now, start, end, sent)
    return EARLY


@compiled
def _insert(room: Room, now: int, start: int, end: int, sent: int) -> None:
    s, early = room.s, room.early
    count = s[field.early]
    if count >= CAPACITY:
        s[field.failed] = 1
        return
    at = count
    while at > 0 and (
        early[at - 1, START] > start or (early[at - 1, START] == start and early[at - 1, END] > end)
    ):
        move(early, at - 1, at)
        at -= 1
    early[at, START], early[at, END], early[at, SENT], early[at, ARRIVAL] = start, end, sent, now
    s[field.early] = count + 1


@compiled
def _holds(room: Room, start: int, end: int) -> bool:
    early = room.early
    reached, begun = start, False
    for i in range(room.s[field.early]):
        begun = begun or early[i, START] <= start < early[i, END]
        if early[i, START] <= reached:
            reached = max(reached, early[i, END])
        else:
            break
    return begun and reached >= end


@compiled
def _join(room: Room, now: int) -> None:
    s, early = room.s, room.early
    taken = 0
    while taken < s[field.early] and early[taken, START] <= s[field.reached]:
        if early[taken, START] < s[field.reached]:
            _came_twice(room, early[taken, START], s[field.reached])
        s[field.reached] = max(s[field.reached], early[taken, END])
        _deliver(room, now, early[taken, END], early[taken, SENT], early[taken, ARRIVAL])
        taken += 1
    if taken:
        for i in range(taken, s[field.early]):
            move(early, i, i - taken)
        s[field.early] -= taken


@compiled
def _came_twice(room: Room, start: int, end: int) -> None:
    """Extend what came twice by bytes next to it."""
    s = room.s
    if s[field.r_twice_start] < 0:
        s[field.r_twice_start], s[field.r_twice_end] = start, end
    elif start <= s[field.r_twice_end] and s[field.r_twice_start] <= end:
        s[field.r_twice_start] = min(start, s[field.r_twice_start])
        s[field.r_twice_end] = max(end, s[field.r_twice_end])


@inlined
def _deliver(room: Room, now: int, upto: int, sent: int, arrival: int) -> None:
    """Deliver the messages that end within a piece."""
    s, firsts = room.s, room.firsts
    while s[field.message] < len(room.ends) and room.ends[s[field.message]] <= upto:
        message = s[field.message]
        while firsts[s[field.first_head], 0] < room.ends[message]:
            s[field.first_head] += 1
        first = firsts[s[field.first_head], 1]
        room.arrivals[message] = now
        parts = room.parts[message]
        parts[1] = first - room.sents[message]
        parts[3] = arrival - sent
        parts[5] = sent - first
        parts[6] = now - arrival
        s[field.message] = message + 1


# -- acknowledging -----------------------------------------------------------------------------


@inlined
def _note(room: Room, now: int, start: int, end: int, sent: int, verdict: int) -> None:
    s = room.s
    if start <= s[field.r_wup] <= end:
        s[field.r_echo] = max(s[field.r_echo], sent)
    s[field.r_pending] = 1
    s[field.r_filled] = 0
    if s[field.r_twice_start] >= 0:
        s[field.r_dup_start], s[field.r_dup_end] = s[field.r_twice_start], s[field.r_twice_end]
    if verdict == DUPLICATE:
        s[field.r_repeated] = 1
        s[field.r_quick], s[field.r_ato] = _QUICK, 10
        return
    if verdict == HELD:
        _note_range(room, start, end)
        return
    _measure(room, now, end - start)
    if verdict == IN_ORDER:
        s[field.r_ack] = s[field.reached]
        if s[field.ranges]:
            _drop_ranges(room)
            s[field.r_filled] = s[field.ranges] == 0
    else:
        _note_range(room, start, end)


@inlined
def _measure(room: Room, now: int, size: int) -> None:
    s = room.s
    if size >= s[field.r_mss]:
        s[field.r_mss] = size
    elif s[field.r_pushed]:
        s[field.r_pushed_again] = 1
    else:
        s[field.r_pushed] = 1
    tick = (now + s[field.phase]) // TICK_NS
    gap = tick - s[field.r_last_tick]
    s[field.r_last_tick] = tick
    ato = s[field.r_ato]
    if not ato:
        s[field.r_quick], s[field.r_ato] = _QUICK, 10
    elif gap <= 5:
        s[field.r_ato] = (ato >> 1) + 5
    elif gap < ato:
        s[field.r_ato] = (ato >> 1) + gap
    elif gap > 50 + s[field.r_srtt] // TICK_NS:
        s[field.r_quick] = _QUICK


@compiled
def _drop_ranges(room: Room) -> None:
    s, ranges = room.s, room.ranges
    kept = 0
    for i in range(s[field.ranges]):
        if ranges[i, 1] > s[field.reached]:
            move(ranges, i, kept)
            kept += 1
    s[field.ranges] = kept


@compiled
def _note_range(room: Room, start: int, end: int) -> None:
    """Merge a piece with what it touches and put it first."""
    s, ranges = room.s, room.ranges
    kept = 0
    for i in range(s[field.ranges]):
        low, high = ranges[i, 0], ranges[i, 1]
        if low <= end and start <= high:
            start, end = min(start, low), max(end, high)
        else:
            ranges[kept, 0], ranges[kept, 1] = low, high
            kept += 1
    if kept >= CAPACITY - 1:
        s[field.failed] = 1
        return
    for i in range(kept, 0, -1):
        move(ranges, i - 1, i)
    ranges[0, 0], ranges[0, 1] = start, end
    s[field.ranges] = kept + 1


@inlined
def _answer(room: Room, now: int) -> None:
    s = room.s
    if s[field.r_repeated]:
        _send(room, now)
    elif s[field.r_filled] or s[field.ranges]:
        _answer_gap(room, now)
    elif s[field.r_pushed] or s[field.r_quick]:
        _send(room, now)
    elif s[field.r_ack] - s[field.r_wup] > s[field.r_mss]:
        _answer_burst(room, now)
    else:
        _delay(room, now)


@compiled
def _answer_burst(room: Room, now: int) -> None:
    s = room.s
    s[field.r_answers] += 1
    if s[field.r_answers] >= len(room.draws):
        s[field.failed] = 1
    elif room.draws[s[field.r_answers]] < 0.9:
        _arm(room, now + 30_000)
    else:
        _send(room, now)


@compiled
def _answer_gap(room: Room, now: int) -> None:
    s = room.s
    if s[field.r_filled] or s[field.r_quick] or s[field.r_ack] - s[field.r_wup] > s[field.r_mss]:
        _send(room, now)
        return
    if s[field.r_base] != s[field.r_ack]:
        s[field.r_base] = s[field.r_ack]
        s[field.r_compressed] = 0
    if s[field.r_compressed] < 3:
        s[field.r_compressed] += 1
        _send(room, now)
    elif s[field.r_ack] < 65_535:
        _arm(room, now + 100_000)
    else:
        _arm(room, now + min(1_100_000, s[field.r_srtt] // 20))


@compiled
def _delay(room: Room, now: int) -> None:
    s = room.s
    ato = s[field.r_ato]
    if ato > 10:
        longest = 50
        if s[field.r_srtt]:
            longest = min(longest, max(-(-s[field.r_srtt] // TICK_NS), 10))
        ato = min(ato, longest)
    _arm(room, expiry_ns(now, ato, s[field.phase]))


@compiled
def _arm(room: Room, due: int) -> None:
    s = room.s
    if due < s[field.r_due]:
        s[field.r_due] = due
        if due < s[field.r_wire_ns]:
            s[field.r_wire_ns] = due
            s[field.r_wire_serial] = next_serial(room)


@compiled
def on_receiver_timer(room: Room, now: int) -> None:
    """Send the acknowledgement that was put off."""
    room.s[field.r_due] = NEVER
    if room.s[field.r_pending]:
        _send(room, now)


@inlined
def _send(room: Room, now: int) -> None:
    s, acks = room.s, room.acks
    tried = s[field.tried_back]
    s[field.tried_back] = tried + 1
    if tried >= len(room.lost_back) or s[field.acks_tail] - s[field.acks_head] >= CAPACITY:
        s[field.failed] = 1
        return
    if not room.lost_back[tried]:
        _make_space(room)
        at = s[field.acks_tail]
        acks[at, ACK_DUE] = now + s[field.delay_back]
        acks[at, ACK_SERIAL] = next_serial(room)
        acks[at, ACK_UPTO], acks[at, ACK_ECHO] = s[field.r_ack], s[field.r_echo]
        acks[at, ACK_DUP_START], acks[at, ACK_DUP_END] = s[field.r_dup_start], s[field.r_dup_end]
        blocks = min(s[field.ranges], 3 if s[field.r_dup_start] < 0 else 2)
        acks[at, ACK_COUNT] = blocks
        for i in range(blocks):
            acks[at, ACK_BLOCKS + 2 * i] = room.ranges[i, 0]
            acks[at, ACK_BLOCKS + 2 * i + 1] = room.ranges[i, 1]
        s[field.acks_tail] = at + 1
    s[field.r_dup_start] = -1
    s[field.r_wup] = s[field.r_ack]
    s[field.r_pending] = s[field.r_pushed] = s[field.r_pushed_again] = s[field.r_repeated] = 0
    s[field.r_due] = NEVER
    if s[field.r_quick]:
        s[field.r_quick] -= 1


@inlined
def _make_space(room: Room) -> None:
    s = room.s
    if s[field.acks_tail] == _TABLE:
        count = s[field.acks_tail] - s[field.acks_head]
        for i in range(count):
            move(room.acks, s[field.acks_head] + i, i)
        s[field.acks_head], s[field.acks_tail] = 0, count
