"""Verdicts and their sentences."""

import math

import pytest

from wsim.analysis.metrics import METRICS
from wsim.analysis.verdicts import VERDICTS, Finding, needed_messages, sentence, verdict


def finding(name="p99_ms", base=100.0, shift=41.0, half=3.0, p=0.0, **columns):
    found = Finding(
        METRICS[name], base, base + shift, shift - half, shift + half, shift - half, shift + half,
        p, 0.5, "paired t", 1000, **columns,
    )  # fmt: skip
    found.p_holm = p
    return found


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        (finding(), "worse", "p99 worse by 41 ms [38, 44]"),
        (finding(shift=750_000.0), "worse", "p99 worse by 750 s [750, 750]"),
        (finding(shift=-41.0), "better", "p99 better by 41 ms [38, 44]"),
        (finding(shift=3.0), "equivalent", "p99 equivalent within 10 ms (+3.0 ms [0, 6.0])"),
        (
            finding(shift=0.0, half=0.0, p=1.0),
            "equivalent",
            "p99 equivalent within 10 ms (0 ms [0, 0])",
        ),
        (
            finding(shift=-5.0, half=30.0, p=0.7),
            "not distinguishable",
            "p99 not distinguishable (-5.0 ms [-35, 25]; about 36,000 messages a side would tell)",
        ),
        (
            finding(shift=5.0, half=30.0, p=0.7),
            "not distinguishable",
            "p99 not distinguishable (+5.0 ms [-25, 35]; about 36,000 messages a side would tell)",
        ),
        (
            finding(shift=20.0, half=19.0, p=0.2),
            "not distinguishable",
            "p99 not distinguishable (+20 ms [1.0, 39]; clear alone, "
            "but not among so many metrics)",
        ),
        (
            finding(why_not="two runs only"),
            "not enough data",
            "p99: not enough data (two runs only)",
        ),
        (
            finding("drop_rate", 0.01, 0.05, 0.01),
            "worse",
            "drop rate worse by 5.0 points [4.0, 6.0]",
        ),
        (
            finding("rate_hz", 20.0, -5.0, 1.0),
            "worse",
            "delivered rate worse by 5.0 Hz [4.0, 6.0]",
        ),
        (
            finding("watchdog_trips_per_min", 1.0, 2.0, 0.5),
            "worse",
            "watchdog trips, pauses too worse by 2.0 per minute [1.5, 2.5]",
        ),
    ],
)
def test_in_words(found, expected, words):
    margin = found.margin(10.0, 0.1)
    outcome = verdict(found, margin, 0.05)
    assert outcome == expected
    assert outcome in VERDICTS
    assert sentence(found, outcome, margin, needed_messages(found, margin)) == words


def test_the_margin_is_the_larger_of_floor_and_share():
    assert finding(base=50.0).margin(10.0, 0.1) == 10.0
    assert finding(base=500.0).margin(10.0, 0.1) == 50.0
    assert finding("drop_rate", 0.2, 0.1).margin(10.0, 0.1) == pytest.approx(0.02)


def test_more_messages_narrow_the_interval_by_their_root():
    assert needed_messages(finding(shift=0.0, half=20.0), 10.0) == 4000
    assert math.isnan(needed_messages(finding(shift=0.0, half=math.nan), 10.0))
    assert math.isnan(needed_messages(finding(shift=0.0, half=0.0), 10.0))


def test_an_unknown_interval_is_not_enough_data():
    assert verdict(finding(half=math.nan), 10.0, 0.05) == "not enough data"


def test_figures_have_limits_only_where_there_is_an_interval():
    known, unknown = finding().figures, finding(why_not="too little").figures
    assert list(known) == ["baseline", "candidate", "difference", "low", "high"]
    assert list(known.values()) == [100.0, 141.0, 41.0, 38.0, 44.0]
    assert unknown["difference"] == 41.0
    assert math.isnan(unknown["low"])
    assert math.isnan(unknown["high"])
