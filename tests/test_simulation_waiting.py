"""When the sender of a dropped message is told, cause by cause."""

from __future__ import annotations

import pytest

from wsim.conditions import NetworkConditions
from wsim.link import Link
from wsim.simulation.clients import Client, Message
from wsim.simulation.waiting import known_ns

MS = 1_000_000


@pytest.mark.parametrize(
    ("cause", "latency_ms", "told_ms"),
    [
        ("loss", 50, 50),
        ("loss", 0, 0),
        ("disconnected", 50, 50),
        ("not_connected", 50, 50),
        ("not_connected", 0, 1),
        ("outage", 50, 1),
        ("queue_full", 50, 1),
        ("closed", 50, 0),
        ("expired", 50, 0),
    ],
)
def test_each_cause_takes_its_time(cause: str, latency_ms: float, told_ms: int) -> None:
    conditions = NetworkConditions(latency_ms=latency_ms, jitter_ms=0, disconnect_rate=0)
    client = Client("c", 0, Link(conditions, seed=1))
    message = Message(client, "inbound", "x", {}, True, 10, "", "m", 7 * MS)
    assert known_ns(message, cause, conditions, 7 * MS) == (7 + told_ms) * MS
