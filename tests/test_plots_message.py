"""The waterfall of one message, and the picture of a profile."""

import numpy as np
import pytest
from frames import make

import wsim.analysis.plots as plots
from wsim import Channel, NetworkConditions
from wsim.analysis.plots.profile import rates, trial
from wsim.analysis.plots.style import description, figure_of, png
from wsim.errors import ColumnsError, UnknownNameError


def bars(ax):
    return {bar.get_gid(): (bar.get_x(), bar.get_width()) for bar in ax.patches}


def test_the_parts_of_a_message_follow_each_other():
    frame = make([0.0], 130.0, propagation_ms=100.0, queue_ms=40.0, jitter_ms=-10.0)
    ax = plots.plot_message(frame.iloc[0])
    assert bars(ax) == {
        "queue_ms": (0.0, 40.0), "propagation_ms": (40.0, 100.0), "jitter_ms": (140.0, -10.0),
    }  # fmt: skip
    assert "130 ms" in ax.get_title(loc="left")
    png(ax)


def test_a_transit_is_a_message_too():
    conditions = NetworkConditions(
        latency_ms=20, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=1
    )
    channel = Channel(conditions)
    channel.send(0, 12_500)
    (transit,) = channel.advance(120_000_000)
    assert bars(plots.plot_message(transit)) == {
        "serialization_ms": (0.0, 100.0), "propagation_ms": (100.0, 20.0),
    }  # fmt: skip


def test_a_lost_message_says_why():
    ax = plots.plot_message(make([0.0], np.nan, event_name="$<b>").iloc[0])
    assert any("lost" in text.get_text() for text in ax.texts)
    assert "lost" in description(ax)
    png(ax)
    with pytest.raises(ColumnsError, match="nothing to explain"):
        plots.plot_message({"speed": 1})


def test_a_profile_is_shown_by_latency_losses_and_rate():
    ax = plots.plot_profile("stressed")
    titles = [each.get_title(loc="left") for each in figure_of(ax).axes]
    assert titles == ["Latency: histogram", "Loss runs", "Rate under overload"]
    assert "stressed" in description(ax)
    png(ax)
    with pytest.raises(UnknownNameError, match="did you mean 'stressed'"):
        plots.plot_profile("stresed")


def test_given_axes_take_the_latency_alone():
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert plots.plot_profile("default", ax=ax) is ax
    assert figure.axes == [ax]


def test_the_trial_is_seeded_and_true_to_the_conditions():
    conditions = NetworkConditions(latency_ms=70, jitter_ms=5, disconnect_rate=0)
    frame = trial(conditions, seed=1)
    assert frame.equals(trial(conditions, seed=1))
    assert frame["latency_ms"].median() == pytest.approx(70, abs=1)
    assert (frame["fate"] == "dropped").mean() == pytest.approx(0.01, abs=0.003)


def test_an_overloaded_link_carries_its_rate():
    _, rate = rates(NetworkConditions(bandwidth_mbps=8.0))
    assert np.median(rate) == pytest.approx(8.0, rel=0.02)
    assert rates(NetworkConditions(bandwidth_mbps=None)) is None


@pytest.mark.parametrize("name", ["perfect", "mars", "geo", "lte_driving"])
def test_other_profiles_can_be_drawn(name):

    png(plots.plot_profile(name))
