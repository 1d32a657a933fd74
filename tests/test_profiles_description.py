"""Profiles in words."""

import pytest

from wsim import PROFILES
from wsim.profiles.description import describe, table


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
    assert "one-way delay inbound: p50 7, p90 7.897, p99 8.628" in text
    assert "one-way delay outbound: p50 18" in text
    assert "one-way delay: 750000 ms for every message" in describe("mars")
    assert "300 times as fast" in describe("mars")


def test_conditions_are_enough():
    assert describe({"latency_ms": 7.5, "jitter_ms": 0}).startswith("custom")
