"""explain: the sentence names the parts, largest first, for every kind of message."""

import pandas as pd
import pytest

from wsim import NetworkConditions, explain
from wsim.channel import Channel
from wsim.errors import ColumnsError
from wsim.explanation import _CAUSES, _WORDS
from wsim.schema import CAUSES, PARTS

QUIET = NetworkConditions(latency_ms=20, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0)


def transits(conditions, sizes, seed=0):
    channel = Channel(conditions, seed=seed)
    for size in sizes:
        channel.send(0, size)
    return channel.advance(10**12)


def test_a_transit_is_explained_largest_part_first():
    behind = transits(QUIET.replace(bandwidth_mbps=1), [12_500, 125])[1]
    said = explain(behind)
    assert said.startswith("Message 1 took 121 ms: 100 ms waiting behind other messages")
    assert "20 ms of fixed latency (17 %)" in said
    assert said.endswith("1 ms to be put on the wire at the bottleneck's rate (1 %).")
    assert sum(said.parts.values()) == pytest.approx(121.0)


def test_lucky_jitter_is_said_to_be_less():
    found = [explain(t) for t in transits(QUIET.replace(jitter_ms=5), [10] * 20)]
    assert any("less by luck of the jitter" in said for said in found)


def test_trifles_are_summed_up():
    row = {"fate": "delivered", "latency_ms": 100.4, "propagation_ms": 100.0}
    said = explain({**row, "jitter_ms": 0.3, "serialization_ms": 0.1})
    assert said.endswith("100 ms of fixed latency (100 %) and 0.4 ms besides.")


def test_every_cause_has_words():
    assert set(_CAUSES) == set(CAUSES) - {""}
    assert set(_WORDS) == set(PARTS)
    for cause, words in _CAUSES.items():
        said = explain({"fate": "dropped", "cause": cause, "event_name": "drive", "seq": 3})
        assert said == f"drive 3 never arrived: {words}."


def test_a_lost_transit():
    lost = transits(QUIET.replace(packet_loss_rate=1.0), [10])[0]
    assert explain(lost) == "Message 0 never arrived: the network lost it."
    assert explain(lost).parts == {}


def test_rows_of_a_history_series_and_mappings_are_the_same():
    row = {
        "seq": 7, "event_name": "driveCommands", "direction": "inbound", "client_id": "client_1",
        "fate": "delivered", "cause": "", "latency_ms": 61.0, "copy": 1, "lateness_ms": 3.0,
        "propagation_ms": 20.0, "retransmission_ms": 41.0, "queue_ms": float("nan"),
    }  # fmt: skip
    said = explain(row)
    assert said == explain(pd.Series(row)) == explain(pd.DataFrame([row]))
    with pytest.raises(ColumnsError, match="a frame of 2 rows is no message"):
        explain(pd.DataFrame([row, row]))
    assert said.startswith("driveCommands 7 from client_1 took 61 ms: 41 ms to send it again")
    assert "duplicate" in said
    assert "live timer added 3 ms" in said


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"fate": "in_flight"}, "still under way"),
        ({"fate": "unknown"}, "one side only"),
        ({"fate": "refused", "cause": "validation"}, "was refused: its payload is not allowed"),
        ({"latency_ms": 12.0}, "took 12 ms; of what, was not recorded"),
        ({"fate": "delivered", "latency_ms": 0.0}, "arrived at once"),
        ({"fate": "delivered", "latency_ms": 750_000.0, "propagation_ms": 750_000.0}, "750 s"),
        ({"dropped": True, "cause": "expired"}, "waited longer than the age limit"),
    ],
)
def test_other_fates(row, words):
    assert words in explain(row)


@pytest.mark.parametrize("message", [{}, {"size": 3}, 7, "hello"])
def test_what_is_no_message_is_refused(message):
    with pytest.raises(ColumnsError):
        explain(message)


def test_the_bar_has_a_piece_for_each_part():
    page = explain(transits(QUIET.replace(bandwidth_mbps=1), [12_500, 125])[1])._repr_html_()
    assert page.count("<rect") == 3
    assert "<title>100 ms waiting behind" in page
    assert "<svg" not in explain({"fate": "in_flight"})._repr_html_()
