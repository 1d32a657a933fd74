"""One direction of a relayed connection, in time that is only an argument."""

from __future__ import annotations

import random

import pytest
from serving_harness import conditions

from wsim.link import Link
from wsim.serving.tcp_pipe import Pipe
from wsim.serving.tcp_stream import stream_conditions

MS = 1_000_000


class Reader:
    """A sink that remembers, and may be slow or gone."""

    def __init__(self):
        self.got = []
        self.backlog_bytes = 0
        self.open = True

    def write(self, data):
        if self.open:
            self.got.append(data)
        return self.open

    def finish(self, mark):
        self.got.append(mark)


def piped(setting, seed=0, max_bytes=10_000):
    rows = []
    link = Link(stream_conditions(setting), seed=seed)
    pipe = Pipe(link.inbound, Reader(), lambda *row: rows.append(row), max_bytes)
    return link, pipe, rows


def drain(link, pipe):
    times = []
    while pipe.channel.in_flight and (due := link.next_event_ns) is not None:
        before = len(pipe.sink.got)
        pipe.advance(due)
        link.outbound.advance(due)
        times += [due] * (len(pipe.sink.got) - before)
    return times


def test_bytes_come_out_after_the_latency_and_the_end_behind_them():
    link, pipe, rows = piped(conditions(20))
    pipe.feed(0, b"one")
    pipe.feed(5 * MS, b"two")
    pipe.end(5 * MS, "eof")
    pipe.advance(20 * MS - 1)
    assert pipe.sink.got == []
    assert drain(link, pipe) == [20 * MS, 25 * MS, 25 * MS]
    assert pipe.sink.got == [b"one", b"two", "eof"]
    assert pipe.ended
    assert [(row[0], row[1].fate, row[2]) for row in rows] == [("inbound", "delivered", 3)] * 2


def test_nothing_to_simulate_means_at_once():
    _, pipe, rows = piped(conditions(0))
    pipe.feed(7, b"x")
    pipe.end(7, "eof")
    assert pipe.sink.got == [b"x", "eof"]
    assert [row[1].delivered_ns for row in rows] == [7]


def test_a_bottleneck_spreads_a_burst_over_its_time():
    link, pipe, _ = piped(conditions(0, bandwidth_mbps=8))  # 1 MB/s, portions of 10 ms
    pipe.feed(0, bytes(95_000))
    times = drain(link, pipe)
    assert times == [*range(10 * MS, 91 * MS, 10 * MS), 95 * MS]
    assert [len(data) for data in pipe.sink.got] == [10_000] * 9 + [5_000]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "changes",
    [
        {"packet_loss_rate": 0.2},
        {"jitter_ms": 30},
        {"bandwidth_mbps": 1, "queue_limit_bytes": 5_000},
        {"outage": {"kind": "windows", "windows_s": ((0.1, 1.5),)}},
        {"outage": {"kind": "windows", "windows_s": ((0.1, 1.5),)}, "transport": "tcp"},
    ],
)
def test_the_stream_is_whole_and_in_order_under_any_conditions(changes, seed):
    rng = random.Random(seed)
    link, pipe, rows = piped(conditions(30, **changes), seed=seed)
    sent = b""
    for number in range(60):
        data = rng.randbytes(rng.randrange(1, 4000))
        link.outbound.advance(number * 5 * MS)
        pipe.advance(number * 5 * MS)
        pipe.feed(number * 5 * MS, data)
        sent += data
    pipe.end(300 * MS, "eof")
    drain(link, pipe)
    assert pipe.sink.got[-1] == "eof"
    assert b"".join(pipe.sink.got[:-1]) == sent
    assert {row[1].fate for row in rows} == {"delivered"}
    assert sum(row[2] for row in rows) == len(sent)
    assert pipe.bytes_in_flight == 0
    latencies = [row[1].delivered_ns - row[1].sent_ns for row in rows]
    assert min(latencies) >= (30 * MS if "jitter_ms" not in changes else 0)
    assert max(latencies) > 40 * MS  # late is what loss, queue and outage have become


def test_a_source_is_to_wait_while_too_much_is_under_way_or_not_taken():
    link, pipe, _ = piped(conditions(20), max_bytes=1000)
    pipe.feed(0, bytes(600))
    assert not pipe.is_full
    pipe.sink.backlog_bytes = 400
    assert pipe.is_full
    pipe.sink.backlog_bytes = 0
    pipe.feed(0, bytes(400))
    assert pipe.is_full
    drain(link, pipe)
    assert not pipe.is_full


def test_what_nobody_takes_and_what_is_swallowed_is_recorded_as_lost():
    link, pipe, rows = piped(conditions(20))
    pipe.feed(0, b"abc")
    pipe.sink.open = False
    drain(link, pipe)
    pipe.swallow(30 * MS, 5, "outage")
    pipe.shut = True
    pipe.feed(40 * MS, b"late")
    assert [(row[1].fate, row[1].cause, row[2]) for row in rows] == [
        ("dropped", "closed", 3), ("dropped", "outage", 5), ("dropped", "closed", 4),
    ]  # fmt: skip
    assert pipe.sink.got == []


def test_what_is_under_way_goes_with_the_connection():
    link, pipe, rows = piped(conditions(20))
    pipe.feed(0, b"abc")
    pipe.end(0, "eof")
    link.session.cut(MS)
    pipe.close(MS)
    assert [(row[1].fate, row[1].cause) for row in rows] == [("dropped", "disconnected")]
    assert pipe.sink.got == []
    assert not pipe.ended
    assert pipe.bytes_in_flight == 0
