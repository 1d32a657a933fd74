"""Controls are made from what the conditions say of themselves."""

from __future__ import annotations

import pytest

from wsim.conditions import NetworkConditions, condition_fields
from wsim.dashboard import fields
from wsim.errors import ConditionsError

BY_NAME = {info.name: info for info in condition_fields()}


def test_labels_carry_the_unit():
    labels = {name: fields.label(info) for name, info in BY_NAME.items()}
    assert labels["latency_ms"] == "latency (ms)"
    assert labels["bandwidth_mbps"] == "bandwidth (Mbit/s)"
    assert labels["jitter_memory_s"] == "jitter memory (s)"
    assert labels["packet_loss_rate"] == "packet loss rate"


@pytest.mark.parametrize("info", condition_fields(), ids=lambda info: info.name)
def test_every_field_has_a_hint_with_its_help_and_name(info):
    assert fields.hint(info).startswith(info.help)
    assert info.name in fields.hint(info)


@pytest.mark.parametrize(
    "info", [i for i in condition_fields() if i.kind in ("number", "integer")], ids=lambda i: i.name
)
def test_sliders_hold_the_value_and_stay_within_what_is_allowed(info):
    for value in (info.low, info.default or 0.0, min(info.high, 750_000.0)):
        low, high = fields.slider_range(info, value)
        assert info.low <= low <= max(value, low) <= high <= info.high


def test_the_last_bits_of_a_slider_are_rounded_away():
    assert fields.rounded(BY_NAME["latency_ms"], 110.00000000000001) == 110.0
    assert fields.rounded(BY_NAME["packet_loss_rate"], 0.30000000000000004) == 0.3
    assert fields.rounded(BY_NAME["packet_loss_rate"], 0.00125) == 0.00125


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("corrupt_kinds", "nan, sign", ("nan", "sign")),
        ("priority_events", "", ()),
        ("jitter_model", "uniform", "uniform"),
        ("jitter_model", '{"kind": "uniform"}', {"kind": "uniform"}),
        ("jitter_model", "", "normal"),
        ("outage", "", None),
        ("outbound", '{"latency_ms": 80}', {"latency_ms": 80}),
    ],
)
def test_texts_mean_what_conditions_take(name, text, value):
    assert fields.parsed(BY_NAME[name], text) == value
    NetworkConditions(**{name: value})


def test_broken_json_says_where_and_shows_how():
    with pytest.raises(ConditionsError, match=r"character 9.*like .*latency_ms"):
        fields.parsed(BY_NAME["outbound"], '{"a": 1, ')
    with pytest.raises(ConditionsError, match="kind"):
        fields.parsed(BY_NAME["jitter_model"], "{kind}")


@pytest.mark.parametrize("info", condition_fields(), ids=lambda info: info.name)
def test_what_is_shown_is_read_back(info):
    if info.kind not in ("names", "spec", "overrides"):
        return
    conditions = NetworkConditions(outbound={"latency_ms": 5.0}, jitter_model="uniform")
    value = getattr(conditions, info.name)
    text = fields.shown(info, value)
    again = NetworkConditions(**{info.name: fields.parsed(info, text)})
    assert getattr(again, info.name) == value
