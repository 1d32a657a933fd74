"""Errors: one root, wrong values are ValueErrors, names come with the nearest known one."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from wsim import (
    PROFILES,
    Channel,
    Link,
    NetworkConditions,
    Traffic,
    WebSocketServerSimulator,
    concat,
    create_websocket_simulator,
    errors,
    fit_profile,
    load,
    profile,
    save,
    simulate,
)
from wsim.errors import ConditionsError, PayloadError, UsageError, WsimError


@pytest.mark.parametrize(
    "kind",
    ["ConditionsError", "UnknownNameError", "PayloadError", "FormatError", "ColumnsError"],
)
def test_wrong_values_are_value_errors(kind):
    assert issubclass(getattr(errors, kind), errors.WsimError)
    assert issubclass(getattr(errors, kind), ValueError)


def test_unknown_suggests_and_lists():
    error = errors.unknown("profile", "mras", ["perfect", "mars"])
    assert str(error) == "no profile 'mras'; did you mean 'mars'? Known: perfect, mars"
    assert str(errors.unknown("profile", "zzz", ["mars"])) == "no profile 'zzz'; Known: mars"
    assert isinstance(error, LookupError)


DRIVE = Traffic.periodic("driveCommands", 1, size_bytes=60)
CLEAN = NetworkConditions()
WRONG = {
    "seed of a simulation": (lambda: simulate(DRIVE, "lan", duration_s=1, seed="x"), "seed='x'"),
    "fraction": (lambda: simulate(DRIVE, "lan", duration_s=1, seed=1.5), "seed=1.5"),
    "negative": (lambda: simulate(DRIVE, "perfect", duration_s=1, seed=-1), "seed=-1"),
    "seed of a channel": (lambda: Channel(CLEAN, seed=-1), "seed=-1"),
    "flag": (lambda: Channel(CLEAN, seed=True), "seed=True"),
    "client of a channel": (lambda: Channel(CLEAN, client=-1), "client=-1"),
    "seed of a link": (lambda: Link(CLEAN, seed="x"), "seed='x'"),
    "traffic": (lambda: simulate("x", "lan", duration_s=1), "Traffic.periodic"),
    "timeline": (lambda: simulate(DRIVE, "lan", duration_s=1, timeline="x"), "Timeline"),
    "profile": (lambda: profile(["mras"]), "did you mean 'mars'"),
    "catalogue": (lambda: PROFILES["mras"], "did you mean 'mars'"),
    "catalogue, unhashable": (lambda: PROFILES[["mars"]], "did you mean 'mars'"),
    "network": (lambda: WebSocketServerSimulator({"network": []}), "no profile"),
    "load a number": (lambda: load(5), "path of a file"),
    "load nothing": (lambda: load(None), "path of a file"),
    "load numbers": (lambda: load([5]), "path of a file"),
    "save nothing": (lambda: save(None, "x.json"), "history"),
    "save nowhere": (lambda: save(None, 5), "path of a file"),
    "concat": (lambda: concat(5), "list of histories"),
    "concat numbers": (lambda: concat([5]), "takes histories"),
    "fit": (lambda: fit_profile(None), "history"),
    "replay": (lambda: Traffic.from_history("x"), "history"),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=list(WRONG))
def test_what_cannot_be_used_is_named(call, said):
    with pytest.raises(WsimError) as caught:
        call()
    assert said in str(caught.value)


def test_a_catalogue_still_gives_what_a_mapping_gives():
    assert PROFILES.get("mras") is None
    assert PROFILES.get("mars", 5) is PROFILES["mars"]
    assert "mras" not in PROFILES


async def test_clients_conditions_and_rover_state_of_the_wrong_type_are_named():
    sim = create_websocket_simulator("perfect", seed=1)
    await sim.connect("a")
    odd: Any = ["a"]
    for send in (sim.receive, sim.emit, sim.call):
        with pytest.raises(UsageError, match="client id"):
            await send("driveCommands", {"linear": 1.0}, odd)
    for send in (sim.receive_nowait, sim.emit_nowait):
        with pytest.raises(UsageError, match="client id"):
            send("driveCommands", {"linear": 1.0}, odd)
    with pytest.raises(UsageError, match="client id"):
        await sim.disconnect(odd)
    with pytest.raises(UsageError, match="client id"):
        sim.client_state(odd)
    with pytest.raises(UsageError, match="client_id"):
        sim.get_message_history(client_id=odd)
    with pytest.raises(ConditionsError, match="no network condition '5'"):
        sim.set_network_conditions({5: 3})
    with pytest.raises(PayloadError, match="rover state 'lock'"):
        sim.update_rover_state({"battery": 5, "lock": threading.Lock()})
    assert sim.get_rover_state() == {}
    with pytest.raises(UsageError, match="path of a file"):
        sim.export_history(5)
    assert len(sim.history) == 0
    assert await sim.receive("driveCommands", {"linear": 1.0}, "a")
    assert not await sim.receive("driveCommands", {"linear": 1.0}, 5)
    assert not await sim.receive("driveCommands", {"linear": 1.0}, None)
