"""The compiled model: what an acknowledgement does.

See :mod:`wsim.tcp.taking` and :mod:`wsim.tcp.sender`.
"""

from __future__ import annotations

from wsim.tcp.compiled import field
from wsim.tcp.compiled.repairing import (
    end_reduction,
    enter_recovery,
    look_for_losses,
    may_undo,
    note_duplicate,
    note_reordering,
    pace_reduction,
    rack_advance,
    reduce_window,
    undo,
    undo_by_dsack,
    undo_loss,
    undo_partial,
    update_reordering_steps,
)
from wsim.tcp.compiled.room import (
    ACK_BLOCKS,
    ACK_COUNT,
    ACK_DUP_END,
    ACK_DUP_START,
    ACK_ECHO,
    ACK_UPTO,
    ACKED,
    AGAIN,
    END,
    LOST,
    RESENT,
    SENT,
    START,
    Room,
    compiled,
    inlined,
)
from wsim.tcp.compiled.sending import (
    any_resent,
    arm_probe,
    arm_retransmit,
    keep_open,
    out,
    push,
    resend_lost,
)
from wsim.tcp.compiled.window import grow, is_cwnd_limited, note_minimum, sample, sampled
from wsim.tcp.constants import CWR, DISORDER, LOSS, OPEN, RECOVERY

_MS = 1_000_000


@inlined
def on_ack(room: Room, now: int, row: int) -> None:
    """Process the acknowledgement in a row of the table."""
    s = room.s
    queued = out(room) > 0
    _begin(room, now, row)
    note_duplicate(room)
    if queued:
        _ack_queue(room, row)
    else:
        if s[field.a_dup_start] >= 0:
            _alert(room)
            s[field.a_resend] = s[field.a_new_first] = 0
        if s[field.probe_end]:
            _ack_probe(room)
    _send_on(room)


@inlined
def _begin(room: Room, now: int, row: int) -> None:
    s, ack = room.s, room.acks[row]
    for place in range(field.a_now, field.a_lost + 1):
        s[place] = 0
    s[field.a_now] = now
    s[field.a_upto] = max(ack[ACK_UPTO], s[field.una])
    s[field.a_echo] = ack[ACK_ECHO]
    s[field.a_dup_start], s[field.a_dup_end] = ack[ACK_DUP_START], ack[ACK_DUP_END]
    s[field.a_first_sack] = s[field.a_last_sack] = -1
    s[field.a_first_taken] = s[field.a_last_taken] = -1
    s[field.a_prior_una] = s[field.una]
    s[field.a_prior_fack] = s[field.fack] if s[field.sacked_out] else s[field.una]
    s[field.a_delivered], s[field.a_lost] = s[field.delivered], s[field.lost_ever]
    s[field.a_advanced] = s[field.a_upto] > s[field.una]
    if s[field.a_advanced]:
        s[field.una] = s[field.a_upto]
        s[field.retries] = 0


@inlined
def _ack_queue(room: Room, row: int) -> None:
    s = room.s
    if room.acks[row, ACK_COUNT]:
        _mark_sacked(room, row)
    if s[field.a_advanced] or s[field.a_first_sack] >= 0:
        _take(room)
    update_reordering_steps(room)
    if s[field.probe_end]:
        _ack_probe(room)
    dup = not s[field.a_advanced]
    if s[field.state] != OPEN or s[field.a_sacked] or s[field.a_dsacked] or dup:
        _alert(room)
    if s[field.a_rearm] and not arm_probe(room, s[field.a_now], True):
        arm_retransmit(room, s[field.a_now])
    _control(room)


@inlined
def _control(room: Room) -> None:
    s = room.s
    delivered = s[field.delivered] - s[field.a_delivered]
    lost = s[field.lost_ever] - s[field.a_lost]
    if s[field.state] == CWR or s[field.state] == RECOVERY:
        pace_reduction(room, delivered, lost, s[field.a_advanced] != 0)
    elif (s[field.a_advanced] or (s[field.reordering] > 3 and delivered)) and is_cwnd_limited(room):
        grow(room, s[field.a_now], delivered)


@inlined
def _send_on(room: Room) -> None:
    s = room.s
    if s[field.a_new_first]:
        push(room, s[field.a_now])
        if s[field.nxt] > s[field.high]:
            return
        s[field.frto] = 0
        s[field.a_resend] = 1
    if s[field.a_resend]:
        resend_lost(room, s[field.a_now])
    if s[field.nxt] < s[field.written]:
        push(room, s[field.a_now])


# -- what it marks and takes --------------------------------------------------------------------


@compiled
def _covered(room: Room, row: int, at: int) -> bool:
    acks, queue = room.acks, room.queue
    for i in range(acks[row, ACK_COUNT]):
        low, high = acks[row, ACK_BLOCKS + 2 * i], acks[row, ACK_BLOCKS + 2 * i + 1]
        if low <= queue[at, START] and queue[at, END] <= high:
            return True
    return False


@compiled
def _mark_sacked(room: Room, row: int) -> None:
    s, queue = room.s, room.queue
    lowest = s[field.nxt]
    top = 0
    for i in range(room.acks[row, ACK_COUNT]):
        top = max(top, room.acks[row, ACK_BLOCKS + 2 * i + 1])
    for at in range(s[field.queue_head], s[field.queue_tail]):
        if queue[at, END] > top:
            break
        if queue[at, ACKED] or not _covered(room, row, at):
            continue
        if not queue[at, RESENT]:
            if s[field.sacked_out] and queue[at, START] < s[field.fack]:
                lowest = min(lowest, queue[at, START])
            if queue[at, END] <= s[field.high]:
                s[field.a_original] = 1
            if s[field.a_first_sack] < 0:
                s[field.a_first_sack] = queue[at, SENT]
            s[field.a_last_sack] = queue[at, SENT]
        _sack(room, at)
        s[field.a_sacked] = 1
    if s[field.state] != LOSS or s[field.undo_from] >= 0:
        note_reordering(room, lowest)


@compiled
def _sack(room: Room, at: int) -> None:
    s, queue = room.s, room.queue
    rack_advance(room, s[field.a_now], at)
    if queue[at, LOST]:
        queue[at, LOST] = 0
        s[field.lost_out] -= 1
        if queue[at, AGAIN]:
            queue[at, AGAIN] = 0
            s[field.retrans_out] -= 1
    queue[at, ACKED] = 1
    if not s[field.sacked_out] or queue[at, START] > s[field.fack]:
        s[field.fack] = queue[at, START]
    s[field.sacked_out] += 1
    s[field.delivered] += 1


@inlined
def _take(room: Room) -> None:
    s, queue = room.s, room.queue
    lowest = s[field.nxt]
    while out(room) > 0 and queue[s[field.queue_head], END] <= s[field.a_upto]:
        at = s[field.queue_head]
        s[field.queue_head] = at + 1
        s[field.a_taken] += 1
        if queue[at, RESENT]:
            s[field.a_resent] = 1
        elif not queue[at, ACKED]:
            if s[field.a_first_taken] < 0:
                s[field.a_first_taken] = queue[at, SENT]
            s[field.a_last_taken] = queue[at, SENT]
            lowest = min(lowest, queue[at, START])
            if queue[at, END] <= s[field.high]:
                s[field.a_original] = 1
        _drop(room, at)
    measured = _sample(room)
    if s[field.a_taken]:
        s[field.a_rearm] = 1
        if lowest < s[field.a_prior_fack]:
            note_reordering(room, lowest)
    elif measured and s[field.a_first_sack] >= 0 and out(room) > 0:
        s[field.a_rearm] = s[field.a_first_sack] < queue[s[field.queue_head], SENT]


@inlined
def _drop(room: Room, at: int) -> None:
    s, queue = room.s, room.queue
    s[field.retrans_out] -= queue[at, AGAIN]
    s[field.lost_out] -= queue[at, LOST]
    if queue[at, ACKED]:
        s[field.sacked_out] -= 1
        return
    s[field.delivered] += 1
    needless = queue[at, RESENT] != 0 and s[field.a_echo] // _MS < queue[at, SENT] // _MS
    if not needless:
        rack_advance(room, s[field.a_now], at)


@inlined
def _sample(room: Room) -> bool:
    s = room.s
    now = s[field.a_now]
    rtt = newest = -1
    if s[field.a_first_taken] >= 0 and not s[field.a_resent]:
        rtt, newest = now - s[field.a_first_taken], now - s[field.a_last_taken]
    if s[field.a_first_sack] >= 0:
        newest = now - s[field.a_last_sack]
        if rtt < 0:
            rtt = now - s[field.a_first_sack]
    if rtt < 0:
        if not s[field.a_taken]:
            return False
        rtt = newest = max(now // _MS - s[field.a_echo] // _MS, 1) * _MS
    note_minimum(room, now, newest)
    sample(room, rtt // 1000, s[field.a_upto], s[field.nxt])
    sampled(room, now, newest)
    return True


# -- probes and states ---------------------------------------------------------------------------


@compiled
def _ack_probe(room: Room) -> None:
    s = room.s
    if s[field.a_upto] < s[field.probe_end]:
        return
    seen_twice = s[field.a_dup_start] >= 0 and s[field.a_dup_end] == s[field.probe_end]
    if not s[field.probe_resent] or seen_twice:
        s[field.probe_end] = 0
    elif s[field.a_upto] > s[field.probe_end]:
        reduce_window(room)
        s[field.state] = CWR
        end_reduction(room, s[field.a_now])
        keep_open(room)
    elif not s[field.a_advanced] and not s[field.a_sacked]:
        s[field.probe_end] = 0


@compiled
def _alert(room: Room) -> None:
    s = room.s
    if s[field.state] == OPEN:
        s[field.retrans_stamp] = -1
    elif s[field.una] >= s[field.high]:
        _end_reductions(room)
    if s[field.state] == RECOVERY:
        _in_recovery(room)
        return
    if s[field.state] == LOSS and _in_loss(room):
        return
    if s[field.state] <= DISORDER:
        undo_by_dsack(room)
    look_for_losses(room)
    if s[field.lost_out]:
        enter_recovery(room)
        s[field.a_resend], s[field.a_new_first] = 1, 0
    else:
        _try_open(room)
        s[field.a_resend] = s[field.a_new_first] = 0


@compiled
def _end_reductions(room: Room) -> None:
    s = room.s
    if s[field.state] == CWR and s[field.una] != s[field.high]:
        end_reduction(room, s[field.a_now])
        s[field.state] = OPEN
    elif s[field.state] == RECOVERY:
        _settle_undo(room)
        end_reduction(room, s[field.a_now])
        s[field.state] = OPEN


@compiled
def _settle_undo(room: Room) -> None:
    if may_undo(room):
        undo(room, False)
    elif room.s[field.rack_persist]:
        room.s[field.rack_persist] -= 1


@compiled
def _try_open(room: Room) -> None:
    if not any_resent(room):
        room.s[field.retrans_stamp] = -1
    if room.s[field.state] != CWR:
        keep_open(room)


@compiled
def _in_recovery(room: Room) -> None:
    s = room.s
    if s[field.a_advanced] and undo_partial(room):
        return
    if undo_by_dsack(room):
        _try_open(room)
    look_for_losses(room)
    if s[field.state] != RECOVERY:
        if not s[field.lost_out]:
            return
        enter_recovery(room)
    s[field.a_resend] = 1


@compiled
def _in_loss(room: Room) -> bool:
    s = room.s
    _judge_timeout(room)
    retransmissions = s[field.retrans_out]
    look_for_losses(room)
    return not (s[field.state] == OPEN or s[field.retrans_out] < retransmissions)


@compiled
def _judge_timeout(room: Room) -> None:
    s = room.s
    recovered = s[field.una] >= s[field.high]
    if s[field.a_advanced] and undo_loss(room, False):
        return
    if s[field.frto]:
        if s[field.a_original] and undo_loss(room, True):
            return
        if s[field.nxt] > s[field.high]:
            if s[field.a_sacked] or not s[field.a_advanced]:
                s[field.frto] = 0
        elif s[field.a_advanced] and not recovered:
            s[field.high] = s[field.nxt]
            if s[field.nxt] < s[field.written]:
                s[field.a_new_first] = 1
                return
            s[field.frto] = 0
    if recovered:
        _settle_undo(room)
        s[field.state] = OPEN
    else:
        s[field.a_resend] = 1
