"""Every picture draws what the frame says: the artists' data are checked, not pixels."""

import numpy as np
import pandas as pd
import pytest
from frames import make, periodic

import wsim.analysis.plots as plots
from wsim.analysis.plots.shift import LOOKS
from wsim.analysis.plots.style import description, png
from wsim.errors import ColumnsError, ConditionsError, UnknownNameError

FRAME_PLOTS = [
    plots.plot_age,
    plots.plot_delay_parts,
    plots.plot_drop_rate,
    plots.plot_latency,
    plots.plot_latency_over_time,
    plots.plot_loss_runs,
    plots.plot_path,
    plots.plot_timeline,
]
KINDS = ["ecdf", "ccdf", "percentiles", "histogram", "ridge"]


def two_profiles(n=200):
    rng = np.random.default_rng(1)
    near = periodic(20, n / 20, rng.normal(50, 5, n), profile="near", run="a")
    far = periodic(20, n / 20, rng.normal(200, 20, n), lost=rng.random(n) < 0.1, profile="far",
                   run="b")  # fmt: skip
    frame = pd.concat([near, far], ignore_index=True)
    for column in ("profile", "run", "cause", "fate"):
        frame[column] = frame[column].astype("category")
    frame["data"] = [{"linear": 0.5, "angular": 0.1}] * len(frame)
    return frame


def with_story(frame):
    frame.attrs["wsim"] = {
        "a": {
            "changes": [
                {"at_s": 0, "profile": "near", "conditions": {}},
                {"at_s": 4.0, "profile": "$worse$", "conditions": {}},
            ],
            "connections": [
                {"at_s": 0, "client_id": "c", "state": "connected"},
                {"at_s": 2.0, "client_id": "c", "state": "reconnecting"},
                {"at_s": 3.0, "client_id": "c", "state": "connected"},
            ],
            "duration_s": 10.0,
        }
    }
    return frame


def line(ax, gid):
    return next(item for item in ax.get_lines() if item.get_gid() == gid)


@pytest.mark.parametrize("plot", FRAME_PLOTS)
def test_every_picture_has_a_title_labels_and_words(plot):
    ax = plot(with_story(two_profiles()))
    assert ax.get_title(loc="left")
    assert ax.get_xlabel() or ax.get_xticklabels()
    assert "near" in description(ax) or "driveCommands" in description(ax)
    png(ax)


@pytest.mark.parametrize("plot", FRAME_PLOTS)
@pytest.mark.parametrize(
    "frame",
    [
        make([]),
        make([0.0]),
        make([0.0], np.nan),
        make(np.arange(50) / 10, np.nan),
        make(np.arange(5) / 10, [np.inf, 10, np.nan, -5, 20], fate="delivered"),
        make([np.nan, np.nan], 10.0),
    ],
    ids=["empty", "one", "one lost", "all lost", "odd times", "no times"],
)
def test_poor_data_are_drawn_or_explained(plot, frame):
    ax = plot(frame)
    assert ax.get_title(loc="left")
    png(ax)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frame", [make([]), make([0.0], np.nan), make([0.0, 1.0], 0.0)])
def test_every_kind_of_latency_bears_poor_data(kind, frame):
    png(plots.plot_latency(frame, kind=kind))


@pytest.mark.parametrize("plot", FRAME_PLOTS)
def test_hostile_names_are_drawn_as_text(plot):
    frame = periodic(10, 5, profile=r"$\frac{<b>", event_name="driveCommands", client_id="日")
    png(plot(frame))


@pytest.mark.parametrize("plot", FRAME_PLOTS)
def test_a_given_axes_is_used_and_returned(plot):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plot(two_profiles(), ax=ax) is ax


@pytest.mark.parametrize("plot", FRAME_PLOTS)
def test_missing_columns_are_named(plot):
    with pytest.raises(ColumnsError, match="column"):
        plot(pd.DataFrame({"speed": [1, 2]}))


def test_the_ecdf_ends_at_the_delivery_ratio():
    frame = make(np.arange(10), [10, 20, 30, 40, *[np.nan] * 6])
    ax = plots.plot_latency(frame)
    x, y = ax.get_lines()[0].get_data()
    assert list(x) == [10, 20, 30, 40]
    assert np.allclose(y, [0.1, 0.2, 0.3, 0.4])
    assert "n = 10" in ax.get_legend().get_texts()[0].get_text()


def test_the_ccdf_flattens_at_the_loss_rate():
    ax = plots.plot_latency(make(np.arange(4), [10, 20, 30, np.nan]), kind="ccdf")
    assert np.allclose(ax.get_lines()[0].get_ydata(), [0.75, 0.5, 0.25])
    assert ax.get_yscale() == "log"


def test_percentiles_stretch_the_tail():
    ax = plots.plot_latency(make(np.arange(99), np.arange(1.0, 100)), kind="percentiles")
    x, y = ax.get_lines()[0].get_data()
    p90 = y[np.argmin(abs(x - 10))]
    assert p90 == pytest.approx(90, abs=1.1)
    assert ax.get_xscale() == "log"


def test_a_ridge_marks_the_medians():
    ax = plots.plot_latency(two_profiles(), kind="ridge")
    medians = sorted(item.get_xdata()[0] for item in ax.get_lines())
    frame = two_profiles()
    wanted = sorted(frame.groupby("profile", observed=True)["latency_ms"].median())
    assert np.allclose(medians, wanted)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'ecdf'"):
        plots.plot_latency(make([0.0]), kind="edcf")
    with pytest.raises(UnknownNameError, match="Known: bar, time"):
        plots.plot_drop_rate(make([0.0]), kind="pie")


def test_duplicates_and_refused_messages_are_not_drawn_as_latencies():
    frame = make([0, 1, 2], [10.0, 20.0, 30.0], copy=[0, 1, 0],
                 fate=["delivered", "delivered", "refused"])  # fmt: skip
    assert list(plots.plot_latency(frame).get_lines()[0].get_xdata()) == [10.0]


def test_bars_of_drop_rates_carry_their_interval():
    from wsim.analysis.intervals import wilson

    frame = make(np.arange(100), 10.0, lost=np.arange(100) < 7)
    ax = plots.plot_drop_rate(frame)
    assert ax.patches[0].get_height() == pytest.approx(0.07)
    low, high = wilson(7, 100)[1:3]
    ends = ax.containers[-1].lines[2][0].get_segments()[0][:, 1]
    assert np.allclose(ends, [low, high])


def test_drop_rates_over_time_count_by_sending_time():
    frame = make(np.arange(100) / 10, 10.0, lost=np.arange(100) >= 90)
    ax = plots.plot_drop_rate(frame, kind="time", bin_s=1.0)
    steps = ax.patches[0].get_data().values
    assert list(steps[:9]) == [0.0] * 9
    assert steps[9] == 1.0
    with pytest.raises(ConditionsError, match="bin_s"):
        plots.plot_drop_rate(frame, kind="time", bin_s=0)


def test_the_timeline_shows_each_fate_in_its_own_row():
    frame = make([0, 1, 2, 3], [10.0, 300.0, np.nan, 10.0])
    ax = plots.plot_timeline(frame, late_ms=200)
    assert list(line(ax, "sent:0").get_xdata()) == [0, 1, 2, 3]
    assert list(line(ax, "delivered:0").get_xdata()) == [0.01, 3.01]
    assert list(line(ax, "late:0").get_xdata()) == [1.3]
    assert list(line(ax, "dropped:0").get_xdata()) == [2]


def test_the_timeline_zooms():
    frame = make(np.arange(100) / 10, 10.0)
    ax = plots.plot_timeline(frame, window=(2, 3))
    assert ax.get_xlim() == (2, 3)
    assert line(ax, "sent:0").get_xdata().min() >= 2
    with pytest.raises(ConditionsError, match="start before the end"):
        plots.plot_timeline(frame, window=(3, 2))


def test_outages_are_shaded_and_changes_marked():
    ax = plots.plot_latency_over_time(with_story(two_profiles()))
    spans = [p for p in ax.patches if p.get_gid() == "outage"]
    assert len(spans) == 1
    assert spans[0].get_x() == 2.0
    assert spans[0].get_width() == 1.0
    assert list(line(ax, "change").get_xdata()) == [4.0, 4.0]


def test_the_course_keeps_every_extreme_of_a_long_run():
    rng = np.random.default_rng(2)
    frame = periodic(1000, 100, rng.exponential(20, 100_000) + 10)
    ax = plots.plot_latency_over_time(frame)
    shown = line(ax, "dots:0").get_ydata()
    assert len(shown) < 60_000
    assert shown.max() == frame["latency_ms"].max()
    assert shown.min() == frame["latency_ms"].min()


def test_medians_are_those_of_the_steps():
    frame = make(np.arange(20) / 10, np.arange(20.0))
    ax = plots.plot_latency_over_time(frame, bin_s=1.0)
    assert list(line(ax, "median:0").get_ydata()) == [4.5, 14.5]


def test_the_age_rises_to_latency_plus_interval():
    frame = periodic(20, 2, 50.0)
    ax = plots.plot_age(frame)
    age = line(ax, "age:default").get_ydata()
    assert age.min() == pytest.approx(50)
    assert age.max() == pytest.approx(100)
    assert line(ax, "watchdog").get_ydata()[0] == 500


def test_a_zoomed_age_still_reaches_the_edges():
    ax = plots.plot_age(periodic(20, 10, 50.0), window=(4, 5))
    x = line(ax, "age:default").get_xdata()
    assert x.min() <= 4
    assert x.max() >= 5


def test_loss_runs_are_counted_by_stream():
    lost = np.array([0, 1, 1, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
    ax = plots.plot_loss_runs(make(np.arange(10), 10.0, lost=lost))
    x, y = line(ax, "runs:0").get_data()
    assert list(x) == [1, 2, 3]
    assert np.allclose(y, [1, 2 / 3, 1 / 3])
    straight = line(ax, "independent:0").get_ydata()
    assert np.allclose(straight, [1, 0.6, 0.36])


def test_refused_messages_are_no_losses():
    fate = ["delivered", "refused", "dropped", "refused", "delivered"]
    ax = plots.plot_loss_runs(make(np.arange(5), [10, 10, np.nan, 10, 10], fate=fate))
    assert list(line(ax, "runs:0").get_xdata()) == [1]


def test_delay_parts_add_up_to_the_mean_latency():
    frame = make(np.arange(4), 60.0, propagation_ms=40.0, queue_ms=15.0, jitter_ms=5.0)
    ax = plots.plot_delay_parts(frame, share=False)
    widths = {bar[0].get_gid(): bar[0].get_width() for bar in ax.containers}
    assert widths == {"propagation_ms": 40.0, "queue_ms": 15.0, "jitter_ms": 5.0}
    assert [t.get_text() for t in ax.texts if t.get_gid() == "total"] == ["60 ms"]


def test_delays_far_apart_are_shown_as_shares():
    frame = pd.concat([make([0.0], 10.0, profile="a"), make([0.0], 1e6, profile="b")])
    assert plots.plot_delay_parts(frame).get_xlabel() == "share of the mean delay"


def test_frames_without_parts_say_so():
    with pytest.raises(ColumnsError, match="did not record where the time went"):
        plots.plot_delay_parts(pd.DataFrame({"created_s": [0.0], "latency_ms": [1.0]}))


def test_a_full_circle_returns_to_its_start():
    n = 100
    turn = {"linear": 1.0, "angular": 2 * np.pi / 10}
    frame = make(np.arange(n) / 10, 50.0, data=[turn] * n)
    ax = plots.plot_path(frame, watchdog_s=0.1)
    path = line(ax, "path:0")
    assert path.get_xdata()[-1] == pytest.approx(0, abs=1e-9)
    assert path.get_ydata()[-1] == pytest.approx(0, abs=1e-9)
    assert path.get_ydata().max() == pytest.approx(10 / np.pi, rel=1e-3)


def test_the_watchdog_stops_a_rover_that_hears_nothing():
    frame = make([0, 1, 10], 0.0, data=[{"linear": 2.0}] * 2 + [{"linear": 0.0}])
    ax = plots.plot_path(frame, watchdog_s=0.5)
    assert line(ax, "path:0").get_xdata()[-1] == pytest.approx(2.0)
    assert line(ax, "intended").get_xdata()[-1] == pytest.approx(20.0)
    assert "2 watchdog stops" in ax.get_legend().get_texts()[1].get_text()


def test_an_emergency_stop_halts_and_payloads_of_real_rovers_are_read():
    frame = make([0, 1, 2], 0.0, event_name=["driveCommands", "emergencyStop", "driveCommands"],
                 data=[{"xVel": 1.0, "yVel": 0.5, "rotVel": 0.0}, {}, "nonsense"])  # fmt: skip
    ax = plots.plot_path(frame, watchdog_s=10)
    path = line(ax, "path:0")
    assert path.get_xdata()[-1] == pytest.approx(1.0)
    assert path.get_ydata()[-1] == pytest.approx(0.5)


def test_after_an_emergency_stop_the_rover_waits_for_a_zero():
    go, stay = {"linear": 1.0}, {"linear": 0.0}
    events = ["driveCommands", "E_STOP", "driveCommands", "driveCommands", "driveCommands"]
    frame = make(np.arange(5), 0.0, event_name=events, data=[go, None, go, stay, go])
    ax = plots.plot_path(frame, watchdog_s=1.0)
    assert line(ax, "path:0").get_xdata()[-1] == pytest.approx(2.0)


def comparison():
    return pd.DataFrame(
        {
            "metric": ["p50_ms", "p99_ms", "drop_rate", "sent"],
            "difference": [41.0, np.nan, 0.1, -3.0],
            "low": [38.0, np.nan, 0.08, np.nan],
            "high": [44.0, np.nan, 0.12, np.nan],
            "verdict": ["worse", "not enough data", "worse", "not distinguishable"],
        }
    )


def test_differences_show_one_unit_with_intervals():
    ax = plots.plot_differences(comparison())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["p50"]
    assert list(line(ax, "interval:0").get_xdata()) == [38, 44]
    assert list(line(ax, "difference:0").get_xdata()) == [41]
    ax = plots.plot_differences(comparison(), unit="share")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["drop rate"]
    assert "worse" in description(ax)


def test_differences_that_cannot_be_drawn_say_so():
    png(plots.plot_differences(comparison().iloc[:0]))
    with pytest.raises(UnknownNameError, match="Known: ms, share, number"):
        plots.plot_differences(comparison(), unit="m")
    with pytest.raises(ColumnsError, match="metric"):
        plots.plot_differences(make([0.0]))


def test_a_shift_says_which_quantiles_moved_for_sure():
    table = pd.DataFrame(
        {"quantile": [0.1, 0.5, 0.9, 0.999], "difference": [-5.0, 1.0, 40.0, 90.0],
         "low": [-7.0, -2.0, 35.0, np.nan], "high": [-3.0, 4.0, 45.0, np.nan]}
    )  # fmt: skip
    ax = plots.plot_shift(table)
    shown = {gid: list(line(ax, f"shift:{gid}").get_xdata()) for gid, *_ in LOOKS}
    assert shown == {"slower": [2], "faster": [0], "not distinguishable": [1, 3]}
    assert "90 %: 40 ms" in description(ax)
    png(ax)
    png(plots.plot_shift(table.iloc[:0]))


def test_a_shift_is_drawn_from_two_histories():
    from wsim.analysis.shift import shift_function

    frame = two_profiles(2400)
    near, far = (frame[frame["profile"] == name] for name in ("near", "far"))
    ax = plots.plot_shift(shift_function(near, far))
    assert line(ax, "shift:slower").get_ydata().min() > 50


def test_thresholds_are_named_presets_or_given():
    ax = plots.plot_latency(make([0.0, 1], [50.0, 90.0]), thresholds="perception")
    assert [item.get_xdata()[0] for item in ax.get_lines() if item.get_gid() == "threshold"] == [
        100, 200, 400,
    ]  # fmt: skip
    ax = plots.plot_latency(make([0.0, 1], [50.0, 90.0]), thresholds={"ours": 70})
    assert any("ours 70 ms" in text.get_text() for text in ax.texts)
    with pytest.raises(UnknownNameError, match="did you mean 'planning'"):
        plots.plot_latency(make([0.0]), thresholds="planing")
    with pytest.raises(ConditionsError, match="positive"):
        plots.plot_latency(make([0.0]), thresholds={"bad": -1})


def test_a_preset_can_be_added(monkeypatch):
    monkeypatch.setitem(plots.THRESHOLDS, "ours", plots.Thresholds(((80.0, "too late"),), "us"))
    ax = plots.plot_latency(make([0.0]), thresholds="ours")
    assert any("too late" in text.get_text() for text in ax.texts)


def test_many_groups_are_limited_and_said():
    frame = make(np.arange(60) / 10, 10.0, profile=[f"p{i % 20}" for i in range(60)])
    ax = plots.plot_latency(frame)
    assert len(ax.get_lines()) == 12
    assert "12 largest of 20" in ax.get_title(loc="right")
