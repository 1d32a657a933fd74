"""Toxiproxy both ways: toxics, reports, and its first-in first-out timing step by step."""

import json

import numpy as np
import pytest

from wsim import PROFILES, NetworkConditions
from wsim.channel import Channel
from wsim.errors import FormatError
from wsim.interchange import TranslationWarning, from_toxiproxy, to_toxiproxy
from wsim.randomness import Stream

MS = 1_000_000


def toxic(kind, stream="upstream", **attributes):
    return {"type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}


def test_latency_equals_toxiproxys_pipe_step_by_step():
    conditions = from_toxiproxy([toxic("latency", latency=40, jitter=30)])
    rng = np.random.default_rng(1)
    sent = np.cumsum(rng.integers(0, 20 * MS, 2000))
    got = Channel(conditions, seed=3).send_many(sent, rng.integers(10, 900, 2000)).delivered_ns
    u = Stream(3, 0, "inbound", "delay").many(0, 2000)
    free, expected = 0, []
    for at, jitter in zip(sent.tolist(), (40 + 30 * (2 * u - 1)).tolist(), strict=True):
        taken = max(free, at)  # the pipe holds one chunk at a time
        sleep = round(jitter * MS) - (taken - at)  # the time already waited counts
        free = taken + max(sleep, 0)
        expected.append(free)
    assert got.tolist() == expected


def test_bandwidth_equals_toxiproxys_pipe_step_by_step():
    conditions = from_toxiproxy([toxic("bandwidth", rate=50)])
    rng = np.random.default_rng(2)
    sent, sizes = np.cumsum(rng.integers(0, 20 * MS, 2000)), rng.integers(10, 1900, 2000)
    got = Channel(conditions, seed=3).send_many(sent, sizes).delivered_ns
    free, expected = 0, []
    for at, size in zip(sent.tolist(), sizes.tolist(), strict=True):
        free = max(free, at) + size * MS // 50
        expected.append(free)
    assert got.tolist() == expected


def test_packet_loss_is_a_chain():
    c = from_toxiproxy([toxic("packet_loss", loss_rate=0.02, correlation=0.5)])
    lost = Channel(c, seed=1).send_many(np.arange(200_000) * MS, np.full(200_000, 9)).dropped
    after = lost[1:][lost[:-1]]
    assert after.mean() == pytest.approx(0.52, abs=4 * 0.5 / np.sqrt(len(after)))
    assert lost[1:][~lost[:-1]].mean() == pytest.approx(0.02, abs=0.002)


def test_streams_are_directions_and_latencies_add():
    c = from_toxiproxy(
        [
            toxic("latency", latency=10),
            toxic("latency", latency=5),
            toxic("latency", "downstream", latency=70, jitter=7),
            toxic("bandwidth", "downstream", rate=125),
        ]
    )
    up, down = c.for_direction("inbound"), c.for_direction("outbound")
    assert (up.latency_ms, up.jitter_ms, up.bandwidth_mbps) == (15, 0, None)
    assert (down.latency_ms, down.jitter_ms, down.bandwidth_mbps) == (70, 7, 1)


def test_a_loss_model_of_one_stream_stays_there():
    c = from_toxiproxy([toxic("packet_loss", loss_rate=0.1, correlation=0.4)])
    assert c.loss.kind == "gilbert_elliott"
    assert c.for_direction("outbound").loss.kind == "bernoulli"
    assert c.for_direction("outbound").packet_loss_rate == 0


def test_json_text_files_and_whole_proxies_are_taken(tmp_path):
    toxics = [toxic("latency", latency=10)]
    path = tmp_path / "proxy.json"
    path.write_text(json.dumps({"name": "rover", "toxics": toxics}))
    for source in (toxics, {"toxics": toxics}, json.dumps(toxics), path, str(path)):
        assert from_toxiproxy(source).latency_ms == 10


def test_timeouts_and_resets_become_outages():
    notes = []
    assert from_toxiproxy([toxic("timeout", timeout=0)], notes=notes).outage.effect == "hold"
    assert notes == []
    c = from_toxiproxy([toxic("timeout", timeout=500)], notes=notes)
    assert c.outage.effect == "drop"
    assert "closes the connection after 500 ms" in notes[0]
    c = from_toxiproxy([toxic("reset_peer", timeout=2000)])
    assert (c.outage.effect, c.outage.windows_s[0][0]) == ("close", 2.0)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({**toxic("latency", latency=1), "toxicity": 0.5}, "toxicity 0.5 spares whole"),
        (toxic("slow_close", delay=5), "delay=5 acts on the byte stream"),
        (toxic("slicer", average_size=5), "average_size=5"),
        (toxic("limit_data", bytes=5), "bytes=5"),
    ],
)
def test_what_cannot_be_carried_over_is_reported(made, words):
    notes = []
    from_toxiproxy([made], notes=notes)
    assert any(words in note for note in notes)
    with pytest.warns(TranslationWarning):
        from_toxiproxy([made])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([toxic("latancy")], r"toxics\[0\]: no toxic 'latancy'; did you mean 'latency'"),
        ([toxic("latency", "sideways")], "stream='sideways' is not upstream or downstream"),
        ([toxic("latency", latncy=3)], "no attribute 'latncy'; did you mean 'latency'"),
        ([toxic("latency", latency=-3)], "latency=-3 is not a number from 0"),
        ([toxic("bandwidth", rate="fast")], "rate='fast' is not a number"),
        ([toxic("packet_loss", loss_rate=0.5, correlation=0.5)], "loses everything for ever"),
        ({"name": "rover"}, "give a list of toxics"),
        ("[{]", "not JSON at column 3"),
    ],
)
def test_errors_name_the_toxic_and_its_place(source, words):
    with pytest.raises(FormatError, match=words):
        from_toxiproxy(source)


def test_what_toxiproxy_can_say_survives_the_round_trip():
    toxics = [
        toxic("latency", latency=40, jitter=30),
        toxic("bandwidth", rate=50),
        toxic("packet_loss", "downstream", loss_rate=0.02, correlation=0.5),
    ]
    c = from_toxiproxy(toxics)
    made = to_toxiproxy(c, notes=[])
    assert json.loads(json.dumps(made)) == made
    again = from_toxiproxy(made)
    for direction in ("inbound", "outbound"):
        there, back = c.for_direction(direction), again.for_direction(direction)
        assert back.packet_loss_rate == pytest.approx(there.packet_loss_rate)
        assert back.loss.to_dict() == pytest.approx(there.loss.to_dict())
        assert back.replace(packet_loss_rate=0, loss_model="bernoulli") == there.replace(
            packet_loss_rate=0, loss_model="bernoulli"
        )


def test_a_normal_jitter_becomes_a_uniform_of_the_same_deviation():
    notes = []
    made = to_toxiproxy(
        NetworkConditions(latency_ms=200, jitter_ms=20, packet_loss_rate=0, disconnect_rate=0),
        notes=notes,
    )
    assert made[0]["attributes"] == {"latency": 200, "jitter": 35}
    assert any("jitter is uniform" in note for note in notes)


def test_every_profile_is_written_with_its_shortcomings_named():
    for name in PROFILES:
        notes = []
        toxics = to_toxiproxy(name, notes=notes)
        from_toxiproxy(toxics, notes=[])
        if PROFILES[name].conditions.outage is not None:
            assert any("outage" in note for note in notes)
