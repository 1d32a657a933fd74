"""netem in and out: the grammar, what is reported, round trips."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from wsim import PROFILES, NetworkConditions
from wsim.channel import Channel
from wsim.errors import FormatError
from wsim.impairments.netem_table import NetemTable
from wsim.interchange import TranslationWarning, from_netem, netem_distribution, to_netem


def test_the_line_everybody_writes():
    c = from_netem("delay 100ms 20ms distribution normal loss gemodel 1% 25% rate 2mbit")
    assert (c.latency_ms, c.jitter_ms, c.bandwidth_mbps) == (100, 20, 2)
    assert c.jitter == NetemTable("normal")
    assert c.loss.mean_burst == 4
    assert c.packet_loss_rate == pytest.approx(0.01 / 0.26)
    assert c.disconnect_rate == 0
    assert not c.reorder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delay 1.5s", {"latency_ms": 1500}),
        ("delay 2500us", {"latency_ms": 2.5}),
        ("delay 2500", {"latency_ms": 2.5}),
        ("latency 3ms", {"latency_ms": 3}),
        ("delay 50ms 5ms rate 1gbit", {"jitter_ms": 5, "reorder": False}),
        ("delay 50ms 5ms", {"jitter_ms": 5, "reorder": True}),
        ("delay 50ms 5ms distribution uniform", {"jitter_ms": 5}),
        ("loss 3%", {"packet_loss_rate": 0.03}),
        ("loss random 0.5%", {"packet_loss_rate": 0.005}),
        ("loss gemodel 5%", {"packet_loss_rate": 0.05}),
        ("corrupt 0.1%", {"corrupt_rate": 0.001}),
        ("duplicate 2%", {"duplicate_rate": 0.02}),
        ("delay 10ms reorder 25% gap 5", {"reorder_rate": 0.25, "reorder_gap": 5}),
        ("delay 10ms reorder 25%", {"reorder": True, "reorder_gap": 1}),
        ("rate 512kbit", {"bandwidth_mbps": 0.512}),
        ("rate 1mbps 20", {"bandwidth_mbps": 8, "overhead_bytes": 20}),
        ("tc qdisc add dev eth0 root netem delay 7ms", {"latency_ms": 7}),
    ],
)
def test_options(text, expected):
    notes = []
    c = from_netem(text, notes=notes)
    assert notes == []
    assert {name: getattr(c, name) for name in expected} == pytest.approx(expected)


def test_corruption_flips_a_bit_as_netem_does():
    assert from_netem("corrupt 0.1%").corrupt_kinds == ("bitflip",)


def test_the_four_state_chain():
    c = from_netem("loss state 1% 20% 10% 30% 0.5%")
    assert (c.loss.p13, c.loss.p31, c.loss.p32, c.loss.p23, c.loss.p14) == pytest.approx(
        (0.01, 0.2, 0.1, 0.3, 0.005)
    )
    assert from_netem("loss state 5%").loss.p31 == pytest.approx(0.95)


def test_loss_in_both_states():
    c = from_netem("loss gemodel 1% 10% 70% 0.1%")
    assert (c.loss.loss_in_bad, c.loss.loss_in_good) == pytest.approx((0.7, 0.001))
    share = 0.01 / 0.11
    assert c.packet_loss_rate == pytest.approx(share * 0.7 + (1 - share) * 0.001)
    assert c.loss.transitions(c.packet_loss_rate) == pytest.approx((0.01, 0.1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("delay 100ms 20ms 25%", "correlation of delay (25%) shows none"),
        ("loss 0.3% 25%", "correlation of loss (25%) changes the rate itself"),
        ("loss 1% ecn", "ecn marks packets"),
        ("delay 5ms limit 50", "limit also counts packets that wait for their delay"),
        ("seed 7", "a seed belongs to the run"),
        ("rate 1mbit 0 48 5", "cells of a link layer"),
        ("slot distribution normal 1ms 2ms delay 5ms", "slots hold packets back"),
        ("slot 1ms 5ms packets 3 delay 5ms", "slots hold packets back"),
    ],
)
def test_what_cannot_be_carried_over_is_reported(text, words):
    notes = []
    from_netem(text, notes=notes)
    assert any(words in note for note in notes)
    with pytest.warns(TranslationWarning, match=words[:12]):
        from_netem(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dealy 10ms", "word 1 'dealy' is no option; did you mean 'delay'"),
        ("delay", "ends where a time should follow 'delay'"),
        ("delay fast", "word 2 'fast' is not a time such as 100ms"),
        ("delay 10xs", "word 2 '10xs' is not a time"),
        ("loss 130%", r"word 2 '130%' is not a percentage from 0% to 100%"),
        ("loss some", "word 2 'some' is not a percentage"),
        ("delay 9ms 1ms distribution gauss", "word 5 'gauss' is not one of uniform, normal"),
        ("rate 5pigeons", "word 2 '5pigeons' is not a rate"),
        ("rate 0mbit", "not a rate above zero"),
        ("loss gemodel 1% 0%", "never leaves the bad state"),
        ("loss gemodel 1% 10% 5% 50%", "netem: word 6: .*loss_in_good"),
        ("loss state 60% 50% 60%", r"p31 \+ p32"),
        ("reorder 25%", "'reorder' needs 'delay TIME'"),
        ("delay 5ms gap 5", "'gap' needs 'reorder PERCENT'"),
        ("limit many", "word 2 'many' is not a number of packets"),
        ("tc qdisc add dev eth0 root", "no word 'netem'"),
    ],
)
def test_errors_name_the_word_the_place_and_the_fix(text, words):
    with pytest.raises(FormatError, match=words):
        from_netem(text)


@pytest.mark.parametrize(
    "text",
    [
        "delay 100ms 20ms distribution pareto rate 2mbit",
        "delay 40ms 5ms rate 512kbit",
        "delay 40ms loss random 3%",
        "loss gemodel 1% 25% 100% 0% rate 1mbit",
        "loss state 1% 20% 10% 30% 0.5%",
        "delay 10ms corrupt 0.1% duplicate 2% reorder 25% gap 5",
        "rate 8mbit 20",
    ],
)
def test_what_netem_can_say_survives_the_round_trip(text):
    c = from_netem(text)
    again = from_netem(to_netem(c, notes=[]))
    for name, value in c.to_dict().items():
        if name == "loss_model":
            continue
        assert (
            getattr(again, name) == pytest.approx(getattr(c, name))
            or value == (again.to_dict()[name])
        )
    assert again.loss.to_dict() == pytest.approx(c.loss.to_dict())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"disconnect_rate": 0.1}, "netem has no disconnect_rate"),
        ({"outage": "periodic"}, "netem has no outage"),
        ({"packet_loss_rate": 0.1}, "on a WebSocket its losses become delays"),
        ({"jitter_ms": 5, "bandwidth_mbps": None}, "keeps the order only with a rate"),
        ({"jitter_ms": 5, "jitter_correlation": 0.5}, "correlation of delays shows no effect"),
        ({"jitter_ms": 5, "jitter_model": "gamma"}, "no 'gamma' delays like these"),
        ({"jitter_ms": 15}, "no 'normal' delays like these"),
        ({"rate_model": {"kind": "trace", "times_ms": [1]}}, "no rate by 'trace'"),
        ({"loss_model": {"kind": "rule", "first": 2}}, "no loss by 'rule'"),
        ({"packet_loss_rate": 0.1, "loss_model": "gilbert_elliott_time"}, "50 packets a second"),
        ({"corrupt_rate": 0.1}, "knows nothing of JSON"),
        ({"queue_policy": "codel"}, "queue_policy 'codel' is left out"),
        ({"queue_limit_messages": 9}, "limit also counts"),
        ({"max_age_ms": 9}, "netem has no max_age_ms"),
        ({"latency_ms": 750_000}, "tc takes no delay above 274.877 s: 750000 ms left out"),
    ],
)
def test_what_netem_cannot_say_is_reported(changes, words):
    quiet = {"latency_ms": 20, "jitter_ms": 0, "packet_loss_rate": 0, "disconnect_rate": 0}
    notes = []
    to_netem({**quiet, **changes}, notes=notes)
    assert any(words in note for note in notes), notes


def test_every_profile_can_be_written_and_read_again():
    for name in PROFILES:
        for direction in ("inbound", "outbound"):
            text = to_netem(name, direction=direction, notes=[])
            if "distribution wsim" not in text:
                from_netem(text, notes=[])


@pytest.mark.parametrize("name", PROFILES)
def test_tc_takes_every_line(name, tmp_path):
    """Ask the real tc, in a network namespace of its own; without netem it parses all the same."""
    if not (shutil.which("tc") and shutil.which("unshare")):
        pytest.skip("no tc or unshare on this machine")
    (tmp_path / "wsim.dist").write_text(netem_distribution(name))
    line = to_netem(name, notes=[]).split()
    command = ["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem", *line]
    environment = os.environ | ({"TC_LIB_DIR": str(tmp_path)} if "wsim" in line else {})
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if "unshare" in ran.stderr:
        pytest.skip("no leave to make a network namespace")
    assert ran.returncode == 0 or "qdisc kind is unknown" in ran.stderr, (line, ran.stderr)


def test_any_delay_travels_as_a_table(tmp_path):
    path = tmp_path / "wsim.dist"
    path.write_text(netem_distribution("wifi_congested"))
    table = NetemTable.from_file(path)
    words = to_netem("wifi_congested", notes=[]).split()
    mean, deviation = (float(words[i].removesuffix("ms")) for i in (1, 2))
    u = (np.arange(20_000) + 0.5) / 20_000
    there = table.sampler(mean, deviation)(u)
    here = PROFILES["wifi_congested"].conditions.jitter.sampler(0, 0)(u)
    q = [0.1, 0.5, 0.9, 0.95]
    assert np.quantile(there, q) == pytest.approx(np.quantile(here, q), rel=0.01)


def test_jitter_without_a_rate_overtakes_as_in_netem():
    channel = Channel(from_netem("delay 50ms 20ms"), seed=1)
    times = np.arange(400) * 5_000_000
    arrivals = channel.send_many(times, np.full(400, 100)).delivered_ns
    assert (np.diff(arrivals) < 0).any()
    channel = Channel(from_netem("delay 50ms 20ms rate 1gbit"), seed=1)
    arrivals = channel.send_many(times, np.full(400, 100)).delivered_ns
    assert (np.diff(arrivals) >= 0).all()


def test_reordered_messages_skip_the_delay_by_netems_counter():
    c = from_netem("delay 10ms reorder 100% gap 5")
    sent = np.arange(20) * 1_000_000
    delays = Channel(c, seed=1).send_many(sent, np.full(20, 10)).delivered_ns - sent
    assert np.flatnonzero(delays == 0).tolist() == [4, 9, 14, 19]


def test_directions_may_differ():
    c = NetworkConditions(
        latency_ms=5, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=3,
        outbound={"latency_ms": 9},
    )  # fmt: skip
    assert to_netem(c) == "delay 5ms rate 3mbit"
    assert to_netem(c, direction="outbound") == "delay 9ms rate 3mbit"
