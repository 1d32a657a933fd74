"""A sender on its own: recovery, timers and probes, step by step against the RFCs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from wsim.conditions import NetworkConditions
from wsim.tcp.constants import LOSS, OPEN, PROBE, RECOVERY, REORDER, RETRANSMIT
from wsim.tcp.cubic import Cubic
from wsim.tcp.path import Path
from wsim.tcp.sender import Sender
from wsim.tcp.state import TcpOptions

MS = 1_000_000
RTT = 100 * MS
FREE = NetworkConditions(latency_ms=50.0, jitter_ms=0.0, packet_loss_rate=0.0, bandwidth_mbps=None)


class Bench:
    """A sender whose segments are noted and whose acknowledgements are given by hand."""

    def __init__(self, window: int = 10) -> None:
        self.wire: list[tuple[int, int, int, bool]] = []
        path = Path(FREE, seed=1, client=0, direction="inbound")
        options = TcpOptions(mss=1000, initial_window=window)
        self.sender = Sender(
            options,
            path,
            Cubic(),
            lambda *packet: self.wire.append(packet),
            lambda target, due: None,
        )
        self.sender.handshake(RTT)

    def write(self, now: int, size: int = 100) -> None:
        self.sender.write(now, size)

    def ack(
        self,
        now: int,
        upto: int,
        *blocks: tuple[int, int],
        echo: int = -1,
        twice: tuple[int, int] | None = None,
    ) -> None:
        self.sender.on_ack(now, (upto, blocks, twice, echo if echo >= 0 else now - RTT))

    def fire(self) -> int:
        at = self.sender.expires()
        self.sender.on_timer(at)
        return at

    def stream(self, count: int, gap: int = 20 * MS) -> None:
        for i in range(count):
            self.write(i * gap)


def test_messages_leave_at_once_within_the_window() -> None:
    bench = Bench()
    bench.stream(3)
    assert bench.wire == [(i * 20 * MS, i * 100, i * 100 + 100, True) for i in range(3)]


def test_what_waits_is_coalesced() -> None:
    bench = Bench(window=2)
    bench.stream(30, gap=MS)
    assert len(bench.wire) == 2
    bench.ack(RTT, 100)
    bench.ack(RTT + MS, 200)
    assert [end - start for _, start, end, _ in bench.wire[2:]] == [1000, 1000, 800]


def test_three_later_arrivals_prove_a_loss() -> None:
    bench = Bench()
    bench.stream(8, gap=5 * MS)
    for i in (1, 2):
        bench.ack(RTT + i * 5 * MS, 0, (100, 100 + i * 100))
        assert bench.sender.pending == REORDER
    bench.ack(RTT + 15 * MS, 0, (100, 400))
    assert bench.sender.state == RECOVERY
    assert bench.wire[-1] == (RTT + 15 * MS, 0, 100, False)


def test_fewer_prove_it_after_a_quarter_of_a_round_trip() -> None:
    bench = Bench()
    bench.stream(4)
    bench.ack(RTT + 20 * MS, 0, (100, 200))
    at = bench.fire()
    assert RTT + 25 * MS < at <= RTT + 25 * MS + 12 * MS
    assert bench.wire[-1] == (at, 0, 100, False)
    assert bench.sender.recoveries == 1


def test_recovery_cuts_the_window_once_and_ends_with_its_last_byte() -> None:
    bench = Bench(window=10)
    bench.stream(8)
    for i in (1, 2, 3, 4):
        bench.ack(RTT + i * 20 * MS, 0, (100, 100 + i * 100))
    assert bench.sender.ssthresh == 7
    bench.ack(RTT + 160 * MS, 500)
    assert bench.sender.state == RECOVERY
    bench.ack(RTT + 161 * MS, 800)
    assert bench.sender.state == OPEN
    assert bench.sender.cwnd == 7


def test_a_lost_retransmission_is_found_by_what_was_sent_after_it() -> None:
    bench = Bench()
    bench.stream(6)
    for i in (1, 2, 3):
        bench.ack(RTT + i * 20 * MS, 0, (100, 100 + i * 100))
    bench.write(RTT + 61 * MS)
    bench.ack(2 * RTT + 62 * MS, 0, (100, 700))
    again = [packet for packet in bench.wire if not packet[3]]
    assert [packet[1] for packet in again] == [0, 0]
    assert again[1][0] == 2 * RTT + 62 * MS


def test_silence_is_answered_by_a_probe_then_by_a_timeout() -> None:
    bench = Bench()
    bench.stream(2)
    assert bench.sender.pending == PROBE
    at = bench.fire()
    assert 20 * MS + 202 * MS < at <= 20 * MS + 202 * MS + 8 * MS
    assert bench.wire[-1][1:] == (100, 200, False)
    assert bench.sender.pending == RETRANSMIT
    late = bench.fire()
    assert at + 300 * MS < late <= at + 340 * MS
    assert bench.wire[-1][1:] == (0, 200, False)
    assert bench.sender.state == LOSS
    assert bench.sender.cwnd == 1


def test_a_lone_segment_waits_200_ms_more() -> None:
    bench = Bench()
    bench.write(0)
    assert 300 * MS < bench.sender.expires() <= 340 * MS


def test_timeouts_double() -> None:
    bench = Bench()
    bench.write(0)
    at = [bench.fire() for _ in range(6)]
    waits = [(b - a) / MS for a, b in pairwise(at[1:])]
    for wait, expected in zip(waits, [600, 1200, 2400, 4800], strict=False):
        assert expected < wait <= expected * 1.12


def test_small_neighbours_travel_with_a_retransmission() -> None:
    bench = Bench()
    bench.stream(5)
    bench.fire()
    bench.fire()
    assert bench.wire[-1][1:] == (0, 500, False)


def test_a_probe_that_repairs_a_loss_counts_as_one() -> None:
    """The loss was repaired without anybody noticing; the window is cut all the same."""
    bench = Bench()
    bench.stream(1)
    bench.write(MS)
    bench.fire()
    bench.write(300 * MS)
    window = bench.sender.cwnd
    bench.ack(420 * MS, 300)
    assert bench.sender.cwnd == window * 717 // 1024


def test_what_was_delivered_twice_counts_as_delivered() -> None:
    """So slow start after a timeout is faster, as packet logs of outages show: 3 instead of 2."""
    for twice, sent in ((None, 2), ((0, 100), 3)):
        bench = Bench()
        bench.stream(10)
        bench.fire()  # the probe
        bench.write(400 * MS, 9000)
        due = bench.fire()
        assert bench.sender.state == LOSS
        count = len(bench.wire)
        bench.ack(due + RTT, bench.wire[-1][2], twice=twice)
        assert len(bench.wire) - count == sent


def test_a_report_of_what_was_sent_once_is_not_believed() -> None:
    bench = Bench()
    bench.stream(3)
    bench.ack(RTT, 100, twice=(0, 100))
    assert bench.sender.delivered == 1


def test_a_timeout_that_was_needless_is_undone() -> None:
    """The acknowledgement echoes a stamp from before the retransmission (Eifel)."""
    bench = Bench()
    bench.stream(4)
    bench.fire()
    at = bench.fire()
    assert bench.sender.state == LOSS
    bench.ack(at + 10 * MS, 400, echo=60 * MS)
    assert bench.sender.state == OPEN
    assert bench.sender.cwnd == 10


def test_an_idle_sender_shrinks_its_window() -> None:
    bench = Bench(window=4)
    bench.sender.cwnd = 64
    bench.write(0)
    bench.ack(RTT, 100)
    bench.write(1300 * MS)
    assert bench.sender.cwnd == 4


def test_a_window_that_is_not_used_decays() -> None:
    bench = Bench(window=4)
    bench.sender.cwnd = 40
    for i in range(100):
        bench.write(i * 20 * MS)
        if i >= 5:
            bench.ack(i * 20 * MS + 1, (i - 4) * 100)
    assert 5 <= bench.sender.cwnd < 15


def test_reordering_seen_makes_the_sender_patient() -> None:
    bench = Bench()
    bench.stream(8)
    bench.ack(RTT + 20 * MS, 0, (100, 200))
    bench.ack(RTT + 21 * MS, 200)
    assert bench.sender.reordered
    for i in (3, 4, 5):
        bench.ack(RTT + i * 20 * MS, 200, (300, 300 + (i - 2) * 100))
    assert bench.sender.state != RECOVERY or bench.sender.recoveries == 1


@pytest.mark.parametrize("count", [1, 3, 10])
def test_an_acknowledgement_of_everything_stops_the_timer(count: int) -> None:
    bench = Bench()
    bench.stream(count)
    bench.ack(RTT + count * 20 * MS, count * 100)
    assert bench.sender.expires() >= 1 << 60
