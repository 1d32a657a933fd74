"""Whole runs at once."""

from __future__ import annotations

import numpy as np
import pytest

from wsim import PROFILES, Traffic, create_websocket_simulator, run, simulate
from wsim.errors import UnknownNameError, UsageError
from wsim.schema import COLUMN_NAMES, PARTS
from wsim.timeline import Timeline

DRIVE = Traffic.periodic("driveCommands", 20, size_bytes=60)


def test_the_frame_has_the_schema_and_the_notes_of_the_run():
    frame = simulate(DRIVE, "stressed", duration_s=30, seed=9, run="trial", clients=2)
    assert tuple(frame.columns) == COLUMN_NAMES
    assert len(frame) == 1200
    notes = frame.attrs["wsim"]["trial"]
    assert (notes["seed"], notes["profile"], notes["duration_s"]) == (9, "stressed", 30)
    assert notes["conditions"]["latency_ms"] == 200.0
    assert notes["max_history"] is None
    assert frame["message_id"].is_unique
    assert frame["latency_ms"].notna().sum() == (frame["fate"] == "delivered").sum()
    arrived = frame[frame["fate"] == "delivered"]
    parts = arrived[list(PARTS)].sum(axis=1)
    assert np.allclose(parts, arrived["latency_ms"])


def test_sessions_are_noted():
    network = PROFILES["stressed"].conditions.replace(disconnect_rate=0.05)
    frame = simulate(DRIVE, network, duration_s=60, seed=1)
    states = [note["state"] for note in frame.attrs["wsim"]["run-1"]["connections"]]
    assert states[:3] == ["connected", "reconnecting", "connected"]
    assert frame["session"].max() == states.count("connected")
    assert set(frame["cause"]) >= {"disconnected", "not_connected"}


def test_a_timeline_is_recorded_as_profiles_and_changes():
    timeline = Timeline().at(5, profile="mars_near").at(10, restore=True)
    frame = simulate(DRIVE, "perfect", duration_s=15, seed=1, timeline=timeline)
    notes = frame.attrs["wsim"]["run-1"]
    assert [(c["at_s"], c["profile"]) for c in notes["changes"]] == [
        (5.0, "mars_near"), (10.0, "perfect"),
    ]  # fmt: skip
    slow = frame[(frame["created_s"] >= 5) & (frame["created_s"] < 10)]
    assert (slow["propagation_ms"] == 182_000).all()


def test_recorded_payloads_are_validated_as_in_the_simulator():
    async def main():
        sim = create_websocket_simulator("perfect", seed=1)
        client = await sim.connect()
        for command in ({"linear": 0.5}, {"linear": "fast"}, {"linear": 1.0}):
            await sim.receive("driveCommands", command, client)
            await sim.emit("systemStatus", {"battery": "full"}, client)
            await sim.sleep(0.1)
        return sim.history

    replay = simulate(Traffic.from_history(run(main())), "default", seed=1)
    assert replay["direction"].unique().tolist() == ["inbound"]
    assert replay["fate"].tolist() == ["delivered", "refused", "delivered"]
    assert replay["cause"].tolist() == ["", "validation", ""]
    assert replay["data"].tolist()[0] == {"linear": 0.5}


def test_progress_is_told():
    shares = []
    simulate(DRIVE, "perfect", duration_s=1, clients=4, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_nothing_sent_is_an_empty_history():
    frame = simulate(Traffic(), "perfect", duration_s=5)
    assert tuple(frame.columns) == COLUMN_NAMES
    assert len(frame) == 0


@pytest.mark.parametrize("clients", [0, -1, 1.5, True, "two"])
def test_nonsense_is_refused(clients):
    with pytest.raises(UsageError, match="clients"):
        simulate(DRIVE, "perfect", duration_s=1, clients=clients)


def test_an_unknown_profile_is_refused():
    with pytest.raises(UnknownNameError, match="mars"):
        simulate(DRIVE, "mras", duration_s=1)


def test_common_random_numbers_pair_two_networks():
    quiet = simulate(DRIVE, PROFILES["default"], duration_s=60, seed=3)
    lossy = simulate(
        DRIVE, PROFILES["default"].replace(packet_loss_rate=0.2), duration_s=60, seed=3
    )
    quiet, lossy = (
        frame.sort_values("message_id").reset_index(drop=True) for frame in (quiet, lossy)
    )
    both = (quiet["fate"] == "delivered") & (lossy["fate"] == "delivered")
    assert both.sum() > 500
    assert np.array_equal(quiet["jitter_ms"][both], lossy["jitter_ms"][both])
    assert (quiet["cause"] == "loss").sum() < (lossy["cause"] == "loss").sum()
    lost = quiet["cause"] == "loss"
    assert (lossy["cause"][lost] == "loss").all()
