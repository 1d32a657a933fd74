"""mm-link traces both ways."""

import numpy as np
import pytest

from wsim import PROFILES
from wsim.errors import ConditionsError, FormatError
from wsim.interchange import TranslationWarning, from_mm_link, to_mm_link

QUIET = {"latency_ms": 0, "jitter_ms": 0, "packet_loss_rate": 0, "disconnect_rate": 0}


def test_a_constant_rate_becomes_evenly_spaced_opportunities():
    text = to_mm_link({**QUIET, "bandwidth_mbps": 12}, duration_s=2)
    assert [int(line) for line in text.split()] == list(range(1, 2001))


def test_a_trace_survives_the_round_trip(tmp_path):
    up, down = tmp_path / "up", tmp_path / "down"
    up.write_text("0\n3\n3\n10\n")
    down.write_text("5\n6\n")
    c = from_mm_link(up, down)
    assert to_mm_link(c) == up.read_text()
    assert to_mm_link(c, direction="outbound") == down.read_text()
    assert from_mm_link(up).for_direction("outbound").rate.times_ms == (0, 3, 3, 10)


def test_a_schedule_keeps_its_mean_rate(tmp_path):
    path = tmp_path / "trace"
    path.write_text(to_mm_link("lte_driving", notes=[]))
    rate = from_mm_link(path).rate
    mean_mbps = len(rate.times_ms) * 1500 * 8 / (rate.times_ms[-1] * 1e3)
    assert mean_mbps == pytest.approx(4.6, rel=0.02)
    slow = np.diff([t for t in rate.times_ms if 21_000 < t < 24_000])
    assert slow.mean() == pytest.approx(1500 * 8 / 0.58e3, rel=0.05)


def test_what_a_trace_cannot_say_is_reported():
    notes = []
    to_mm_link("stressed", duration_s=1, notes=notes)
    assert any("no latency_ms: 200.0" in note for note in notes)
    assert any("no disconnect_rate" in note for note in notes)
    with pytest.warns(TranslationWarning, match="no packet_loss_rate"):
        to_mm_link({**QUIET, "packet_loss_rate": 0.1, "bandwidth_mbps": 1}, duration_s=1)


def test_without_a_rate_there_is_nothing_to_write():
    with pytest.raises(ConditionsError, match="no rate to write within 60 s: bandwidth_mbps=None"):
        to_mm_link("perfect")
    with pytest.raises(ConditionsError, match=r"within 0.001 s"):
        to_mm_link({**QUIET, "bandwidth_mbps": 0.1}, duration_s=0.001)


def test_bad_traces_are_refused_with_file_and_line(tmp_path):
    path = tmp_path / "up"
    path.write_text("1\n2\nx\n")
    with pytest.raises(FormatError, match=r"up: line 3: 'x'"):
        from_mm_link(path)


def test_every_profile_with_a_rate_can_be_written():
    for name in PROFILES:
        if PROFILES[name].conditions.bandwidth_mbps is not None:
            assert to_mm_link(name, duration_s=1, notes=[]).split()
