"""The TCP model with the very packets lost that were lost on a kernel: no seeds, no luck.

data/kernel_tcp_replay.csv holds what three runs lost, and how late their messages came.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kernel_tcp import MS, conditions, distance, read_grid, schedule

from wsim.tcp import TcpConnection
from wsim.tcp import path as tcp_path

FILE = Path(__file__).parent.parent / "data" / "kernel_tcp_replay.csv"
SAME_MS = 4.0
"""A packet is one that was lost if it begins at the same byte within this time."""

Rows = list[tuple[float, float]]


def recorded(name: str) -> dict[str, Rows]:
    """Return (time, value) of one run by what they are."""
    found = defaultdict(list)
    with FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["name"] == name:
                found[row["what"]].append((float(row["at_ms"] or 0), float(row["value"])))
    return found


def losing(rows: Rows, begins: Callable[[], int]) -> type[tcp_path.Path]:
    """Return a path that loses what the rows say; `begins` tells the byte of a packet."""
    times = defaultdict(list)
    for at, byte in rows:
        times[int(byte)].append(at)

    class Recorded(tcp_path.Path):
        __slots__ = ()

        def _is_lost(self, now: int) -> bool:
            left = times[begins()]
            near = sorted(left, key=lambda at: abs(at - now / MS))[:1]
            if not near or abs(near[0] - now / MS) > SAME_MS:
                return False
            left.remove(near[0])
            return True

    return Recorded


def replay(name: str, losses: dict[str, Rows]) -> np.ndarray:
    """Return how late each message came, in ms."""
    streams = [m for m in read_grid() if m.name == name]
    tcp = TcpConnection(*[conditions(streams[0])] * 2)
    there, back = tcp._halves.values()
    there.sender.phase = there.receiver.phase = round(losses["tick"][0][1] * MS)
    start, emit = [0], there.sender.emit

    def note(now: int, begin: int, end: int, fresh: bool) -> None:
        start[0] = begin
        emit(now, begin, end, fresh)

    there.sender.emit = note
    there.path.__class__ = losing(losses["data"], lambda: start[0])
    back.path.__class__ = losing(losses["acknowledgement"], lambda: there.receiver._ack)
    sends, found = schedule(streams), []
    for now, direction, number, size in sends:
        tcp.send(direction, now, number, size)
        found += tcp.advance(now)
    while len(found) < len(sends):
        found += tcp.advance(tcp.next_event_ns)
    return np.array([(at - sends[number][0]) / MS for _, number, at, _ in found])


@pytest.mark.parametrize("name", ["main_o10_l5_h50", "main_o10_l10_h50", "main_o50_l5_h20"])
def test_with_the_losses_of_a_kernel_messages_are_as_late_as_there(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = recorded(name)
    measured = np.array([value for _, value in losses["latency"]])
    latency = replay(name, losses)
    late_ms = next(m.late_ms for m in read_grid() if m.name == name)
    apart = distance(latency, measured)
    error = abs(np.mean(latency > late_ms) - np.mean(measured > late_ms))
    with capsys.disabled():
        print(f"\n{name}, its losses: distance {apart:.3f}, late {100 * error:.1f} points off")
    assert apart <= 0.01
    assert error <= 0.01
