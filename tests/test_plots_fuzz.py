"""Random histories, however odd, are drawn without a warning and say what they show."""

import numpy as np
import pandas as pd
import pytest
from frames import make
from hypothesis import given, settings
from hypothesis import strategies as st

import wsim.analysis.plots as plots
from wsim.analysis.plots.style import description
from wsim.schema import CAUSES, DIRECTIONS, FATES

NAMES = st.sampled_from(["a", "$b$", "日本", "", "driveCommands", "emergencyStop"])
TIMES = st.sampled_from([0.0, 0.05, 1.0, 1e-9, 1e6, -3.0, float("nan"), float("inf")])
ROW = st.tuples(
    TIMES,
    st.sampled_from([0.0, 50.0, 1e-3, 1e9, -20.0, float("nan"), float("inf")]),
    st.sampled_from(FATES), st.sampled_from(CAUSES), NAMES, NAMES, st.sampled_from(DIRECTIONS),
    st.sampled_from([0, 1]),
    st.sampled_from([None, {"linear": 1.0}, {"linear": "x"}, [], "{", {"xVel": 2, "rotVel": True}]),
)  # fmt: skip
PLOTS = [
    plots.plot_age, plots.plot_delay_parts, plots.plot_drop_rate, plots.plot_latency,
    plots.plot_latency_over_time, plots.plot_loss_runs, plots.plot_path, plots.plot_timeline,
]  # fmt: skip


def frame_of(rows):
    created, latency, fate, cause, event, profile, direction, copy, data = zip(*rows, strict=True)
    latency = np.array(latency)
    frame = make(
        np.array(created), latency, fate=fate, cause=cause, event_name=event, profile=profile,
        run=profile, direction=direction, copy=copy, outage_ms=np.abs(latency),
    )  # fmt: skip
    frame["data"] = pd.Series(list(data), dtype=object)
    return frame


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
@given(rows=st.lists(ROW, min_size=1, max_size=30))
@settings(deadline=None, max_examples=8)
def test_no_history_is_too_odd_to_draw(plot, rows):
    ax = plot(frame_of(rows))
    assert description(ax)
    ax.get_figure().canvas.draw()
