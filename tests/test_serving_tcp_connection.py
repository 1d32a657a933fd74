"""Relayed connections over real sockets: whole streams, half-closed ones, slow readers."""

from __future__ import annotations

import asyncio
import random
import statistics
import time

import pytest
from serving_harness import conditions, until
from tcp_harness import dialled, relayed

from wsim.serving.host import let_go

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def exchanged(proxy, data):
    """Send bytes through the echo server and say that this was all; return what came back."""
    async with dialled(proxy) as (reader, writer):

        async def send():
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        got = await reader.read()
        await sending
    return got


@pytest.mark.parametrize(
    "setting",
    [
        conditions(0),
        conditions(15, jitter_ms=5),
        conditions(5, bandwidth_mbps=200),
        conditions(2, packet_loss_rate=0.02),
        conditions(enabled=False),
    ],
)
async def test_a_stream_comes_through_whole_and_is_recorded(setting):
    data = random.Random(1).randbytes(600_000)
    async with relayed(setting) as proxy:
        assert await exchanged(proxy, data) == data
        await until(lambda: not proxy.network.relays)
        frame = proxy.history.frame
    assert set(frame.event_name) == {"bytes"}
    assert set(frame.fate) == {"delivered"}
    assert frame.groupby("direction", observed=True).size_bytes.sum().to_dict() == {
        "inbound": len(data), "outbound": len(data),
    }  # fmt: skip
    assert frame.data.isna().all()  # what was said stays between those who said it
    states = [(note["state"], note["cause"]) for note in proxy.history.connections]
    assert states == [("connected", ""), ("disconnected", "closed")]


@pytest.mark.realtime
async def test_round_trips_and_the_handshake_take_their_time(capsys):
    """A real handshake takes a round trip, and the first answer another one."""
    async with relayed(conditions(50)) as proxy:
        start = time.perf_counter()
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            await reader.read(1)
            first_ms = (time.perf_counter() - start) * 1000
            times = []
            for _ in range(9):
                start = time.perf_counter()
                writer.write(b"x")
                await reader.read(1)
                times.append((time.perf_counter() - start) * 1000)
    with capsys.disabled():
        print(f"\n  first answer {first_ms:.2f} ms, round trip {statistics.median(times):.2f} ms")
    assert 200 <= first_ms < 225
    assert 100 <= statistics.median(times) < 115


async def test_the_client_says_it_is_done_and_still_hears_the_answer():
    async def answer(reader, writer):
        told = await reader.read()
        await asyncio.sleep(0.05)
        writer.write(b"heard " + told)
        await writer.drain()
        writer.close()

    async with relayed(conditions(5), answer) as proxy:
        async with dialled(proxy) as (reader, writer):
            writer.write(b"you")
            writer.write_eof()
            assert await reader.read() == b"heard you"
        await until(lambda: not proxy.network.relays)


async def test_the_server_says_it_is_done_and_still_hears_the_client():
    heard = asyncio.get_running_loop().create_future()

    async def greet(reader, writer):
        writer.write(b"bye")
        writer.write_eof()
        heard.set_result(await reader.read())
        writer.close()

    async with relayed(conditions(5), greet) as proxy, dialled(proxy) as (reader, writer):
        assert await reader.read() == b"bye"
        writer.write(b"still here")
        await asyncio.sleep(0.03)
        assert not heard.done()
        writer.write_eof()
        assert await heard == b"still here"


async def test_a_reset_crosses_as_a_reset_behind_what_was_sent():
    seen = asyncio.get_running_loop().create_future()

    async def listen(reader, writer):
        try:
            while await reader.read(100):
                pass
            seen.set_result("eof")
        except ConnectionResetError:
            seen.set_result("reset")
        writer.close()

    async with relayed(conditions(20), listen) as proxy:
        async with dialled(proxy) as (_, writer):
            writer.write(b"x")
            await until(lambda: proxy.history.recorded == 1)
            reset_at = time.perf_counter()
            let_go(writer.transport, "reset")
            assert await seen == "reset"
            assert time.perf_counter() - reset_at >= 0.02
        assert proxy.network.relays == []


async def test_who_does_not_read_makes_the_sender_wait_and_nothing_is_lost():
    """The sockets' buffers and the relay's fill up; then the sender stands still."""
    taken = asyncio.Event()
    got = []

    async def slow(reader, writer):
        await taken.wait()
        while data := await reader.read(1_000_000):
            got.append(len(data))
        writer.close()

    total = 40_000_000
    async with relayed(conditions(1), slow) as proxy, dialled(proxy) as (_, writer):
        writer.write(bytes(total))
        await until(lambda: proxy.network.relays)
        (relay,) = proxy.network.relays
        pipe = relay.pipes["inbound"]
        await standstill(lambda: writer.transport.get_write_buffer_size())
        held = pipe.bytes_in_flight + pipe.sink.backlog_bytes
        assert 0 < held < 4_500_000  # the bound, and what was read at once
        assert not relay.client.transport.is_reading()
        assert writer.transport.get_write_buffer_size() > 10_000_000
        taken.set()
        await writer.drain()
        writer.write_eof()
        await until(lambda: sum(got) == total, timeout=20)
    frame = proxy.history.frame
    assert set(frame.fate) == {"delivered"}


async def standstill(value):
    """Wait until something has not changed for half a second."""
    seen, since = value(), time.perf_counter()
    while time.perf_counter() - since < 0.5:
        await asyncio.sleep(0.01)
        if value() != seen:
            seen, since = value(), time.perf_counter()


async def test_a_rate_holds_for_a_stream():
    async with relayed(conditions(0, bandwidth_mbps=8)) as proxy:
        start = time.perf_counter()
        await exchanged(proxy, bytes(200_000))  # 1 MB/s; up and down overlap
        took = time.perf_counter() - start
        frame = proxy.history.frame
    assert took >= 0.2
    assert frame.serialization_ms.max() == pytest.approx(10, abs=0.1)
    first, last = frame.delivered_s.min(), frame[frame.direction == "inbound"].delivered_s.max()
    assert last - first >= 0.189


async def test_an_outage_holds_the_stream_back():
    async with relayed(conditions(1)) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"before")
        assert await reader.read(100) == b"before"
        end_s = proxy.network.clock.now_ns() / 1e9 + 0.5
        proxy.set(outage={"kind": "windows", "windows_s": ((0, end_s),)})
        writer.write(b"meanwhile")
        assert await reader.read(100) == b"meanwhile"
        assert proxy.network.clock.now_ns() >= end_s * 1e9
        frame = proxy.history.frame
    assert set(frame.fate) == {"delivered"}
    assert frame.outage_ms.max() > 200


async def test_a_cut_by_the_network_ends_the_connection():
    async with relayed(conditions(1, disconnect_rate=1)) as proxy:
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            assert await reader.read() == b""
        frame = proxy.history.frame
    assert list(frame.cause) == ["disconnected"]
    assert proxy.history.connections[-1]["cause"] == "disconnected"


async def test_a_server_that_resets_is_seen_by_the_client():
    async def reset(reader, writer):
        await reader.read(1)
        let_go(writer.transport, "reset")

    async with relayed(conditions(5), reset) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
