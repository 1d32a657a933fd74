"""The configuration of a simulator."""

from __future__ import annotations

import pytest

from wsim import NetworkConditions, WebSocketServerSimulator, create_websocket_simulator
from wsim.errors import ConditionsError, UsageError, WsimError
from wsim.profiles import Profile
from wsim.simulation.settings import settings_from


def test_the_network_may_be_given_in_every_form():
    for network in ({"latency_ms": 7}, NetworkConditions(latency_ms=7)):
        settings = settings_from({"network": network})
        assert settings.network == NetworkConditions(latency_ms=7)
        assert settings.profile == "custom"
    settings = settings_from({"profile": "mars"})
    assert (settings.profile, settings.time_scale) == ("mars", 300.0)
    assert settings_from({"network": {"latency_ms": 7}, "profile": "mine"}).profile == "mine"
    assert settings_from({"network": Profile("own", NetworkConditions())}).profile == "own"
    assert settings_from(None).network == NetworkConditions()


def test_seeds_are_drawn_and_recorded():
    one, two = WebSocketServerSimulator(), WebSocketServerSimulator({"seed": None})
    assert one.seed != two.seed
    assert one.history.attrs["wsim"]["run-1"]["seed"] == one.seed


def test_overrides_may_be_settings_or_conditions():
    sim = create_websocket_simulator("mars", latency_ms=5, seed=3, strict=True, time_scale=1.0)
    assert sim.network_conditions.latency_ms == 5
    assert (sim.seed, sim.settings.strict, sim.settings.time_scale) == (3, True, 1.0)
    assert sim.recorder.profile == "mars"
    sim = create_websocket_simulator("mars", network={"jitter_ms": 4})
    assert sim.network_conditions.jitter_ms == 4
    assert sim.network_conditions.latency_ms == 750_000


@pytest.mark.parametrize(
    "config",
    [
        {"seed": -1}, {"seed": 1.5}, {"seed": True}, {"strict": 1}, {"validate_messages": "yes"},
        {"max_history": 1.5}, {"time_scale": 0}, {"run": 5}, {"network": {"latency": 5}},
        {"network": {"latency_ms": "50"}}, {"sead": 1}, {"network": 5}, {"profile": "mras"},
    ],
)  # fmt: skip
def test_nonsense_is_refused(config):
    with pytest.raises(WsimError, match=r"is not|Known"):
        WebSocketServerSimulator(config)


def test_a_config_is_a_mapping():
    with pytest.raises(UsageError, match="mapping"):
        WebSocketServerSimulator("stressed")
    with pytest.raises(ConditionsError, match="latency_ms"):
        WebSocketServerSimulator({"network": {"latenc_ms": 5}})


def test_flags_can_be_changed_and_are_checked():
    sim = create_websocket_simulator("perfect")
    sim.validate_messages = False
    assert not sim.validate_messages
    for name in ("validate_messages", "record_messages"):
        with pytest.raises(ConditionsError, match=name):
            setattr(sim, name, 1)
    with pytest.raises(ConditionsError, match="max_history"):
        sim.max_history = "many"
