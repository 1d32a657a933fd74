"""Rules: who they fit, what they may change, and that they move no draw of others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from wsim import Channel, NetworkConditions
from wsim.errors import ConditionsError
from wsim.rules import Rule

MS = 1_000_000
BASE = NetworkConditions(packet_loss_rate=0.1, disconnect_rate=0, bandwidth_mbps=None)
CAMERA = {"events": ["cameraFeed"], "packet_loss_rate": 1.0}


def fates(conditions: NetworkConditions, events: list[str], **keys) -> list[str]:
    times = np.arange(len(events)) * 20 * MS
    return Channel(conditions, **keys).send_many(times, 100, events=events).fate.tolist()


def test_a_rule_changes_its_messages_and_no_others():
    events = ["driveCommands", "cameraFeed"] * 300
    plain, ruled = fates(BASE, events), fates(BASE.replace(rules=[CAMERA]), events)
    assert ruled[::2] == plain[::2]
    assert set(ruled[1::2]) == {"dropped"}
    assert "dropped" in plain[::2]


def test_rules_choose_by_direction_and_client():
    events = ["x"] * 50
    rules = [{"direction": "outbound", "clients": [1], "packet_loss_rate": 1.0}]
    c = BASE.replace(packet_loss_rate=0, rules=rules)
    assert set(fates(c, events, client=1, direction="outbound")) == {"dropped"}
    assert set(fates(c, events, client=0, direction="outbound")) == {"delivered"}
    assert set(fates(c, events, client=1, direction="inbound")) == {"delivered"}


def test_rules_look_into_payloads():
    rule = Rule.from_dict({"where": {"v.x": {">": 0.5}, "mode": "auto"}, "latency_ms": 400})
    c = BASE.replace(packet_loss_rate=0, jitter_ms=0, rules=[rule])
    channel = Channel(c)
    payloads = [{"v": {"x": 0.9}, "mode": "auto"}, {"v": {"x": 0.1}, "mode": "auto"}, "text", None]
    for i, data in enumerate(payloads):
        channel.send(i * 1000 * MS, 10, data=data)
    delays = [t.delivered_ns - t.sent_ns for t in channel.advance(10**12)]
    assert delays == [400 * MS, 50 * MS, 50 * MS, 50 * MS]
    assert not rule.fits("", "inbound", 0, {"v": {"x": "fast"}, "mode": "auto"})


def test_the_first_rule_that_fits_decides():
    rules = [{"events": ["a"], "latency_ms": 1}, {"latency_ms": 9}]
    channel = Channel(BASE.replace(packet_loss_rate=0, jitter_ms=0, reorder=True, rules=rules))
    for event in ("a", "b"):
        channel.send(0, 10, event=event)
    assert [t.delivered_ns for t in channel.advance(10**9)] == [MS, 9 * MS]


def test_rules_pass_through_json():
    where = {"speed": {"<=": 2}}
    rules = [CAMERA, {"where": where, "jitter_ms": 5.0, "jitter_model": {"kind": "uniform"}}]
    c = BASE.replace(rules=rules)
    assert NetworkConditions.from_dict(json.loads(json.dumps(c.to_dict()))) == c
    assert c.rules[1].to_dict()["where"] == where


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"events": ["a"]}, "nothing to change"),
        ({"bandwidth_mbps": 3}, "not a condition of single messages"),
        ({"latncy_ms": 3}, "did you mean 'latency_ms'"),
        ({"latency_ms": -3}, "latency_ms=-3 is not"),
        ({"events": "a", "latency_ms": 3}, "are lists"),
        ({"direction": "up", "latency_ms": 3}, "not inbound or outbound"),
        ({"where": {"x": {"~": 1}}, "latency_ms": 3}, "operator '~'"),
    ],
)
def test_refusals(rule, message):
    with pytest.raises(ConditionsError, match=message):
        BASE.replace(rules=[rule])
    with pytest.raises(ConditionsError, match="not a list of rules"):
        BASE.replace(rules=CAMERA)
