"""Recipes of traffic and their layouts."""

from __future__ import annotations

import numpy as np
import pytest

from wsim import Traffic, simulate
from wsim.errors import ColumnsError, ConditionsError, PayloadError, UsageError


def test_periodic_traffic_is_exact_and_does_not_drift():
    layout = Traffic.periodic("drive", 3.0, size_bytes=10).layout(1_000)
    assert len(layout) == 3000
    assert np.array_equal(layout.times_ns, np.rint(np.arange(3000) / 3.0 * 1e9))
    later = Traffic.periodic("drive", 2.0, size_bytes=10, start_s=5).layout(6)
    assert later.times_ns.tolist() == [5_000_000_000, 5_500_000_000]


def test_poisson_traffic_has_its_rate_its_gaps_and_its_seed():
    traffic = Traffic.poisson("x", 50, size_bytes=10)
    layout = traffic.layout(1_000, seed=4)
    assert abs(len(layout) - 50_000) < 4 * np.sqrt(50_000)  # four standard deviations
    gaps = np.diff(layout.times_ns) / 1e9
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)
    assert np.array_equal(layout.times_ns, traffic.layout(1_000, seed=4).times_ns)
    assert not np.array_equal(layout.times_ns[:99], traffic.layout(1_000, seed=5).times_ns[:99])
    shorter = traffic.layout(10, seed=4)
    assert np.array_equal(layout.times_ns[: len(shorter)], shorter.times_ns)


def test_sums_are_merged_by_time_in_the_order_of_the_sources():
    a = Traffic.periodic("a", 2, size_bytes=1)
    b = Traffic.periodic("b", 4, size_bytes=2, direction="outbound")
    layout = (a + b + a).layout(1.0)
    names = [layout.event_names[code] for code in layout.events]
    assert names == ["a", "b", "a", "b", "a", "b", "a", "b"]
    assert layout.sizes.tolist() == [1, 2, 1, 2, 1, 2, 1, 2]
    assert layout.outbound.tolist() == [name == "b" for name in names]
    assert len(Traffic().layout(5.0)) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"rate_hz": 0}, ConditionsError), ({"rate_hz": float("nan")}, ConditionsError),
        ({"size_bytes": -1}, ConditionsError), ({"size_bytes": 1.5}, ConditionsError),
        ({"direction": "up"}, ConditionsError), ({"event": ""}, PayloadError),
        ({"start_s": -1}, ConditionsError), ({"rate_hz": "20"}, ConditionsError),
    ],
)  # fmt: skip
def test_nonsense_is_refused(arguments, error):
    given = {"event": "x", "rate_hz": 1.0, "size_bytes": 1, **arguments}
    with pytest.raises(error):
        Traffic.periodic(given.pop("event"), given.pop("rate_hz"), **given)


def test_more_than_a_machine_can_hold_is_refused_with_its_reason():
    with pytest.raises(ConditionsError, match="lower the rate"):
        Traffic.periodic("x", 1e6, size_bytes=1).layout(1e6)


def test_a_history_becomes_traffic_again():
    source = Traffic.periodic("drive", 20, size_bytes=60) + Traffic.periodic(
        "status", 5, size_bytes=90, direction="outbound"
    )
    frame = simulate(source, "stressed", duration_s=20, seed=1, clients=2)
    again = Traffic.from_history(frame)
    assert again.duration_s == pytest.approx(19.95)
    replay = simulate(again, "perfect")
    assert len(replay) == len(frame)
    assert set(replay["client_id"]) == {"client-1", "client-2"}
    same = simulate(again, "stressed", seed=1)
    key = ["client_id", "direction", "created_s", "event_name"]
    left, right = (f.astype({"client_id": str}).sort_values(key) for f in (frame, same))
    assert np.array_equal(left["delivered_s"], right["delivered_s"], equal_nan=True)


def test_what_never_reached_a_network_is_not_replayed():
    frame = simulate(Traffic.periodic("x", 5, size_bytes=9), "perfect", duration_s=2)
    frame["cause"] = frame["cause"].astype(object)
    frame.loc[3, "cause"] = "unknown_client"
    assert len(Traffic.from_history(frame).layout(10)) == 9


def test_histories_that_cannot_be_played_are_refused():
    frame = simulate(Traffic.periodic("x", 5, size_bytes=9), "perfect", duration_s=2)
    with pytest.raises(ColumnsError, match="size_bytes"):
        Traffic.from_history(frame.drop(columns="size_bytes"))
    other = frame.assign(run="other").astype({"run": str})
    import pandas as pd

    with pytest.raises(ColumnsError, match="several runs"):
        Traffic.from_history(pd.concat([frame.astype({"run": str}), other]))
    with pytest.raises(ColumnsError, match="recipes"):
        (Traffic.from_history(frame) + Traffic.periodic("y", 1, size_bytes=1)).layout(2)


def test_recipes_need_a_duration():
    with pytest.raises(UsageError, match="duration_s"):
        simulate(Traffic.periodic("x", 5, size_bytes=9), "perfect")
