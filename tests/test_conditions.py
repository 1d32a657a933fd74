"""Conditions: every field declared once, validated, carried through JSON."""

from __future__ import annotations

import json
import math

import pytest

from wsim import NetworkConditions
from wsim.conditions import allowed_values, condition_fields
from wsim.errors import ConditionsError, UnknownNameError
from wsim.impairments.normal import Normal
from wsim.impairments.uniform import Uniform


def test_the_everyday_defaults():
    c = NetworkConditions()
    assert (c.latency_ms, c.jitter_ms, c.packet_loss_rate) == (50.0, 10.0, 0.01)
    assert (c.disconnect_rate, c.bandwidth_mbps, c.enabled) == (0.001, 100.0, True)


@pytest.mark.parametrize("info", condition_fields(), ids=lambda info: info.name)
def test_every_field_tells_what_it_is(info):
    assert info.help
    assert len(info.help) < 90
    if info.kind in ("number", "integer"):
        assert info.low < info.high
        assert info.step > 0
        assert info.name.endswith("_ms") <= (info.unit == "ms")
        assert info.name.endswith("_bytes") <= (info.unit == "B")
    if info.kind == "choice":
        assert info.default in info.choices


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latency_ms": -1}, "latency_ms=-1 is not a number of ms from 0"),
        ({"latency_ms": math.nan}, "latency_ms=nan"),
        ({"latency_ms": "fast"}, "latency_ms='fast'"),
        ({"latency_ms": True}, "latency_ms=True"),
        ({"packet_loss_rate": 1.5}, "packet_loss_rate=1.5 is not a number from 0 to 1"),
        ({"bandwidth_mbps": 0}, "bandwidth_mbps=0 is not .* or None"),
        ({"overhead_bytes": 1.5}, "overhead_bytes=1.5 is not a whole number of B"),
        ({"enabled": 1}, "enabled=1 is not True or False"),
        ({"transport": "tpc"}, "did you mean 'tcp'"),
        ({"priority_events": "stop"}, "not a list of names"),
        ({"corrupt_kinds": ("nam",)}, "did you mean 'nan'"),
        ({"latencyms": 3}, "no network condition 'latencyms'; did you mean 'latency_ms'"),
        ({"outbound": {"latncy_ms": 3}}, "did you mean 'latency_ms'"),
        ({"outbound": {"outbound": None}}, "cannot hold another"),
        ({"outbound": 3}, "not a mapping of conditions"),
        ({"jitter_model": {"kind": "uniform", "width": 3}}, "has no field 'width'"),
        ({"jitter_model": 3}, "not one of"),
    ],
)
def test_refusals_name_the_field_and_what_is_allowed(change, message):
    with pytest.raises(ConditionsError, match=message):
        NetworkConditions.from_dict(change)


def test_an_unknown_kind_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'uniform'"):
        NetworkConditions(jitter_model="unifrom")


def test_conditions_pass_through_json_and_repr():
    c = NetworkConditions(
        jitter_model="uniform", bandwidth_mbps=math.inf, outbound={"bandwidth_mbps": 2}
    )
    assert NetworkConditions.from_dict(json.loads(json.dumps(c.to_dict()))) == c
    assert "jitter_model=Uniform()" in repr(c)
    assert eval(repr(c), {"NetworkConditions": NetworkConditions, "Uniform": Uniform}) == c
    assert c.to_dict(changed_only=True) == {
        "bandwidth_mbps": None,
        "jitter_model": {"kind": "uniform"},
        "outbound": {"bandwidth_mbps": 2.0},
    }
    assert len({c, c.replace()}) == 1


def test_directions_differ_only_by_their_overrides():
    c = NetworkConditions(bandwidth_mbps=10, outbound={"bandwidth_mbps": 1})
    assert c.for_direction("inbound").bandwidth_mbps == 10
    up = c.for_direction("outbound")
    assert (up.bandwidth_mbps, up.outbound) == (1, None)
    assert up.for_direction("inbound") is up
    assert isinstance(c.jitter, Normal)


def test_allowed_values_in_words():
    by_name = {info.name: info for info in condition_fields()}
    assert allowed_values(by_name["queue_policy"]) == "one of tail, head, codel"
    assert allowed_values(by_name["queue_limit_messages"]) == (
        "a whole number from 1 to 1e+09 or None"
    )
