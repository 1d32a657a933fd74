"""The compiled model: losses, recovery and their undoing. See :mod:`wsim.tcp.recovery`."""

from __future__ import annotations

from wsim.tcp.compiled import field
from wsim.tcp.compiled.room import (
    ACKED,
    AGAIN,
    END,
    LOST,
    ORDER,
    RESENT,
    SENT,
    START,
    Room,
    compiled,
    inlined,
)
from wsim.tcp.compiled.sending import (
    any_resent,
    arm_retransmit,
    in_flight,
    keep_open,
    out,
    resend,
    resend_lost,
    send_new,
    set_timer,
    validate_window,
)
from wsim.tcp.compiled.window import TICK_NS, current_ssthresh, cut, reset
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

_MS = 1_000_000


@inlined
def rack_advance(room: Room, now: int, at: int) -> None:
    s, queue = room.s, room.queue
    rtt = now - queue[at, SENT]
    if queue[at, RESENT] and rtt < s[field.min_ns]:
        return
    s[field.rack_advanced] = 1
    s[field.rack_rtt] = rtt
    s[field.rack_order] = max(s[field.rack_order], queue[at, ORDER])


@compiled
def detect_losses(room: Room, now: int) -> int:
    s, queue = room.s, room.queue
    impatient = s[field.state] >= RECOVERY or s[field.sacked_out] >= s[field.reordering]
    window = 0
    if s[field.reordered] or not impatient:
        window = min((s[field.min_ns] >> 2) * s[field.rack_steps], s[field.srtt8] * 125)
    patience = s[field.rack_rtt] + window
    newest, wait = s[field.rack_order], 0
    for at in range(s[field.queue_head], s[field.queue_tail]):
        if queue[at, ACKED] or queue[at, ORDER] >= newest:
            continue
        if queue[at, LOST] and not queue[at, AGAIN]:
            continue
        remaining = patience - (now - queue[at, SENT])
        if remaining <= 0:
            mark_lost(room, at)
        elif remaining > wait:
            wait = remaining
    return wait


@compiled
def mark_lost(room: Room, at: int) -> None:
    s, queue = room.s, room.queue
    if queue[at, ACKED]:
        return
    if queue[at, LOST]:
        if queue[at, AGAIN]:
            queue[at, AGAIN] = 0
            s[field.retrans_out] -= 1
            s[field.lost_ever] += 1
    else:
        queue[at, LOST] = 1
        s[field.lost_out] += 1
        s[field.lost_ever] += 1


@compiled
def look_for_losses(room: Room) -> None:
    s = room.s
    if not s[field.rack_advanced] or out(room) == 0:
        return
    s[field.rack_advanced] = 0
    wait = detect_losses(room, s[field.a_now])
    if wait:
        set_timer(room, s[field.a_now], REORDER, -(-(wait + 2 * _MS) // TICK_NS))
        s[field.a_rearm] = 0


@inlined
def update_reordering_steps(room: Room) -> None:
    s = room.s
    if s[field.rack_dsack] and s[field.delivered] >= s[field.dsack_limit]:
        s[field.rack_steps] = min(255, s[field.rack_steps] + 1)
        s[field.dsack_limit] = s[field.delivered] + out(room)
        s[field.rack_persist] = 16
    elif not s[field.rack_persist]:
        s[field.rack_steps] = 1
    s[field.rack_dsack] = 0


@compiled
def note_reordering(room: Room, low: int) -> None:
    s = room.s
    fack = s[field.fack] if s[field.sacked_out] else s[field.una]
    if low >= fack:
        return
    distance = fack - low
    if distance > s[field.reordering] * s[field.mss]:
        s[field.reordering] = min(-(-distance // s[field.mss]), 300)
    s[field.reordered] = 1


@compiled
def reduce_window(room: Room) -> None:
    s = room.s
    s[field.high] = s[field.nxt]
    s[field.probe_end] = 0
    s[field.cwnd_count] = 0
    s[field.prior_cwnd] = s[field.cwnd]
    s[field.prr_delivered] = s[field.prr_out] = 0
    s[field.ssthresh] = cut(room)


@compiled
def end_reduction(room: Room, now: int) -> None:
    s = room.s
    settled = s[field.state] == CWR or s[field.undo_from] >= 0
    if s[field.ssthresh] < INFINITE_WINDOW and settled:
        s[field.cwnd] = s[field.ssthresh]
        s[field.cwnd_stamp] = now


@compiled
def enter_recovery(room: Room) -> None:
    s = room.s
    s[field.prior_ssthresh] = 0
    _init_undo(room)
    if s[field.state] != CWR and s[field.state] != RECOVERY:
        s[field.prior_ssthresh] = current_ssthresh(room)
        reduce_window(room)
    s[field.state] = RECOVERY


@compiled
def _init_undo(room: Room) -> None:
    s = room.s
    s[field.undo_from] = s[field.una]
    probe = 1 if s[field.probe_end] and s[field.probe_resent] else 0
    s[field.undo_left] = s[field.retrans_out] + probe
    if not s[field.undo_left]:
        s[field.undo_left] = -1


@compiled
def pace_reduction(room: Room, delivered: int, lost: int, advanced: bool) -> None:
    s = room.s
    if delivered <= 0 or not s[field.prior_cwnd]:
        return
    flight = in_flight(room)
    space = s[field.ssthresh] - flight
    s[field.prr_delivered] += delivered
    if space < 0:
        prior = s[field.prior_cwnd]
        send = (s[field.ssthresh] * s[field.prr_delivered] + prior - 1) // prior - s[field.prr_out]
    else:
        send = max(s[field.prr_delivered] - s[field.prr_out], delivered)
        if advanced and not lost:
            send += 1
        send = min(space, send)
    s[field.cwnd] = flight + max(send, 0 if s[field.prr_out] else 1)


@compiled
def enter_loss(room: Room, now: int) -> None:
    s = room.s
    fresh = s[field.state] < RECOVERY
    _mark_after_timeout(room, now)
    again = s[field.state] == LOSS and not s[field.retries]
    if s[field.state] <= DISORDER or s[field.high] <= s[field.una] or again:
        s[field.prior_ssthresh] = current_ssthresh(room)
        s[field.prior_cwnd] = s[field.cwnd]
        s[field.ssthresh] = cut(room)
        _init_undo(room)
    s[field.cwnd] = in_flight(room) + 1
    s[field.cwnd_count] = 0
    s[field.cwnd_stamp] = now
    if s[field.state] <= DISORDER and s[field.sacked_out] >= 3:
        s[field.reordering] = min(s[field.reordering], 3)
    s[field.state] = LOSS
    reset(room)
    s[field.high] = s[field.nxt]
    s[field.probe_end] = 0
    s[field.frto] = fresh or s[field.retries] > 0


@compiled
def _mark_after_timeout(room: Room, now: int) -> None:
    s, queue = room.s, room.queue
    head = s[field.queue_head]
    if queue[head, ACKED]:
        for at in range(head, s[field.queue_tail]):
            if queue[at, ACKED]:
                queue[at, ACKED] = 0
                s[field.sacked_out] -= 1
    for at in range(head, s[field.queue_tail]):
        if at == head or s[field.rack_rtt] - (now - queue[at, SENT]) <= 0:
            mark_lost(room, at)


@compiled
def may_undo(room: Room) -> bool:
    s = room.s
    stamp = s[field.retrans_stamp]
    delayed = stamp >= 0 and s[field.a_echo] // _MS < stamp // _MS
    return bool(s[field.undo_from] >= 0 and (s[field.undo_left] == 0 or delayed))


@compiled
def undo(room: Room, unmark: bool) -> None:
    s = room.s
    if unmark:
        for at in range(s[field.queue_head], s[field.queue_tail]):
            room.queue[at, LOST] = 0
        s[field.lost_out] = 0
    if s[field.prior_ssthresh]:
        s[field.cwnd] = max(s[field.cwnd], s[field.prior_cwnd])
        s[field.ssthresh] = max(s[field.ssthresh], s[field.prior_ssthresh])
    s[field.cwnd_stamp] = s[field.a_now]
    s[field.undo_from] = -1
    s[field.rack_advanced] = 1


@inlined
def note_duplicate(room: Room) -> None:
    s = room.s
    start, end = s[field.a_dup_start], s[field.a_dup_end]
    if start < 0:
        return
    segments = -(-(end - start) // s[field.mss])
    s[field.duplicates] += segments
    if s[field.duplicates] > s[field.resent_ever]:
        return
    s[field.delivered] += segments
    if s[field.reordered] and end != s[field.probe_end]:
        s[field.rack_dsack] = 1
    if s[field.undo_from] >= 0 and s[field.undo_left] > 0:
        if s[field.undo_from] < end <= s[field.a_prior_una]:
            s[field.undo_left] = max(0, s[field.undo_left] - segments)
        elif end > s[field.a_prior_una]:
            _count_needless(room, start, end)
    s[field.a_dsacked] = 1


@compiled
def _count_needless(room: Room, start: int, end: int) -> None:
    s, queue = room.s, room.queue
    for at in range(s[field.queue_head], s[field.queue_tail]):
        if queue[at, END] > end:
            break
        if start <= queue[at, START] and queue[at, RESENT] and queue[at, END] > s[field.undo_from]:
            s[field.undo_left] = max(0, s[field.undo_left] - 1)


@compiled
def undo_by_dsack(room: Room) -> bool:
    s = room.s
    if s[field.undo_from] >= 0 and s[field.undo_left] == 0:
        s[field.rack_persist] = min(16, s[field.rack_persist] + 1)
        undo(room, False)
        return True
    return False


@compiled
def undo_partial(room: Room) -> bool:
    s = room.s
    stamp = s[field.retrans_stamp]
    delayed = stamp >= 0 and s[field.a_echo] // _MS < stamp // _MS
    if s[field.undo_from] >= 0 and delayed:
        note_reordering(room, s[field.a_prior_una])
        if s[field.retrans_out]:
            return True
        if not any_resent(room):
            s[field.retrans_stamp] = -1
        undo(room, True)
        keep_open(room)
    return False


@compiled
def undo_loss(room: Room, spurious: bool) -> bool:
    s = room.s
    if spurious or may_undo(room):
        undo(room, True)
        s[field.retries] = 0
        s[field.state] = OPEN
        return True
    return False


# -- timers --------------------------------------------------------------------------------------


@compiled
def on_timer(room: Room, now: int) -> None:
    s = room.s
    kind = s[field.pending]
    if kind == RETRANSMIT:
        s[field.pending] = NO_TIMER
        if out(room) > 0:
            enter_loss(room, now)
            resend(room, now, s[field.queue_head], False)
            s[field.retries] += 1
            s[field.rto_ticks] = min(s[field.rto_ticks] << 1, 30_000)
            set_timer(room, now, RETRANSMIT, s[field.rto_ticks])
    elif kind == PROBE:
        _send_probe(room, now)
    elif kind == REORDER:
        _reordering_over(room, now)


@compiled
def _send_probe(room: Room, now: int) -> None:
    s = room.s
    if s[field.probe_end] or out(room) == 0:
        arm_retransmit(room, now)
        return
    s[field.probe_resent] = 0
    if s[field.nxt] < s[field.written]:
        send_new(room, now)
        validate_window(room, now, in_flight(room) >= s[field.cwnd])
        if s[field.state] == CWR or s[field.state] == RECOVERY:
            s[field.prr_out] += 1
    else:
        resend(room, now, s[field.queue_tail] - 1, True)
        s[field.probe_resent] = 1
    s[field.probe_end] = s[field.nxt]
    s[field.pending] = NO_TIMER
    arm_retransmit(room, now)


@compiled
def _reordering_over(room: Room, now: int) -> None:
    s = room.s
    before, lost = in_flight(room), s[field.lost_ever]
    detect_losses(room, now)
    if in_flight(room) != before:
        if s[field.state] != RECOVERY:
            enter_recovery(room)
            pace_reduction(room, 1, s[field.lost_ever] - lost, False)
        resend_lost(room, now)
    if s[field.pending] != RETRANSMIT:
        arm_retransmit(room, now)
