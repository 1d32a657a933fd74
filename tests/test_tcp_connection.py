"""One TCP connection: exact accounting, order, repeatability, and purity in time."""

from __future__ import annotations

import random

import pytest

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.tcp import TcpConnection
from wsim.tcp.connection import Delivery

MS = 1_000_000
S = 1_000_000_000
Send = tuple[int, str, int, int]

VARIANTS = {
    "lossy": {"packet_loss_rate": 0.05},
    "no_latency": {"latency_ms": 0.0, "packet_loss_rate": 0.05},
    "jitter": {"jitter_ms": 20.0, "jitter_model": "uniform", "packet_loss_rate": 0.02},
    "reorder": {
        "jitter_ms": 20.0,
        "jitter_model": "uniform",
        "packet_loss_rate": 0.02,
        "reorder": True,
    },
    "queue": {"bandwidth_mbps": 0.2, "queue_limit_messages": 8, "packet_loss_rate": 0.01},
    "bbr": {"congestion_control": "bbr", "packet_loss_rate": 0.05},
    "burst": {
        "packet_loss_rate": 0.05,
        "loss_model": {"kind": "gilbert_elliott_time", "mean_burst_s": 0.1},
    },
    "reno_sized": {"mss_bytes": 500, "initial_window": 2, "packet_loss_rate": 0.01},
}


class Windows:
    """Fixed outages, as the session would hand them over."""

    def __init__(self, *windows: tuple[int, int]) -> None:
        self.windows = windows

    def window(self, now_ns: int) -> tuple[int, int] | None:
        return next((w for w in self.windows if w[0] <= now_ns < w[1]), None)

    def next_start_ns(self, now_ns: int) -> int | None:
        return min((w[0] for w in self.windows if w[0] > now_ns), default=None)


def conditions(**changes: object) -> NetworkConditions:
    plain = NetworkConditions(
        latency_ms=50.0, jitter_ms=0.0, packet_loss_rate=0.0, bandwidth_mbps=None
    )
    return plain.replace(**changes)


def connection(seed: int = 1, outages: Windows | None = None, **changes: object) -> TcpConnection:
    both = conditions(**changes)
    return TcpConnection(both, both, seed=seed, outage_state=outages)


def stream(count: int, period_ns: int = 20 * MS, size: int = 200) -> list[Send]:
    return [(i * period_ns, "inbound", i, size) for i in range(count)]


def both_ways(count: int) -> list[Send]:
    replies = [(i * 20 * MS, "outbound", i, 300) for i in range(count)]
    return sorted(stream(count) + replies)


def drain(tcp: TcpConnection, until_ns: int = 3_000 * S) -> list[Delivery]:
    found: list[Delivery] = []
    while (due := tcp.next_event_ns) is not None and due < until_ns:
        found += tcp.advance(due)
    return found


def run(tcp: TcpConnection, sends: list[Send]) -> list[Delivery]:
    for now, direction, number, size in sends:
        tcp.send(direction, now, number, size)
    return drain(tcp)


def run_eagerly(tcp: TcpConnection, sends: list[Send]) -> list[Delivery]:
    """Look at the clock at every event, and twice at every send."""
    found: list[Delivery] = []
    for now, direction, number, size in sends:
        while (due := tcp.next_event_ns) is not None and due <= now:
            found += tcp.advance(due)
        found += tcp.advance(now)
        tcp.send(direction, now, number, size)
        found += tcp.advance(now)
    return found + drain(tcp)


def run_at_random(tcp: TcpConnection, sends: list[Send], seed: int) -> list[Delivery]:
    rng = random.Random(seed)
    found: list[Delivery] = []
    for now, direction, number, size in sends:
        for _ in range(rng.randrange(3)):
            found += tcp.advance(now)
        tcp.send(direction, now, number, size)
    while tcp.next_event_ns is not None:
        found += tcp.advance(tcp.next_event_ns + rng.randrange(100 * MS))
    return found


@pytest.mark.parametrize("sends", [stream(600), both_ways(400)], ids=["one_way", "both_ways"])
@pytest.mark.parametrize("name", VARIANTS)
def test_results_do_not_depend_on_when_the_clock_is_looked_at(name: str, sends: list[Send]) -> None:
    lazily = run(connection(**VARIANTS[name]), sends)
    assert len(lazily) == len(sends)
    assert sorted(run_eagerly(connection(**VARIANTS[name]), sends)) == sorted(lazily)
    assert sorted(run_at_random(connection(**VARIANTS[name]), sends, 5)) == sorted(lazily)


@pytest.mark.parametrize("name", VARIANTS)
def test_parts_account_for_every_nanosecond(name: str) -> None:
    sends = both_ways(400)
    outages = Windows((2 * S, 3 * S))
    sent = {(direction, number): now for now, direction, number, _ in sends}
    for direction, number, at, parts in run(connection(outages=outages, **VARIANTS[name]), sends):
        assert sum(parts) == at - sent[direction, number]
        assert all(part >= 0 for i, part in enumerate(parts) if i != 4)


def test_messages_arrive_in_the_order_they_were_sent() -> None:
    found = run(connection(packet_loss_rate=0.1), stream(1000))
    assert [number for _, number, _, _ in found] == list(range(1000))
    times = [at for _, _, at, _ in found]
    assert times == sorted(times)


def test_without_loss_a_message_takes_the_latency_to_the_nanosecond() -> None:
    for _, number, at, parts in run(connection(), stream(50)):
        assert at - number * 20 * MS == 50 * MS
        assert parts == (0, 0, 0, 50 * MS, 0, 0, 0, 0)


def test_same_seed_same_run_and_another_seed_another() -> None:
    runs = [run(connection(seed, packet_loss_rate=0.05), stream(500)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_later_connection_of_the_client_draws_anew() -> None:
    both = conditions(packet_loss_rate=0.05)
    runs = [run(TcpConnection(both, both, seed=1, epoch=e), stream(500)) for e in (0, 1)]
    assert runs[0] != runs[1]


def test_nothing_is_ever_lost_and_loss_becomes_delay() -> None:
    found = run(connection(packet_loss_rate=0.1), stream(2000))
    assert len(found) == 2000
    again = [parts[5] for *_, parts in found]
    behind = [parts[6] for *_, parts in found]
    late = [at - number * 20 * MS > 55 * MS for _, number, at, _ in found]
    assert 0.5 < sum(late) / 2000 < 0.95
    assert 0.05 < sum(part > 0 for part in again) / 2000 < 0.4
    assert sum(part > 0 for part in behind) > sum(part > 0 for part in again)


def test_a_single_loss_is_repaired_by_the_next_acknowledgement() -> None:
    """Selective acknowledgements show the gap 20 ms later; RACK waits a quarter round trip."""
    tcp = connection(outages=Windows((200 * MS, 201 * MS)))
    delays = [at - number * 20 * MS for _, number, at, _ in run(tcp, stream(30))]
    assert delays[:10] == [50 * MS] * 10
    assert 20 * MS + 100 * MS + 50 * MS <= delays[10] <= 20 * MS + 100 * MS + 50 * MS + 20 * MS
    assert delays[11] == delays[10] - 20 * MS
    assert max(delays[20:]) < 50 * MS + 10


def test_an_isolated_message_waits_for_the_timeout() -> None:
    """A lone lost message is sent again after the round trip, 200 ms and the timer's own delay."""
    tcp = connection(outages=Windows((5 * S, 5 * S + MS)))
    found = run(tcp, [(i * S, "inbound", i, 100) for i in range(8)])
    extra = (found[5][2] - 5 * S - 50 * MS) / MS
    assert 300 <= extra <= 345
    assert found[5][3][5] + found[5][3][7] == round(extra * MS)


def test_an_outage_ends_with_a_retransmission_not_with_the_link() -> None:
    found = run(connection(outages=Windows((5 * S, 7 * S))), stream(800))
    first = min(at for _, _, at, _ in found if at >= 7 * S)
    assert 0.4 * S < first - 7 * S < 0.65 * S
    stuck = found[250]
    assert stuck[3][7] == pytest.approx(2 * S, abs=60 * MS)
    assert stuck[3][5] == pytest.approx(first - 7 * S, abs=100 * MS)


def test_bytes_beyond_the_window_are_coalesced_into_full_segments() -> None:
    """200 messages of 100 bytes in one instant leave in fewer segments once the window is full."""
    tcp = connection()
    found = run(tcp, [(0, "inbound", i, 100) for i in range(200)])
    times = sorted({at for _, _, at, _ in found})
    assert len([1 for *_, at, _ in found if at == 50 * MS]) == 10
    assert len(times) <= 3
    assert times[-1] <= 251 * MS


def test_a_large_message_arrives_with_its_last_byte() -> None:
    tcp = connection(bandwidth_mbps=1.0, overhead_bytes=0)
    (_, _, at, parts) = run(tcp, [(0, "inbound", 0, 12_500)])[0]
    packets = 9
    wire = (12_500 + packets * 52) * 8 * 1_000
    assert at == 50 * MS + wire
    assert parts[1] + parts[2] == wire


def test_acknowledgements_cross_the_other_direction() -> None:
    """A lossy reverse path delays nothing by itself, a dead one stops everything."""
    clean, lossy, dead = (conditions(packet_loss_rate=p) for p in (0.0, 0.2, 1.0))
    there = run(TcpConnection(clean, lossy, seed=3), stream(500))
    late = sum(at - n * 20 * MS > 55 * MS for _, n, at, _ in there)
    assert len(there) == 500
    assert late < 250
    tcp = TcpConnection(clean, dead, seed=3)
    for now, direction, number, size in stream(100):
        tcp.send(direction, now, number, size)
    assert len(tcp.advance(60 * S)) < 30


def test_change_moves_what_is_sent_afterwards() -> None:
    tcp = connection()
    found = []
    for now, direction, number, size in stream(40):
        if number == 20:
            slow = conditions(latency_ms=120.0)
            tcp.change(now, slow, slow)
        tcp.send(direction, now, number, size)
        found += tcp.advance(now)
    found += drain(tcp)
    delays = [at - number * 20 * MS for _, number, at, _ in found]
    assert delays[:20] == [50 * MS] * 20
    assert delays[20:] == [120 * MS] * 20


def test_order_holds_when_latency_falls() -> None:
    tcp = connection(latency_ms=200.0)
    for now, direction, number, size in stream(40):
        if number == 20:
            tcp.change(now, conditions(latency_ms=5.0), conditions(latency_ms=5.0))
        tcp.send(direction, now, number, size)
    times = [at for _, _, at, _ in drain(tcp)]
    assert times == sorted(times)


def test_close_tells_what_was_not_delivered() -> None:
    tcp = connection()
    for now, direction, number, size in stream(7):
        tcp.send(direction, now, number, size)
    assert tcp.close(130 * MS) == [("inbound", 5), ("inbound", 6)]
    assert tcp.next_event_ns is None


def test_idle_connections_have_nothing_to_do() -> None:
    tcp = connection()
    assert tcp.next_event_ns is None
    tcp.send("inbound", 0, 0, 100)
    drain(tcp)
    assert tcp.next_event_ns is None
    assert tcp.advance(100 * S) == []


def test_burst_loss_runs_in_time() -> None:
    """A bad spell of 100 ms ends by the clock, though only retransmissions cross it."""
    tcp = connection(**VARIANTS["burst"])
    found = run(tcp, stream(3000))
    worst = max(at - number * 20 * MS for _, number, at, _ in found)
    assert len(found) == 3000
    assert worst < 20 * S


def test_disabled_conditions_simulate_nothing() -> None:
    found = run(connection(enabled=False, packet_loss_rate=0.5), stream(20))
    assert all(at - number * 20 * MS < 100 for _, number, at, _ in found)


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(ConditionsError, match="1 byte or more"):
        connection().send("inbound", 0, 0, 0)
