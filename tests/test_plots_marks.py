"""What happened beside the messages: changes, lost connections, outages that were felt."""

import numpy as np
import pandas as pd
from frames import make, periodic

from wsim.analysis.plots.marks import changes, draw_marks, merged, outages
from wsim.analysis.plots.style import new_axes


def told(**facts):
    frame = periodic(10, 10, 50.0)
    frame.attrs["wsim"] = {"run-1": facts, "another run": {"changes": [{"at_s": 1.0}]}}
    return frame


def connection(at, state, client="c"):
    return {"at_s": at, "client_id": client, "state": state}


def test_changes_after_the_start_are_marks_and_other_runs_are_not():
    frame = told(changes=[{"at_s": 0.0, "profile": "a"}, {"at_s": 4.0, "profile": "b"}])
    assert [(c.at_s, c.label) for c in changes(frame)] == [(4.0, "b")]


def test_a_span_lasts_until_the_client_is_back_or_the_run_ends():
    frame = told(
        duration_s=9.0,
        connections=[
            connection(0, "CONNECTED"), connection(2, "ConnectionState.RECONNECTING"),
            connection(3, "connected"), connection(8, "disconnected"),
        ],
    )  # fmt: skip
    assert [(s.start_s, s.end_s) for s in outages(frame)] == [(2.0, 3.0), (8.0, 9.0)]


def test_each_client_is_followed_by_itself():
    frame = told(
        connections=[
            connection(1, "cut", "a"), connection(2, "cut", "b"),
            connection(3, "connected", "a"), connection(4, "connected", "b"),
        ]
    )  # fmt: skip
    assert len(outages(frame)) == 2
    assert merged(outages(frame)) == [(1.0, 4.0)]


def test_outages_are_known_by_what_they_lost_or_held_up():
    created = np.arange(0, 10, 0.1)
    lost = (created >= 2) & (created < 3)
    cause = np.where(lost, "outage", "")
    held = np.where((created > 6.05) & (created < 6.95), (7.0 - created) * 1e3, 0.0)
    frame = make(created, 50.0, lost=lost, cause=cause, outage_ms=held)
    (first, second) = outages(frame)
    assert np.allclose(first[:2], (2.0, 2.9))
    assert np.allclose(second[:2], (6.1, 7.0))


def test_one_run_is_shaded_and_several_get_strips():
    frame = told(connections=[connection(1, "cut"), connection(2, "connected")])
    ax = new_axes(None)
    draw_marks(ax, frame)
    assert [patch.get_height() for patch in ax.patches] == [1.0]
    both = pd.concat([frame, frame.assign(run="run-2")])
    facts = frame.attrs["wsim"]["run-1"]
    both.attrs["wsim"] = {"run-1": facts, "run-2": facts}
    ax = new_axes(None)
    draw_marks(ax, both)
    assert len(ax.patches) == 2
    assert all(patch.get_height() < 0.1 for patch in ax.patches)
    assert len({patch.get_y() for patch in ax.patches}) == 2


def test_strange_notes_do_no_harm():
    frame = make([0.0])
    frame.attrs["wsim"] = "nonsense"
    assert changes(frame) == []
    assert outages(frame) == []
    assert outages(make([])) == []
    assert outages(pd.DataFrame({"latency_ms": [1.0]})) == []
