"""The compiled model: one schedule through one fresh connection."""

from __future__ import annotations

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.randomness import BoolArray, IntArray
from wsim.tcp.compiled import field
from wsim.tcp.compiled.acking import on_ack
from wsim.tcp.compiled.receiving import on_receiver_timer, take_packet
from wsim.tcp.compiled.repairing import on_timer
from wsim.tcp.compiled.room import (
    ACK_DUE,
    ACK_SERIAL,
    ARRIVAL,
    END,
    NEVER,
    SENT,
    SERIAL,
    START,
    Room,
    compiled,
    empty_room,
    inlined,
)
from wsim.tcp.compiled.sending import expires, next_serial, write
from wsim.tcp.compiled.window import note_minimum, sample
from wsim.tcp.constants import INFINITE_WINDOW
from wsim.tcp.path import Path
from wsim.tcp.timers import PHASE_NS

_DATA, _ACK, _TIMER, _RECEIVER = range(4)


@inlined
def _run(room: Room, until: int) -> None:
    """Process everything due before `until`, in order of time and of entry."""
    while not room.s[field.failed]:
        due, kind = _next(room)
        if due >= until:
            return
        _do(room, due, kind)


@inlined
def _next(room: Room) -> tuple[int, int]:
    s = room.s
    due, serial, kind = s[field.wire_ns], s[field.wire_serial], _TIMER
    other = s[field.r_wire_ns]
    if other < due or (other == due and s[field.r_wire_serial] < serial):
        due, serial, kind = other, s[field.r_wire_serial], _RECEIVER
    if s[field.data_head] < s[field.data_tail]:
        row = room.data[s[field.data_head]]
        if row[ARRIVAL] < due or (row[ARRIVAL] == due and row[SERIAL] < serial):
            due, serial, kind = row[ARRIVAL], row[SERIAL], _DATA
    if s[field.acks_head] < s[field.acks_tail]:
        row = room.acks[s[field.acks_head]]
        if row[ACK_DUE] < due or (row[ACK_DUE] == due and row[ACK_SERIAL] < serial):
            due, kind = row[ACK_DUE], _ACK
    return due, kind


@inlined
def _do(room: Room, due: int, kind: int) -> None:
    s = room.s
    if kind == _DATA:
        row = room.data[s[field.data_head]]
        s[field.data_head] += 1
        take_packet(room, due, row[START], row[END], row[SENT])
    elif kind == _ACK:
        s[field.acks_head] += 1
        on_ack(room, due + 1, s[field.acks_head] - 1)
    elif kind == _TIMER:
        s[field.wire_ns] = NEVER
        at = expires(room)
        if at <= due:
            on_timer(room, due + 1)
        elif at < NEVER:
            s[field.wire_ns], s[field.wire_serial] = at, next_serial(room)
    else:
        s[field.r_wire_ns] = NEVER
        at = s[field.r_due]
        if at <= due:
            on_receiver_timer(room, due + 1)
        elif at < NEVER:
            s[field.r_wire_ns], s[field.r_wire_serial] = at, next_serial(room)


@compiled
def _start(room: Room, rtt: int) -> None:
    s = room.s
    s[field.ssthresh] = INFINITE_WINDOW
    s[field.wire_ns] = s[field.r_wire_ns] = s[field.r_due] = NEVER
    s[field.cwnd] = s[field.initial_window]
    s[field.rack_order] = s[field.undo_from] = s[field.retrans_stamp] = -1
    s[field.rack_steps], s[field.reordering] = 1, 3
    s[field.min_ns] = s[field.round_rtt] = NEVER
    s[field.min_until_ns] = 300_000_000_000
    s[field.rto_ticks] = 250
    s[field.r_mss] = 536
    s[field.r_last_tick] = -NEVER
    s[field.r_dup_start] = s[field.r_base] = s[field.r_answers] = -1
    s[field.r_srtt] = rtt
    note_minimum(room, 0, max(rtt, 1000))
    sample(room, max(rtt, 1000) // 1000, 0, 0)


@compiled
def _carry(room: Room, rtt: int, patience: int) -> None:
    """Send all messages and wait for them."""
    s = room.s
    _start(room, rtt)
    begun = 0
    for message in range(len(room.ends)):
        _run(room, room.sents[message])
        write(room, room.sents[message], room.ends[message] - begun)
        begun = room.ends[message]
    while s[field.message] < len(room.ends) and not s[field.failed]:
        due, kind = _next(room)
        if due > patience:
            return
        _do(room, due, kind)


def carry(
    there: Path, back: Path, times_ns: IntArray, sizes: IntArray, patience_ns: int
) -> tuple[IntArray, IntArray] | None:
    """Carry a schedule from one end of a fresh connection to the other.

    Returns the deliveries, -1 for none by `patience_ns`, and the parts; or None where the
    tables are too small, and the readable model must do it.
    """
    ends = np.cumsum(sizes)
    for spare in (1.5, 8.0):
        wanted = int(spare * (len(ends) + int(ends[-1]) // 400)) + 4096
        room = _furnish(there, back, ends, times_ns, wanted)
        _carry(room, there.base_delay + back.base_delay, patience_ns)
        if not room.s[field.failed]:
            return room.arrivals, room.parts
    return None


def _furnish(there: Path, back: Path, ends: IntArray, times_ns: IntArray, wanted: int) -> Room:
    conditions = there.conditions
    lost = (_losses(there, wanted), _losses(back, wanted))
    draws = there.fresh_stream("burst").many(0, wanted)
    room = empty_room(ends, times_ns, lost, draws, conditions.mss_bytes)
    s = room.s
    s[field.mss], s[field.initial_window] = conditions.mss_bytes, conditions.initial_window
    s[field.phase] = int(there.fresh_stream("phase").one(0) * PHASE_NS)
    s[field.floor_us] = round(conditions.rto_min_ms * 1_000_000) // 1000
    s[field.delay_there], s[field.delay_back] = there.base_delay, back.base_delay
    return room


def _losses(path: Path, wanted: int) -> BoolArray:
    """Return which packets are lost, as the path would decide one by one."""
    conditions: NetworkConditions = path.conditions
    if not conditions.enabled or conditions.packet_loss_rate == 0.0:
        return np.zeros(wanted, np.bool_)
    return path.fresh_stream("loss").many(0, wanted) < conditions.packet_loss_rate
