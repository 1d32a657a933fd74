"""Each control is one call; showing a value makes none."""

from __future__ import annotations

import pytest

from wsim.conditions import NetworkConditions, condition_fields
from wsim.dashboard.controls import NetworkControls, NumberControl
from wsim.dashboard.home import HomeLoop
from wsim.dashboard.settings import TrafficSettings
from wsim.dashboard.traffic import TrafficControls


@pytest.fixture
def network():
    calls = []
    controls = NetworkControls(
        HomeLoop(), lambda *call: calls.append(call), NetworkConditions()
    ).controls
    return controls, calls


def test_there_is_a_control_for_every_condition(network):
    controls, _ = network
    assert list(controls) == [info.name for info in condition_fields()]


@pytest.mark.parametrize(
    ("name", "part", "given", "value"),
    [
        ("latency_ms", "slider", 110.00000000000001, 110.0),
        ("latency_ms", "field", 75.0, 75.0),
        ("packet_loss_rate", "slider", 0.05, 0.05),
        ("bandwidth_mbps", "unlimited", True, None),
        ("queue_limit_messages", "unlimited", False, 1.0),
        ("enabled", "box", False, False),
        ("transport", "box", "tcp", "tcp"),
        ("corrupt_kinds", "box", "nan", ("nan",)),
        ("outbound", "box", '{"latency_ms": 9}', {"latency_ms": 9}),
    ],
)
def test_setting_a_value_is_one_call(network, name, part, given, value):
    controls, calls = network
    getattr(controls[name], part).value = given
    assert calls == [(name, value)]


def test_showing_conditions_calls_nothing_and_fills_everything(network):
    controls, calls = network
    wanted = NetworkConditions(
        latency_ms=750_000, bandwidth_mbps=None, transport="tcp", queue_limit_ms=80,
        corrupt_kinds=("nan",), enabled=False,
    )  # fmt: skip
    for name, control in controls.items():
        control.show(getattr(wanted, name))
    assert calls == []
    assert controls["latency_ms"].field.value == controls["latency_ms"].slider.value == 750_000
    assert controls["bandwidth_mbps"].unlimited.value is True
    assert controls["bandwidth_mbps"].slider.disabled
    assert controls["queue_limit_ms"].field.value == 80
    assert not controls["queue_limit_ms"].field.disabled
    assert controls["transport"].box.value == "tcp"
    assert controls["corrupt_kinds"].box.value == "nan"


def test_every_control_is_labelled_and_has_a_hint(network):
    for name, control in network[0].items():
        labelled = control.field if isinstance(control, NumberControl) else control.box
        assert labelled.description, name
        assert labelled.tooltip, name


@pytest.fixture
def traffic():
    calls, drives = [], []
    controls = TrafficControls(
        HomeLoop(),
        lambda *call: calls.append(call),
        lambda *speed: drives.append(speed),
        TrafficSettings(linear=0.5, angular=0.1),
    )
    return controls, calls, drives


def test_rates_and_speeds_are_one_call_each(traffic):
    controls, calls, _ = traffic
    controls.controls["drive_hz"].field.value = 50
    controls.controls["linear"].slider.value = -1.0
    assert calls == [("drive_hz", 50.0), ("linear", -1.0)]


def test_the_pad_changes_speed_and_turn_in_steps(traffic):
    controls, _, drives = traffic
    pad = {child.description: child for child in controls.pad.children if hasattr(child, "click")}
    for sign in "▲◀■▶▼":
        pad[sign].click()
    assert drives == [(0.6, 0.1), (0.5, 0.2), (0.0, 0.0), (0.5, 0.0), (0.4, 0.1)]


def test_a_gamepad_drives_only_when_its_stick_moves(traffic):
    from ipywidgets.widgets.widget_controller import Axis

    controls, _, drives = traffic
    controls.read_gamepad()
    sticks = [Axis(), Axis()]
    controls.gamepad.set_trait("connected", True)
    controls.gamepad.set_trait("axes", sticks)
    controls.read_gamepad()
    sticks[1].set_trait("value", -1.0)
    controls.read_gamepad()
    controls.read_gamepad()
    assert drives == [(1.0, 0.0)]
