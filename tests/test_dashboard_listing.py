"""Numbers and tables as text: right, short and escaped."""

from __future__ import annotations

import numpy as np
import pandas as pd
from frames import make, periodic

from wsim.dashboard import listing
from wsim.dashboard.scenes import Scene
from wsim.dashboard.view import window_of


def test_the_numbers_that_matter():
    frame = periodic(20, 20, 80.0, lost=np.arange(400) % 8 == 7)
    told = listing.numbers(Scene(window_of(frame), np.empty((0, 2))))
    assert told["command p50 (median)"] == told["command p99"] == "80 ms"
    assert told["commands lost"] == "50 of 400 (12.5 %)"
    assert told["command age now"] == "0.08 s"
    assert told["age over 0.5 s"] == "0.0 %"


def test_the_share_of_time_without_fresh_commands():
    # heard at 0.1, then at 2.1: the age passes 0.5 s from 0.5 to 2.1, in 2.0 s of time
    frame = make([0.0, 2.0], 100.0)
    share = listing.share_over(Scene(window_of(frame), np.empty((0, 2))))
    assert abs(share - 1.6 / 2.0) < 1e-9


def test_only_what_was_sent_since_the_network_changed_counts():
    frame = make(np.arange(0, 20, 0.05), np.where(np.arange(400) < 200, 50.0, 700.0))
    scene = Scene(window_of(frame), np.empty((0, 2)))
    told = listing.numbers(scene, since_s=10.0)
    assert told["command p50 (median)"] == "700 ms"
    assert told["commands lost"] == "0 of 200 (0.0 %)"
    assert told["measured over"] == "11 s"
    # from 10.95 s on every command heard is older than 0.5 s
    assert abs(listing.share_over(scene, 15.0) - 1.0) < 1e-9
    assert listing.share_over(scene, 5.0) < 0.7
    assert listing.numbers(scene, since_s=99.0)["command p50 (median)"] == "–"


def test_nothing_yet():
    told = listing.numbers(Scene(window_of(make([])), np.empty((0, 2))))
    assert told["command p50 (median)"] == "–"
    assert told["commands lost"] == "none"


def test_the_history_shows_the_newest_first():
    text = listing.recent(periodic(10, 10, 50.0), rows=3)
    assert text.count("<tr>") == 4
    assert text.index("<td>99</td>") < text.index("<td>97</td>")
    assert '<th scope="col">latency_ms</th>' in text


def test_refused_messages_are_listed_with_their_payload_escaped():
    frame = make(
        [1.0, 2.0],
        fate=["delivered", "refused"],
        cause=["", "validation"],
        data=[{}, {"linear": "<script>alert(1)</script>"}],
    )
    text = listing.refused(frame)
    assert "validation" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "No message has been refused" in listing.refused(frame.iloc[:1])


def test_names_and_values_are_escaped():
    text = listing.number_list([("<b>", "1 & 2")])
    assert "&lt;b&gt;" in text
    assert "1 &amp; 2" in text


def test_the_share_of_time_does_not_depend_on_how_much_is_drawn():
    shares = [
        listing.share_over(Scene(window_of(periodic(rate, 29, 700.0)), np.empty((0, 2))))
        for rate in (10, 100)
    ]
    assert shares == [1.0, 1.0]


def test_metrics_are_told_in_words():
    import pandas as pd

    comparison = pd.DataFrame(
        {"metric": ["p99_ms (ms)", "p95_ms (ms)", "x (share)"], "low": [1.0, 9.0, 0.25]}
    )
    text = listing.verdicts(comparison)
    assert "<td>99 % arrive within (ms)</td>" in text
    assert "<td>x (%)</td><td>25.0</td>" in text
    assert "95 % arrive" not in text
    kept = pd.DataFrame({"run": ["A"], "drop_rate": [0.05], "p99_ms": [1.0]})
    assert "lost (%)" in listing.kept_table(kept)


def test_verdicts_are_marked_by_more_than_colour():
    text = listing.table(pd.DataFrame({"verdict": ["✗ worse", "✓ better", "worse"]}))
    assert '<td class="wsim-worse">✗ worse</td>' in text
    assert '<td class="wsim-better">✓ better</td>' in text
    assert "<td>worse</td>" in text
