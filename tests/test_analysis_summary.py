"""Summaries equal a recount in plain Python, and say what they cannot know."""

import math
import statistics

import frames
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wsim
from wsim.analysis.streams import smooth
from wsim.analysis.summary import SECTIONS, summarize
from wsim.errors import ColumnsError, UnknownNameError
from wsim.schema import PARTS

EVENTS = ("driveCommands", "cameraFeed")


@st.composite
def histories(draw):
    """Random small histories: several runs, clients, events, losses, copies, refusals."""
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    fate = rng.choice(["delivered", "dropped", "refused", "in_flight"], n, p=[0.7, 0.2, 0.05, 0.05])
    latency = np.where(fate == "delivered", rng.integers(1, 900, n), np.nan)
    event = rng.choice(EVENTS, n)
    return frames.make(
        np.sort(rng.integers(0, 5000, n)) / 1e3,
        latency,
        fate=fate,
        cause=np.where(fate == "dropped", rng.choice(["loss", "outage"], n), ""),
        event_name=event,
        direction=np.where(event == EVENTS[0], "inbound", "outbound"),
        client_id=rng.choice(["a", "b"], n),
        run=rng.choice(["r1", "r2"], n),
        profile=rng.choice(["calm", "storm"], n),
        copy=rng.choice([0, 0, 0, 1], n),
        size_bytes=rng.integers(1, 500, n),
    )


def plain_quantile(values, q):
    place = q * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


@settings(max_examples=35, deadline=None)
@given(histories(), st.sampled_from(["profile", "run", "client_id", "event_name"]))
def test_equals_a_recount(frame, by):
    table = summarize(frame, by)
    for label, rows in frame.groupby(by, observed=True):
        row, messages = table.loc[label], rows[rows["copy"] == 0]
        fates = list(messages["fate"])
        assert row.sent == len(fates)
        assert row.duplicates == len(rows) - len(fates)
        for fate in ("delivered", "dropped", "refused", "in_flight", "unknown"):
            assert row[fate] == fates.count(fate)
        for cause in ("loss", "outage"):
            assert row[f"cause_{cause}"] == list(messages["cause"]).count(cause)
        if fates:
            assert row.drop_rate == fates.count("dropped") / len(fates)
        values = sorted(messages.loc[messages["fate"] == "delivered", "latency_ms"])
        if values:
            assert row.mean_ms == pytest.approx(statistics.fmean(values))
            assert row.max_ms == values[-1]
            for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
                assert row[f"{name}_ms"] == pytest.approx(plain_quantile(values, q))
            came = messages[messages["fate"] == "delivered"]
            late = [
                latency > (300 if event == "cameraFeed" else 200)
                for latency, event in zip(came["latency_ms"], came["event_name"], strict=True)
            ]
            assert row.late_share == sum(late) / len(late)
        else:
            assert math.isnan(row.p50_ms)


def plain_stream(rows):
    """Jitter, gaps and reordering of one stream, one message after the other."""
    rows = rows.sort_values("created_s", kind="stable")
    order = {index: place for place, index in enumerate(rows.index)}
    got = rows[rows["fate"] == "delivered"].copy()
    got["place"] = [order[index] for index in got.index]
    got = got.sort_values(["delivered_s", "place"], kind="stable")
    jitter, newest, reordered = 0.0, -1, 0
    previous = None
    for latency, place in zip(got["latency_ms"], got["place"], strict=True):
        if previous is not None:
            jitter += (abs(latency - previous) - jitter) / 16
        previous = latency
        reordered += place < newest
        newest = max(newest, place)
    gaps = np.diff(got["delivered_s"]) * 1e3
    tail = (rows["created_s"].max() - got["delivered_s"].max()) * 1e3 if len(got) else 0.0
    return jitter, reordered, int((gaps > 500).sum() + (tail > 500)), len(got)


@settings(max_examples=35, deadline=None)
@given(histories())
def test_streams_equal_a_recount(frame):
    keys = ["run", "client_id", "event_name", "direction"]
    table = summarize(frame, keys)
    for label, rows in frame[frame["copy"] == 0].groupby(keys, observed=True):
        row = table.loc[label]
        jitter, reordered, trips, got = plain_stream(rows)
        assert row.reordered == reordered
        if got:
            assert row.watchdog_trips == trips
        if got > 1:
            assert row.jitter_rfc3550_ms == pytest.approx(jitter)


def test_a_pooled_row_takes_streams_from_the_command():
    rng = np.random.default_rng(1)
    commands = frames.periodic(20, 30, rng.lognormal(4, 0.3, 600))
    pictures = frames.periodic(5, 30, 300.0, event_name="cameraFeed", direction="outbound")
    both = summarize(pd.concat([commands, pictures])).iloc[0]
    alone = summarize(commands).iloc[0]
    for name in ("age_mean_ms", "jitter_rfc3550_ms", "watchdog_trips", "gap_max_ms"):
        assert both[name] == alone[name]
    assert both.sent == 750


def test_several_events_without_the_command_have_no_stream():
    frame = pd.concat([frames.periodic(5, 5, event_name=name) for name in ("one", "two")])
    table = summarize(frame)
    assert math.isnan(table.age_mean_ms.iloc[0])
    assert any("pools several events" in note for note in table.attrs["wsim_notes"])
    assert summarize(frame, command="two").age_mean_ms.iloc[0] > 0


def test_a_change_of_profile_cuts_the_stream():
    created = np.arange(300) / 10
    profile = np.where((created >= 10) & (created < 20), "storm", "calm")
    table = summarize(frames.make(created, 50.0, profile=profile))
    assert table.watchdog_trips.tolist() == [0, 0]  # calm's ten seconds away are no silence
    assert table.sent.tolist() == [200, 100]


def test_groups_are_index_and_columns():
    frame = frames.make([0.0, 1.0], 50.0, profile=["calm", "storm"])
    table = summarize(frame)
    assert list(table.index) == list(table["profile"]) == ["calm", "storm"]
    table = summarize(frame, ["profile", "event_name"])
    assert table.loc[("storm", "driveCommands"), "sent"] == 1
    assert list(summarize(frame, None).index) == ["all"]


def test_the_public_name():
    assert wsim.summarize is summarize


def test_promised_columns():
    table = summarize(frames.make([0.0, 0.1], 50.0))
    promised = ["sent", "delivered", "dropped", "drop_rate", "drop_rate_low", "drop_rate_high"]
    promised += ["mean_ms", "max_ms", "jitter_rfc3550_ms", "age_mean_ms", "age_p99_ms"]
    promised += ["age_peak_ms", "watchdog_trips", *(f"mean_{part}" for part in PARTS)]
    for q in ("p50", "p90", "p95", "p99", "p999"):
        promised += [f"{q}_ms", f"{q}_ms_low", f"{q}_ms_high"]
    assert set(promised) <= set(table.columns)


def test_sections_can_be_chosen():
    table = summarize(frames.make([0.0], 50.0), sections=["latency"])
    assert "p99_ms" in table
    assert "sent" not in table
    with pytest.raises(UnknownNameError, match="no section 'laency'; did you mean 'latency'"):
        summarize(frames.make([0.0], 50.0), sections=["laency"])
    assert "latency" in SECTIONS


def test_where_the_milliseconds_went():
    frame = frames.make([0.0, 1.0, 2.0], [50.0, 70.0, np.nan], queue_ms=[10.0, 30.0, np.nan])
    row = summarize(frame).iloc[0]
    assert row.mean_queue_ms == 20.0
    assert row.mean_propagation_ms == 60.0


def test_throughput_and_duration():
    row = summarize(frames.periodic(20, 10, 50.0, size_bytes=125)).iloc[0]
    assert row.duration_s == pytest.approx(10.0)
    assert row.rate_hz == pytest.approx(20.0)
    assert row.throughput_kbps == pytest.approx(20.0)


@given(st.lists(st.floats(0, 1e4), max_size=400))
def test_the_jitter_filter_equals_the_recursion(steps):
    value, expected = 0.0, []
    for step in steps:
        value += (step - value) / 16
        expected.append(value)
    assert smooth(np.array(steps)) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)


def test_jitter_of_a_long_stream():
    latency = np.random.default_rng(3).lognormal(4, 0.5, 5000)
    row = summarize(frames.periodic(20, 250, 50.0 + latency / 1e6)).iloc[0]
    value, path = 0.0, []
    for step in np.abs(np.diff(latency / 1e6)):
        value += (step - value) / 16
        path.append(value)
    assert row.jitter_rfc3550_ms == pytest.approx(path[-1], rel=1e-6)
    assert row.jitter_rfc3550_mean_ms == pytest.approx(np.mean(path), rel=1e-6)
    assert row.jitter_rfc3550_max_ms == pytest.approx(np.max(path), rel=1e-6)


def test_delay_variation():
    row = summarize(frames.periodic(10, 1, [50, 60, 50, 90, 50, 50, 50, 50, 50, 50.0])).iloc[0]
    assert row.pdv_p50_ms == 0.0
    assert row.pdv_p999_ms == pytest.approx(40.0, abs=0.5)
    assert row.ipdv_p50_ms == 0.0
    assert row.ipdv_p95_ms == pytest.approx(40.0)


def test_correlated_latencies_are_said():
    tied = summarize(frames.periodic(20, 100, frames.ar1(2000, 1, rho=0.9)))
    assert tied.lag1_correlation.iloc[0] == pytest.approx(0.9, abs=0.05)
    assert any("neighbours are correlated" in note for note in tied.attrs["wsim_notes"])
    free = summarize(frames.periodic(20, 100, frames.ar1(2000, 1, rho=0.0)))
    assert free.lag1_correlation.iloc[0] == pytest.approx(0.0, abs=0.07)
    assert not any("correlated" in note for note in free.attrs["wsim_notes"])
    constant = summarize(frames.periodic(20, 100, 50.0))
    assert math.isnan(constant.lag1_correlation.iloc[0])


class TestBadInput:
    def notes(self, frame, **options):
        return " ".join(summarize(frame, **options).attrs["wsim_notes"])

    def test_no_rows(self):
        table = summarize(frames.make([]))
        assert len(table) == 0
        assert "p99_ms" in table
        assert "no rows" in self.notes(frames.make([]))

    def test_nothing_arrived(self):
        row = summarize(frames.make([0.0, 1.0], np.nan)).iloc[0]
        assert row.drop_rate == 1.0
        assert math.isnan(row.p50_ms)
        assert math.isnan(row.age_mean_ms)
        assert math.isnan(row.watchdog_trips)

    def test_one_message(self):
        row = summarize(frames.make([5.0], 50.0)).iloc[0]
        assert row.p50_ms == 50.0
        assert math.isnan(row.p99_ms_high)
        assert math.isnan(row.rate_hz)
        assert math.isnan(row.jitter_rfc3550_ms)

    def test_times_that_are_not_numbers(self):
        frame = frames.make([0.0, 1.0, 2.0, np.nan], [50.0, 60.0, 70.0, 80.0])
        frame.loc[1, "latency_ms"] = np.inf
        frame.loc[2, "latency_ms"] = np.nan
        row = summarize(frame).iloc[0]
        assert (row.delivered, row.max_ms) == (4, 80.0)
        notes = self.notes(frame)
        assert "2 delivered rows have no usable time (1 infinite, 1 missing)" in notes
        assert "1 rows have no creation time" in notes

    def test_clocks_that_differ(self):
        frame = frames.periodic(10, 2, -30.0)
        row = summarize(frame).iloc[0]
        assert row.negative_latencies == 20
        assert row.mean_ms == -30.0
        assert "20 latencies are negative: the clocks" in self.notes(frame)

    def test_rows_that_repeat(self):
        frame = frames.periodic(10, 2, 50.0)
        assert "20 rows repeat the seq" in self.notes(pd.concat([frame, frame]))
        second = frame.assign(run="run-2")
        assert "repeat" not in self.notes(pd.concat([frame, second]))

    def test_under_way_at_the_end(self):
        frame = frames.periodic(10, 2, np.nan, fate="in_flight", cause="")
        row = summarize(frame).iloc[0]
        assert (row.in_flight, row.dropped, row.drop_rate) == (20, 0, 0.0)
        assert "20 messages were still under way" in self.notes(frame)

    def test_one_sided_recordings_have_no_drop_rate(self):
        row = summarize(frames.periodic(10, 2, np.nan, fate="unknown", cause="")).iloc[0]
        assert math.isnan(row.drop_rate)

    def test_a_bare_frame(self):
        bare = pd.DataFrame({"sent_s": [0.0, 0.1, 0.2], "delivered_s": [0.05, np.nan, 0.25]})
        row = summarize(bare).iloc[0]
        assert (row.sent, row.delivered, row.dropped) == (3, 2, 1)
        assert row.p50_ms == pytest.approx(50.0)
        notes = self.notes(bare)
        for missing in ("created_s", "latency_ms", "fate", "cause", "size_bytes", "profile"):
            assert f"'{missing}'" in notes
        assert "queue_ms" in notes

    def test_missing_columns_are_named(self):
        with pytest.raises(ColumnsError, match="needs the column 'profil'; did you mean 'profile'"):
            summarize(frames.make([0.0]), "profil")
        with pytest.raises(ColumnsError, match="needs the column 'delivered_s'"):
            summarize(pd.DataFrame({"sent_s": [0.0]}))

    def test_text_is_no_time(self):
        frame = frames.make([0.0]).astype({"latency_ms": object})
        frame["latency_ms"] = "fast"
        with pytest.raises(ColumnsError, match=r"'latency_ms' holds .* not numbers"):
            summarize(frame)

    def test_not_a_frame(self):
        with pytest.raises(ColumnsError, match=r"DataFrame\) is needed, not list"):
            summarize([1, 2])

    def test_thin_tails_are_said(self):
        assert "p99.9 rests on fewer than 10,000" in self.notes(frames.periodic(10, 200))

    def test_rows_that_left_the_history_are_said(self):
        frame = frames.periodic(10, 2)
        frame.attrs["wsim"] = {"run-1": {"evicted": 250}}
        assert "250 older ones had left the history" in self.notes(frame)
        assert "left the history" not in self.notes(frames.periodic(10, 2))

    def test_many_groups(self):
        frame = frames.periodic(100, 5, 50.0, client_id=[f"c{i % 50}" for i in range(500)])
        table = summarize(frame, "client_id")
        assert len(table) == 50
        assert table.sent.eq(10).all()
        assert table.p99_ms.eq(50.0).all()
        assert table.age_p99_ms.eq(table.age_p99_ms.iloc[0]).sum() > 40

    def test_missing_labels_are_a_group(self):
        frame = frames.make([0.0, 1.0], 50.0)
        frame["client_id"] = pd.Categorical(["a", None])
        assert summarize(frame, "client_id").loc["", "sent"] == 1
