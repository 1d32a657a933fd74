"""Transits: what arrays say and what rows say is the same."""

from __future__ import annotations

import numpy as np

from wsim import Channel, NetworkConditions
from wsim.transit import collect, dropped


def test_arrays_and_rows_agree():
    c = NetworkConditions(packet_loss_rate=0.3, disconnect_rate=0, corrupt_rate=0.2)
    times = np.arange(200) * 10_000_000
    whole = Channel(c).send_many(times, 100)
    rows = list(whole)
    again = collect(0, times, rows)
    assert np.array_equal(whole.delivered_ns, again.delivered_ns)
    assert np.array_equal(whole.causes, again.causes)
    assert np.array_equal(whole.parts, again.parts)
    assert whole.corruptions == again.corruptions
    assert len(whole.corruptions) > 10
    assert whole.fate.tolist() == [t.fate for t in rows]
    assert whole.cause.tolist() == [t.cause for t in rows]
    latency = whole.delivered_ns - whole.sent_ns
    assert np.array_equal(whole.parts.sum(axis=1)[~whole.dropped], latency[~whole.dropped])


def test_a_dropped_message_has_no_time_and_a_cause():
    transit = dropped(3, 10, "loss", "token", 12)
    assert transit.delivered_ns is None
    assert (transit.fate, transit.cause, transit.decided_ns) == ("dropped", "loss", 12)
    assert sum(transit.parts) == 0


def test_what_tcp_never_settles_is_in_flight():
    c = NetworkConditions(
        packet_loss_rate=1.0, disconnect_rate=0, transport="tcp", heartbeat_interval_s=None
    )
    whole = Channel(c).send_many(np.array([0]), 100)
    assert whole.fate.tolist() == ["in_flight"]
    assert not whole.dropped.any()
    assert [t.fate for t in whole] == ["in_flight"]
