"""Profiles in words."""

import numpy as np
import pytest

from wsim import PROFILES
from wsim.profiles import profile
from wsim.profiles.description import describe, rate_over_time, sketched, table


def test_the_table_has_a_line_for_each_profile():
    lines = table().splitlines()
    assert [line.split()[0] for line in lines] == list(PROFILES)
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_says_its_name_sentence_and_source(name):
    text = " ".join(describe(name).split())
    assert text.startswith(name)
    assert PROFILES[name].sentence in text
    assert " ".join(PROFILES[name].source.split()) in text
    assert text.count("(assumed)") == len(PROFILES[name].assumed)


def test_delays_are_quantiles_for_each_direction():
    text = describe("5g_nsa")
    assert "drawn delay inbound: p50 7, p90 7.897, p99 8.628" in text
    assert "drawn delay outbound: p50 18" in text
    assert "drawn delay: 750000 ms for every message, before queues" in describe("mars")
    assert "300 times as fast" in describe("mars")


def test_conditions_are_enough():
    assert describe({"latency_ms": 7.5, "jitter_ms": 0}).startswith("custom")


def test_a_varying_rate_is_sketched():
    text = describe("lte_driving")
    assert "rate inbound: 4.6 Mbit/s on average" in text
    sketch = next(line for line in text.splitlines() if line.startswith("    0 s ["))
    assert sketch[9:69].count("#") > 3
    assert "rate" not in describe("lan").split("Source")[0].replace("_rate", "")


def test_losses_are_counted():
    text = describe("wifi_congested")
    assert "in a row on average" in text
    row = next(line for line in text.splitlines() if line.startswith("  losses: "))
    assert 4.0 < float(row.split(", ")[-2].split()[0]) < 6.0


def test_rates_over_time():
    fast = {"latency_ms": 1, "bandwidth_mbps": 1e6}
    assert (rate_over_time(profile(fast).conditions, 60, 4) == 1e6).all()
    bucket = {**fast, "rate_model": {"kind": "token_bucket", "burst_bytes": 9000}}
    assert rate_over_time(profile(bucket).conditions, 60, 4) == pytest.approx(1e6, rel=0.01)
    slots = profile("rover_900_serial").conditions
    assert rate_over_time(slots, 60, 4) == pytest.approx(0.024, rel=0.05)
    unlimited = {**fast, "bandwidth_mbps": None, "rate_model": "token_bucket"}
    assert np.isinf(rate_over_time(profile(unlimited).conditions, 60, 4)).all()


def test_sketches():
    assert sketched(np.array([0, 1, 4, 8])) == " .=#"
    assert sketched(np.zeros(3)) == "   "
