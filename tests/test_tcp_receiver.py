"""Reassembly, and when a receiver acknowledges, against what was measured on a kernel."""

from __future__ import annotations

import numpy as np
import pytest

from wsim.conditions import NetworkConditions
from wsim.randomness import Stream
from wsim.tcp.path import Path
from wsim.tcp.receiver import DUPLICATE, EARLY, HELD, IN_ORDER, Packet, Receiver
from wsim.tcp.state import Acknowledgement

MS = 1_000_000
FREE = NetworkConditions(latency_ms=0.0, jitter_ms=0.0, packet_loss_rate=0.0, bandwidth_mbps=None)


class Bench:
    """A receiver on its own, with a note of what it delivers and acknowledges."""

    def __init__(self) -> None:
        self.delivered: list[tuple[int, int]] = []
        self.sent: list[tuple[int, Acknowledgement]] = []
        self.timers: list[int] = []
        back = Path(FREE, seed=1, client=0, direction="outbound")
        self.receiver = Receiver(
            back,
            0,
            lambda now, pieces: self.delivered.extend((p[0], p[1]) for p in pieces),
            lambda now, packet: self.delivered.append((packet[0], packet[1])),
            lambda arrival, acknowledgement: self.sent.append((arrival, acknowledgement)),
            lambda target, due: self.timers.append(due),
            Stream(1, 0, "inbound", "tcp_burst"),
        )

    def feed(self, now: int, start: int, end: int) -> int:
        packet: Packet = (start, end, now, None, None)
        verdict = self.receiver.arrive(now, packet)
        self.receiver.note(now, packet, verdict, self.receiver.reached, self.receiver.overlap)
        self.receiver.answer(now)
        return verdict

    def due(self, now: int) -> None:
        if self.receiver.expires() <= now:
            self.receiver.on_timer(now)


def test_pieces_are_put_in_order() -> None:
    bench = Bench()
    verdicts = [bench.feed(i * MS, 100 * k, 100 * k + 100) for i, k in enumerate([0, 2, 1, 4, 2])]
    assert verdicts == [IN_ORDER, EARLY, IN_ORDER, EARLY, DUPLICATE]
    assert bench.delivered == [(0, 100), (100, 200), (200, 300)]
    assert bench.receiver.reached == 300


def test_a_merged_retransmission_fills_more_than_its_gap() -> None:
    bench = Bench()
    bench.feed(0, 0, 100)
    bench.feed(MS, 200, 300)
    bench.feed(2 * MS, 100, 400)
    assert bench.receiver.reached == 400


def test_small_segments_are_acknowledged_at_once() -> None:
    bench = Bench()
    for i in range(30):
        bench.feed(i * 20 * MS, 200 * i, 200 * i + 200)
    assert [at for at, _ in bench.sent] == [i * 20 * MS for i in range(30)]
    assert bench.sent[-1][1] == (6000, (), None, 29 * 20 * MS)


def test_gaps_are_named_newest_first_three_at_most() -> None:
    bench = Bench()
    bench.feed(0, 0, 100)
    for i, start in enumerate([200, 400, 600, 800]):
        bench.feed((i + 1) * MS, start, start + 100)
    assert bench.sent[3][1][1] == ((600, 700), (400, 500), (200, 300))
    bench.feed(9 * MS, 300, 400)
    bench.due(20 * MS)
    assert bench.sent[-1][1][1] == ((200, 500), (800, 900), (600, 700))


def test_a_duplicate_is_reported() -> None:
    bench = Bench()
    bench.feed(0, 0, 100)
    bench.feed(MS, 0, 100)
    assert bench.sent[-1][1][:3] == (100, (), (0, 100))


@pytest.mark.parametrize(
    ("before", "packet", "told"),
    [
        ([(0, 300)], (100, 500), (100, 300)),
        ([(0, 100), (200, 300)], (100, 400), (200, 400)),
        ([(0, 100), (200, 400)], (300, 600), (300, 400)),
        ([(0, 100), (200, 600)], (300, 500), (300, 500)),
    ],
    ids=["its head", "a gap and more", "beyond a gap", "all of it, beyond a gap"],
)
def test_the_part_of_a_packet_that_came_before_is_reported(
    before: list[tuple[int, int]], packet: tuple[int, int], told: tuple[int, int]
) -> None:
    """RFC 2883; the second as Linux tells it, up to the end of what was new."""
    bench = Bench()
    for i, piece in enumerate(before):
        bench.feed(i * MS, *piece)
    verdict = bench.feed(5 * MS, *packet)
    bench.due(60 * MS)
    assert bench.sent[-1][1][2] == told
    assert (verdict == HELD) == (told == packet)


def test_a_duplicate_does_not_refresh_the_time_stamp() -> None:
    bench = Bench()
    bench.feed(0, 0, 100)
    bench.feed(MS, 100, 200)
    bench.feed(5 * MS, 0, 100)
    assert bench.sent[-1][1][3] == MS


def test_a_lone_full_segment_is_acknowledged_late() -> None:
    """40 ms and a tick, once the eager phase of a connection is over."""
    bench = Bench()
    for i in range(40):
        bench.feed(i * 50 * MS, 1448 * i, 1448 * i + 1448)
        bench.due(i * 50 * MS + 49 * MS)
    waits = [at - 50 * MS * (i) for i, (at, _) in enumerate(bench.sent[-5:], 35)]
    assert all(wait == 49 * MS for wait in waits)
    due = [t for t in bench.timers if t > 30 * 50 * MS]
    assert all(40 * MS < t % (50 * MS) <= 44 * MS for t in due)


def test_full_segments_that_arrive_together_are_mostly_acknowledged_together() -> None:
    """As they are read; packet logs show three in four bursts of five with one answer."""
    bench = Bench()
    for i in range(60):
        bench.feed(i * 50 * MS, 1448 * i, 1448 * i + 1448)
        bench.due(i * 50 * MS + 49 * MS)
    answers = []
    for burst in range(400):
        now, first, seen = (60 + burst) * 50 * MS, 1448 * (60 + 5 * burst), len(bench.sent)
        for i in range(5):
            bench.feed(now, first + 1448 * i, first + 1448 * i + 1448)
        bench.due(now + MS)
        bench.due(now + 49 * MS)
        answers.append(len(bench.sent) - seen)
    assert 0.65 < np.mean(np.array(answers) == 1) < 0.85


def test_acknowledgements_of_a_long_gap_are_thinned_out() -> None:
    """The first three leave at once; later ones wait 1.1 ms, as packet logs show."""
    bench = Bench()
    for i in range(400):
        bench.feed(i * 5 * MS, 200 * i, 200 * i + 200)
    bench.receiver.srtt_ns = 100 * MS
    base, at = 400 * 200, 400 * 5 * MS
    seen = len(bench.sent)
    for i in range(1, 6):
        bench.feed(at + i * 5 * MS, base + 200 * i, base + 200 * i + 200)
        bench.due(at + i * 5 * MS + 2 * MS)
    waits = [sent - at - i * 5 * MS for i, (sent, _) in enumerate(bench.sent[seen:], 1)]
    assert waits == [0, 0, 0, 2 * MS, 2 * MS]
    assert pytest.approx(bench.timers[-1] - at - 20 * MS, rel=0.01) == 1.1 * MS


def test_replies_carry_acknowledgements() -> None:
    bench = Bench()
    for i in range(20):
        now = i * 20 * MS
        bench.feed(now, 200 * i, 200 * i + 200)
        bench.receiver.replied(now + 10 * MS)
        carried = bench.receiver.ride(now + 10 * MS)
        assert carried is not None
        assert carried[0] == 200 * i + 200
    assert len(bench.sent) == 1


def test_nothing_is_carried_before_anything_came() -> None:
    assert Bench().receiver.ride(0) is None
