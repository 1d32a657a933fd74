"""lint: every check fires on its case and is silent on the contract's perfect link."""

import pytest

from wsim import PROFILES, NetworkConditions, lint
from wsim.errors import UnknownNameError
from wsim.lints import down_share

QUIET = {"latency_ms": 20, "jitter_ms": 0, "packet_loss_rate": 0, "disconnect_rate": 0}
BURST = {"kind": "gilbert_elliott", "mean_burst": 4}
CASES = [
    ({"jitter_ms": 20, "latency_ms": 10, "jitter_model": "clipped_normal"}, "jitter_model",
     "10 +- 20 ms clipped at zero averages 13.96 ms, with 31 % of the messages at zero"),
    ({"jitter_ms": 20, "latency_ms": 10}, "jitter_ms",
     "a delay of 10 +- 20 ms cannot be negative, so that it averages 20.18 ms"),
    ({"latency_ms": 182_000}, "latency_ms", "one-way 182 s exceeds the heartbeat timeout"),
    ({"latency_ms": 182_000}, "latency_ms", "a live run waits 182 s for every crossing"),
    ({"packet_loss_rate": 0.003, "loss_model": BURST}, "loss_model",
     "netem's own correlation ('loss 0.3% 25%') would lose next to nothing here"),
    ({"jitter_ms": 1, "jitter_correlation": 0.5}, "jitter_correlation",
     "netem accepts a correlation of delays and shows none"),
    ({"jitter_ms": 1, "bandwidth_mbps": None}, "jitter_ms", "netem would let messages overtake"),
    ({"packet_loss_rate": 0.05}, "packet_loss_rate", "a WebSocket runs over TCP"),
    ({"packet_loss_rate": 0.05, "transport": "tcp"}, "packet_loss_rate",
     "one TCP connection carries about 1.58 Mbit/s at most here"),
    ({"packet_loss_rate": 0.05, "transport": "tcp", "loss_model": BURST}, "loss_model",
     "a burst counted in messages lasts 20 ms for each"),
    ({"disconnect_rate": 0.001}, "disconnect_rate", "at 50 commands a second a cut every 20 s"),
    ({"disconnect_rate": 0.001, "auto_reconnect": False}, "auto_reconnect",
     "after the first cut the client stays away"),
    ({"disconnect_rate": 0.001, "client_buffer": True}, "client_buffer", "old commands"),
    ({"bandwidth_mbps": 1}, "bandwidth_mbps", "a camera frame of 12.5 kB takes 100 ms"),
    ({"bandwidth_mbps": 0.03}, "bandwidth_mbps", "the queue would grow without end"),
    ({"outage": {"kind": "periodic", "every_s": 4, "down_s": 1}}, "outage", "out 25 % of the time"),
    ({"jitter_ms": 5, "jitter_model": {"kind": "samples", "values_ms": [1, 2]}}, "jitter_ms",
     "not used: jitter_model 'samples' has its own spread"),
    ({"packet_loss_rate": 0.1, "loss_model": {"kind": "rule", "every": 3}}, "packet_loss_rate",
     "not used: loss_model 'rule' has its own"),
    ({"bandwidth_mbps": 3, "rate_model": {"kind": "trace", "times_ms": [1]}}, "bandwidth_mbps",
     "not used: rate_model 'trace' has its own"),
    ({"jitter_ms": 1, "jitter_correlation": 0.5, "jitter_memory_s": 1}, "jitter_correlation",
     "not used: jitter_memory_s comes before it"),
    ({"reorder_rate": 0.2}, "reorder_rate", "messages stay in order unless reorder is True"),
    ({"priority_events": ("stop",), "bandwidth_mbps": None}, "priority_events", "no queue"),
    ({"queue_limit_bytes": 9000, "bandwidth_mbps": None}, "queue_limit_bytes", "nothing queues"),
    ({"reorder": True, "transport": "tcp"}, "reorder", "TCP delivers in order"),
    ({"corrupt_rate": 0.1, "transport": "tcp"}, "corrupt_rate", "discards damaged segments"),
    ({"enabled": False}, "enabled", "nothing is delayed or lost"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "words"), CASES)
def test_each_check_fires_on_its_case_and_not_without_it(changes, field, words):
    found = [f for f in lint({**QUIET, **changes}) if f.field == field]
    assert any(words in f.message for f in found), [str(f) for f in found]
    assert not any(words in f.message for f in lint(QUIET))


def test_perfect_has_nothing_to_say():
    assert lint("perfect") == []


def test_warnings_come_first_and_findings_read_as_lines():
    found = lint({**QUIET, "reorder_rate": 0.2, "disconnect_rate": 0.01})
    assert [f.level for f in found] == ["warning", "note"]
    assert str(found[0]).startswith("warning: reorder_rate: not used")


def test_directions_are_told_apart():
    found = lint({**QUIET, "bandwidth_mbps": 100, "outbound": {"bandwidth_mbps": 1}})
    assert [(f.field, f.direction) for f in found] == [("bandwidth_mbps", "outbound")]
    assert "(outbound)" in str(found[0])


def test_assumed_values_of_a_profile_are_named():
    fields = {f.field for f in lint("lan") if "no source" in f.message}
    assert fields == set(PROFILES["lan"].assumed)


def test_time_scale_counts():
    live = [f for f in lint("mars") if "live run" in f.message]
    assert live == []
    assert [f for f in lint(PROFILES["mars"].conditions) if "live run" in f.message]


def test_every_profile_can_be_linted():
    for name in PROFILES:
        assert all(f.level in ("warning", "note") for f in lint(name))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'mars'"):
        lint("mras")


def test_down_share():
    assert down_share(NetworkConditions()) == 0.0
    assert down_share(PROFILES["mars_relay"].conditions) == pytest.approx(1 - 480 / 88_775)
    assert down_share(PROFILES["wifi_cafe"].conditions) == pytest.approx(12 / 132)
