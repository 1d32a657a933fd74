"""Standard events, schemas and their registry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsim.errors import PayloadError
from wsim.messages import COMMANDS, STANDARD_EVENTS, Registry

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**20), 10**20)
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["linear", "angular", "xVel", "yVel", "rotVel", "other"])


@given(st.dictionaries(FIELDS, st.one_of(numbers, anything), max_size=5))
def test_the_quick_check_agrees_with_the_schema_and_the_encoder(command):
    registry = Registry()
    size, reason, _ = registry.measure("driveCommands", command)
    registry.quick.clear()
    assert registry.measure("driveCommands", command)[:2] == (size, reason)
    if not reason:
        text = json.dumps(["driveCommands", command], separators=(",", ":"), ensure_ascii=False)
        assert size == 1 + len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("event", COMMANDS)
@pytest.mark.parametrize("payload", ["text", 5, [1], True, b"x"])
def test_commands_take_mappings_only(event, payload):
    size, reason, _ = Registry().measure(event, payload)
    assert reason.startswith(f"{event}: data must be object")
    assert size > 0


@pytest.mark.parametrize("event", STANDARD_EVENTS)
def test_every_standard_event_takes_nothing_and_an_empty_mapping(event):
    for payload in (None, {}):
        assert Registry().measure(event, payload)[1] == ""
    assert STANDARD_EVENTS[event]["description"]


def test_a_complaint_names_the_field_what_is_allowed_and_what_came():
    complaint = Registry().problem("systemStatus", {"battery": "full"})
    assert complaint == "systemStatus: data.battery must be number or null, not 'full'"


@pytest.mark.parametrize("hostile", [[[[]]] * 3, {"a": "<script>"}, "x" * 100_000])
def test_unknown_events_take_whatever_can_be_sent(hostile):
    assert Registry().measure("mine", hostile)[1] == ""


def test_too_deep_and_cyclic_payloads_are_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    cycle: list = []
    cycle.append(cycle)
    for payload in (deep, cycle):
        assert "nested too deeply" in Registry().measure("mine", payload)[1]


def test_own_schemas_replace_standard_ones():
    registry = Registry()
    registry.register("driveCommands", {"type": "object", "required": ["speed"]})
    assert registry.measure("driveCommands", {"linear": 1.0})[1]
    assert registry.measure("driveCommands", {"speed": 1.0})[1] == ""
    assert registry.schemas["driveCommands"]["required"] == ["speed"]
    assert "driveCommands" in registry
    assert "unheard of" not in registry


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, 5, "object", {"properties": 5}])
def test_a_broken_schema_is_refused(schema):
    registry = Registry()
    with pytest.raises(PayloadError, match="schema of 'mine'"):
        registry.register("mine", schema)
    assert "mine" not in registry


@pytest.mark.parametrize("value", [10**400, -(10**309), 2 * int(1.7976931348623157e308)])
def test_numbers_beyond_floats_are_refused_in_commands(value):
    registry = Registry()
    _, problem, flat = registry.measure("driveCommands", {"linear": value})
    assert "data.linear must be" in problem
    assert not flat
    assert registry.measure("driveCommands", {"linear": int(1.7e308)})[1] == ""
    assert registry.measure("mine", {"linear": value})[1] == ""


def test_integers_that_python_does_not_write_out_are_refused():
    for event in ("driveCommands", "mine"):
        assert "thousands of digits" in Registry().measure(event, {"linear": 10**5000})[1]


@pytest.mark.parametrize(
    "payload",
    [{5: 1}, {None: 1}, {True: 1}, {1.5: 1}, {"a": [{"b": {5: 1}}]}, ("x", {5: b"1"}), [{5: 1}]],
)
def test_keys_that_json_would_turn_into_text_are_refused(payload):
    assert "keys" in Registry().measure("mine", payload)[1]
    assert "keys" in Registry().measure("sensorData", payload)[1]
