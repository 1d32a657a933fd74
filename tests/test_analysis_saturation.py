"""More than TCP carries: told from the history as the run itself warned of it."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from wsim.analysis.saturation import CONSEQUENCE, saturation_notes
from wsim.batch import simulate
from wsim.profiles import profile
from wsim.tcp import SaturationWarning
from wsim.traffic import Traffic


def run(clients: int = 1, **conditions: object) -> tuple[pd.DataFrame, list[str]]:
    """Return a run of camera pictures and the texts it warned with."""
    traffic = Traffic.periodic("driveCommands", 20, size_bytes=60)
    traffic += Traffic.periodic("cameraFeed", 10, size_bytes=30_000, direction="outbound")
    network = profile("perfect").replace(name="net", latency_ms=100.0, **conditions)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SaturationWarning)
        frame = simulate(traffic, network, duration_s=5.0, seed=1, clients=clients)
    return frame, [str(one.message) for one in caught]


def notes(frame: pd.DataFrame) -> list[str]:
    """Return what the history tells."""
    return saturation_notes("net", frame, next(iter(frame.attrs["wsim"].values())))


@pytest.mark.parametrize("clients", [1, 3])
def test_the_history_tells_what_the_run_warned_of(clients: int) -> None:
    frame, texts = run(clients, transport="tcp", packet_loss_rate=0.2)
    assert texts
    assert notes(frame) == [f"net, {text}; {CONSEQUENCE}" for text in texts]


@pytest.mark.parametrize(
    "conditions",
    [
        {"transport": "datagram", "packet_loss_rate": 0.2},
        {"transport": "tcp", "packet_loss_rate": 0.0},
        {"transport": "tcp", "packet_loss_rate": 0.2, "congestion_control": "bbr"},
    ],
)
def test_other_networks_are_not_said_to_be_overloaded(conditions: dict[str, object]) -> None:
    frame, texts = run(**conditions)
    assert texts == notes(frame) == []


def test_poor_histories_tell_nothing() -> None:
    frame, _ = run(transport="tcp", packet_loss_rate=0.2)
    facts = next(iter(frame.attrs["wsim"].values()))
    assert saturation_notes("net", frame, {}) == []
    assert saturation_notes("net", frame.drop(columns="size_bytes"), facts) == []
    assert saturation_notes("net", frame, {"conditions": {"unheard_of": 1}}) == []
    bare = frame[["size_bytes", "created_s"]]
    assert len(saturation_notes("net", bare, {"conditions": facts["conditions"]})) == 1
