"""Measurements of real kernel TCP (data/kernel_tcp_quantiles.csv), and the model beside them."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsim.conditions import NetworkConditions
from wsim.tcp import TcpConnection

GRID = Path(__file__).parent.parent / "data" / "kernel_tcp_quantiles.csv"
PATH_MS = 0.1
"""What the measured path adds to its configured one-way delay."""

TOLERANCE_MS = 2.0
MS = 1_000_000
S = 1_000_000_000
FRAME_NUMBER = 1_000_000
REVERSE_NUMBER = 2_000_000
FloatArray = NDArray[np.float64]


class PeriodicOutage:
    """Out for `length` at `start`, then every `period`."""

    def __init__(self, start_s: float, length_s: float, period_s: float) -> None:
        self.start, self.length = round(start_s * S), round(length_s * S)
        self.period = round(period_s * S)

    def window(self, now_ns: int) -> tuple[int, int] | None:
        if now_ns < self.start:
            return None
        start = now_ns - (now_ns - self.start) % self.period
        return (start, start + self.length) if now_ns < start + self.length else None

    def next_start_ns(self, now_ns: int) -> int | None:
        if now_ns < self.start:
            return self.start
        return now_ns - (now_ns - self.start) % self.period + self.period


@dataclasses.dataclass(frozen=True)
class Measured:
    """One stream of one configuration: how it was sent, and how late it came."""

    row: dict[str, str]
    quantiles_ms: FloatArray

    def number(self, name: str) -> float:
        return float(self.row[name] or 0)

    @property
    def family(self) -> str:
        return self.row["family"]

    @property
    def name(self) -> str:
        return self.row["name"]

    @property
    def stationary(self) -> bool:
        return self.row["stationary"] == "yes"

    @property
    def late_ms(self) -> float:
        return self.number("owd_ms") + 5.0


def read_grid() -> list[Measured]:
    """Return all rows of the grid."""
    with GRID.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.startswith("q") and name[1:].isdigit()]
    return [
        Measured(
            {k: v for k, v in row.items() if k not in columns},
            np.array([float(row[name]) for name in columns]),
        )
        for row in rows
    ]


def conditions(measured: Measured) -> NetworkConditions:
    """Return the network of a measurement."""
    rate = measured.number("rate_mbit")
    jitter = measured.number("jitter_ms")
    return NetworkConditions(
        latency_ms=measured.number("owd_ms") + PATH_MS,
        jitter_ms=jitter,
        jitter_model="uniform",
        packet_loss_rate=measured.number("loss"),
        disconnect_rate=0.0,
        bandwidth_mbps=rate or None,
        queue_limit_messages=int(measured.number("queue_packets")) or None,
        reorder=measured.row["reorder"] == "1",
        congestion_control=measured.row["cc"],
        transport="tcp",
    )


def schedule(streams: list[Measured]) -> list[tuple[int, str, int, int]]:
    """Return (time, direction, number, size) of all messages of one configuration."""
    sends = []
    for stream in streams:
        period = round(S / stream.number("hz"))
        first = {"frames": FRAME_NUMBER, "reverse": REVERSE_NUMBER}.get(stream.row["stream"], 0)
        count = round(stream.number("duration_s") * stream.number("hz"))
        start = round(stream.number("first_us") * 1000)
        size = int(stream.number("size_bytes"))
        sends += [
            (start + i * period, stream.row["direction"], first + i, size) for i in range(count)
        ]
    return sorted(sends, key=lambda send: (send[0], send[2]))


def simulate(streams: list[Measured], seed: int) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Run one configuration; (sent, latency) in ms by name of the stream."""
    both = conditions(streams[0])
    out = streams[0].number("outage_s")
    outage = None
    if out:
        start, period = (streams[0].number(f"outage_{name}_s") for name in ("start", "period"))
        outage = PeriodicOutage(start, out, period)
    tcp = TcpConnection(both, both, seed=seed, outage_state=outage)
    sends = schedule(streams)
    found = []
    for now, direction, number, size in sends:
        tcp.send(direction, now, number, size)
        found += tcp.advance(now)
    while len(found) < len(sends):
        due = tcp.next_event_ns
        assert due is not None, "every message is delivered in the end"
        found += tcp.advance(due)
    sent = {number: now for now, _, number, _ in sends}
    rows = np.array([(number, sent[number], at) for _, number, at, _ in found], np.int64)
    result = {}
    for stream in streams:
        first = {"frames": FRAME_NUMBER, "reverse": REVERSE_NUMBER}.get(stream.row["stream"], 0)
        mine = rows[(rows[:, 0] >= first) & (rows[:, 0] < first + FRAME_NUMBER)]
        result[stream.row["stream"]] = mine[:, 1] / MS, (mine[:, 2] - mine[:, 1]) / MS
    return result


def distance(model_ms: FloatArray, measured_ms: FloatArray) -> float:
    """Return the Kolmogorov-Smirnov distance that forgives shifts of up to 2 ms in time."""
    model, real = np.sort(model_ms), np.sort(measured_ms)

    def above(first: FloatArray, second: FloatArray) -> float:
        mine = np.searchsorted(first, first, side="right") / len(first)
        other = np.searchsorted(second, first + TOLERANCE_MS, side="right") / len(second)
        return float((mine - other).max())

    return max(above(model, real), above(real, model), 0.0)


def recoveries_s(stream: Measured, sent_ms: FloatArray, latency_ms: FloatArray) -> FloatArray:
    """Return how long after each outage the first delivery came."""
    arrivals = np.sort(sent_ms + latency_ms) / 1e3
    start, length, period = (stream.number(f"outage_{n}") for n in ("start_s", "s", "period_s"))
    ups = np.arange(start + length, arrivals[-1], period)
    return arrivals[np.searchsorted(arrivals, ups)] - ups
