"""DevTools' presets and parameters both ways."""

import pytest

from wsim import PROFILES
from wsim.errors import FormatError, UnknownNameError
from wsim.interchange import DEVTOOLS_PRESETS, TranslationWarning, from_devtools, to_devtools


@pytest.mark.parametrize(
    ("name", "latency_ms", "up", "down"),
    [
        ("3G", 1000, 0.4, 0.4),
        ("Slow 4G", 281.25, 0.675, 1.44),
        ("Fast 4G", 82.5, 1.35, 8.1),
        ("Fast 3G", 281.25, 0.675, 1.44),
        ("No throttling", 0, None, None),
    ],
)
def test_presets(name, latency_ms, up, down):
    c = from_devtools(name)
    assert (c.latency_ms, c.jitter_ms, c.packet_loss_rate) == (latency_ms, 0, 0)
    assert c.for_direction("inbound").bandwidth_mbps == up
    assert c.for_direction("outbound").bandwidth_mbps == down


def test_offline_is_an_outage():
    assert from_devtools("Offline").outage.effect == "drop"


@pytest.mark.parametrize("name", DEVTOOLS_PRESETS)
def test_presets_survive_the_round_trip(name):
    if name == "Offline":
        return
    c = from_devtools(name)
    notes = []
    assert from_devtools(to_devtools(c, notes=notes)) == c
    assert notes == []


def test_what_devtools_cannot_say_is_reported():
    notes = []
    made = to_devtools("stressed", notes=notes)
    assert made["latency"] == pytest.approx(400, rel=0.001)
    assert made["uploadThroughput"] == 1_250_000
    text = " ".join(notes)
    for words in ("no jitter", "WebRTC only", "no disconnect_rate"):
        assert words in text
    with pytest.warns(TranslationWarning, match="no jitter"):
        to_devtools({"latency_ms": 20, "packet_loss_rate": 0, "disconnect_rate": 0})


def test_every_profile_can_be_written():
    for name in PROFILES:
        assert to_devtools(name, notes=[])["latency"] >= 0


def test_lossy_parameters_are_taken_and_remarked():
    notes = []
    c = from_devtools({"packetLoss": 5, "packetQueueLength": 9, "latency": 10}, notes=notes)
    assert (c.packet_loss_rate, c.queue_limit_messages, c.latency_ms) == (0.05, 9, 5)
    assert "WebRTC only" in notes[0]


@pytest.mark.parametrize(
    ("preset", "kind", "words"),
    [
        ("Slow 5G", UnknownNameError, "did you mean 'Slow"),
        ({"latncy": 3}, FormatError, "no parameter 'latncy'; did you mean 'latency'"),
        ({"latency": -3}, FormatError, "latency=-3"),
        ({"latency": "slow"}, FormatError, "latency='slow'"),
    ],
)
def test_bad_presets_are_refused(preset, kind, words):
    with pytest.raises(kind, match=words):
        from_devtools(preset)
