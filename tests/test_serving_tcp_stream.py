"""What a stream of bytes makes of conditions: late, never lost, and in order."""

from __future__ import annotations

import doctest

import pytest
from serving_harness import conditions

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.profiles import PROFILES
from wsim.serving import tcp_stream
from wsim.serving.tcp_stream import MOST_BYTES, checked_address, chunk_bytes, stream_conditions


def test_the_examples_in_the_documentation_hold():
    assert doctest.testmod(tcp_stream).failed == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"packet_loss_rate": 0.1},
        {"loss_model": {"kind": "gilbert_elliott", "mean_burst": 3}, "packet_loss_rate": 0.1},
        {"queue_limit_messages": 5, "bandwidth_mbps": 1},
        {"max_age_ms": 10, "bandwidth_mbps": 1},
        {"queue_policy": "codel", "bandwidth_mbps": 1},
        {"outbound": {"packet_loss_rate": 0.1}},
        {"outbound": {"packet_loss_rate": 0.1, "transport": "datagram"}},
    ],
)
def test_what_loses_messages_becomes_tcp_both_ways(changes):
    found = stream_conditions(conditions(5, **changes))
    for direction in ("inbound", "outbound"):
        assert found.for_direction(direction).transport == "tcp"


def changed(setting):
    """Return what else than the heartbeat, which is the protocol's own, is not as it was."""
    before, after = setting.to_dict(), stream_conditions(setting).to_dict()
    return {
        name: value
        for name, value in after.items()
        if value != before[name] and name != "heartbeat_interval_s"
    }


def test_what_loses_nothing_stays_as_it_is():
    plain = conditions(5, jitter_ms=2, bandwidth_mbps=3)
    assert changed(plain) == {}
    assert changed(conditions(5, packet_loss_rate=0.5, enabled=False)) == {}
    tcp = conditions(5, transport="tcp", packet_loss_rate=0.1, jitter_ms=4, reorder=True)
    assert changed(tcp) == {}  # packets may overtake each other below TCP


@pytest.mark.parametrize("effect", ["drop", "half_open", "hold", "close"])
def test_an_outage_holds_bytes_back_unless_it_cuts_the_connection(effect):
    outage = {"kind": "windows", "windows_s": ((1, 2),), "effect": effect}
    found = stream_conditions(conditions(outage=outage, outbound={"latency_ms": 9}))
    assert found.outages.effect == ("close" if effect == "close" else "hold")
    assert found.for_direction("outbound").latency_ms == 9


def test_rules_copies_and_damage_have_nothing_to_act_on():
    rule = {"events": ["bytes"], "packet_loss_rate": 1.0}
    changes = {"rules": [rule], "duplicate_rate": 0.5, "corrupt_rate": 0.5, "reorder": True}
    assert stream_conditions(conditions(5, **changes)) == stream_conditions(conditions(5))


@pytest.mark.parametrize("name", list(PROFILES))
def test_no_profile_of_the_catalogue_loses_a_byte(name):
    """All but what is under way when a connection is cut."""
    found = stream_conditions(PROFILES[name].conditions.replace(disconnect_rate=0))
    channel = Channel(found, seed=1)
    for number in range(300):
        channel.send(number * 50_000_000, 500)
    fates = channel.advance(10**13)
    assert {transit.fate for transit in fates} == {"delivered"}
    assert [transit.number for transit in fates] == list(range(300))


def test_a_slow_link_delivers_in_small_portions():
    assert chunk_bytes(conditions()) == MOST_BYTES
    assert chunk_bytes(conditions(bandwidth_mbps=1000)) == MOST_BYTES
    assert chunk_bytes(conditions(bandwidth_mbps=8)) == 10_000
    assert chunk_bytes(conditions(bandwidth_mbps=0.1)) == NetworkConditions().mss_bytes


@pytest.mark.parametrize(
    ("upstream", "address"),
    [
        ("tcp://127.0.0.1:4000", ("127.0.0.1", 4000)),
        ("localhost:22", ("localhost", 22)),
        ("tcp://[::1]:4000", ("::1", 4000)),
        ("https://example.org/socket", ("example.org", 443)),
    ],
)
def test_addresses(upstream, address):
    assert checked_address(upstream) == address


@pytest.mark.parametrize("upstream", ["nowhere", "tcp://:4000", "tcp://host:port", "", "a:99999"])
def test_what_is_no_address(upstream):
    with pytest.raises(UsageError, match="a host and a port"):
        checked_address(upstream)
