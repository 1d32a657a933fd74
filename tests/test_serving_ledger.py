"""What is written of real messages: once, with age, without secrets, and damaged as ordered."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_harness import conditions

from wsim.clock import VirtualClock, run
from wsim.history import History
from wsim.messages import Verdict
from wsim.serving.ledger import REDACTED
from wsim.serving.network import Network
from wsim.serving.packets import Assembler, encode_event

MS = 1_000_000


class Sink:
    """A route that keeps what comes out."""

    backlog_bytes = 0

    def __init__(self):
        self.out = []

    def pass_on(self, frames, unit):
        self.out += frames


def scene(script, setting=None, **options):
    """Run a script with a network in virtual time, one client, and a sink."""

    async def main():
        import asyncio

        history = History(about={"started_at": 1000.0})
        clock = VirtualClock(asyncio.get_running_loop())
        network = Network(setting or conditions(10), history=history, clock=clock, **options)
        client, sink = network.admit("one"), Sink()
        network.join(client)

        def put(*frames, direction="inbound"):
            assembler = Assembler(max_attachments=99)
            for frame in frames:
                for unit in assembler.feed(frame):
                    network.put(client, direction, unit, sink)

        await script(put, clock.sleep, network, client)
        await clock.sleep(1)
        return history.frame, sink.out

    return run(main())


def test_an_acknowledgement_fills_the_round_trip_and_is_no_row():
    async def script(put, sleep, network, client):
        put('427["ask",1]')
        await sleep(0.05)
        put('437["yes"]', direction="outbound")

    frame, out = scene(script)
    assert list(frame.event_name) == ["ask"]
    assert list(frame.round_trip_ms) == [60]
    assert out == ['427["ask",1]', '437["yes"]']


def test_an_acknowledgement_of_nothing_passes():
    async def script(put, sleep, network, client):
        put("4399[]", direction="outbound")

    frame, out = scene(script)
    assert frame.empty
    assert out == ["4399[]"]


@pytest.mark.parametrize("unit_s", [1.0, 1e3])
def test_age_runs_from_the_senders_own_time_stamp_whatever_its_clock_shows(unit_s):
    async def script(put, sleep, network, client):
        for waited_s in (0.0, 0.5, 2.0):
            await sleep(1)
            made = (1.7e9 + client_clock + network.clock.now_ns() / 1e9 - waited_s) * unit_s
            put(*encode_event("drive", [{"timestamp": made}]))

    client_clock = -777.0
    frame, _ = scene(script)
    assert frame.latency_ms.to_list() == pytest.approx([10, 510, 2010], abs=0.01)
    assert frame.client_buffer_ms.to_list() == pytest.approx([0, 500, 2000], abs=0.01)
    parts = frame.filter(regex="_ms$").drop(columns=["latency_ms", "round_trip_ms", "lateness_ms"])
    assert parts.sum(axis=1).to_list() == pytest.approx(frame.latency_ms.to_list())


@pytest.mark.parametrize("stamp", [True, "now", math.inf, None, [1]])
def test_time_stamps_that_are_none_are_left_alone(stamp):
    async def script(put, sleep, network, client):
        text = "Infinity" if stamp == math.inf else None
        frames = encode_event("drive", [{"timestamp": stamp}])
        put(*([frames[0]] if text is None else [f'42["drive",{{"timestamp":{text}}}]']))

    frame, _ = scene(script)
    assert list(frame.latency_ms) == [10]


def test_secrets_are_blotted_out_of_the_record_but_not_of_the_message():
    async def script(put, sleep, network, client):
        put('42["login",{"user":"ann","Token":"t","deep":[{"password":"p"}]}]')

    frame, out = scene(script)
    assert frame.data[0] == {"user": "ann", "Token": REDACTED, "deep": [{"password": REDACTED}]}
    assert '"t"' in out[0]


def test_large_attachments_are_recorded_as_their_size():
    async def script(put, sleep, network, client):
        put(*encode_event("picture", [{"jpeg": b"x" * 70_000, "small": b"y"}]))

    frame, out = scene(script)
    assert frame.data[0] == {"jpeg": 70_000, "small": b"y"}
    assert frame.size_bytes[0] > 70_000
    assert len(out[1]) == 70_000


def test_an_inspector_enriches_or_refuses():
    def inspect(event, args):
        return Verdict(args[0] > 0, (*args, "rich"), "m-1", 0, "")

    async def script(put, sleep, network, client):
        put('423["count",5]')
        put('42["count",-5]')

    frame, out = scene(script, inspect=inspect)
    assert list(frame.fate) == ["delivered", "refused"]
    assert list(frame.cause) == ["", "validation"]
    assert list(frame.message_id) == ["m-1", "m-1"]
    assert out == ['423["count",5,"rich"]']


def test_damage_is_carried_out_on_what_arrives():
    damaging = conditions(10, corrupt_rate=1.0, corrupt_kinds=("sign",))

    async def script(put, sleep, network, client):
        put('42["drive",{"linear":0.5}]')

    frame, out = scene(script, damaging)
    assert out == ['42["drive",{"linear":-0.5}]']
    assert list(frame.fate) == ["delivered"]


def test_damage_beyond_reading_is_a_drop():
    damaging = conditions(10, corrupt_rate=1.0, corrupt_kinds=("truncate",))

    async def script(put, sleep, network, client):
        for number in range(20):
            put(f'42["drive",{{"linear":{number}}}]')

    frame, out = scene(script, damaging)
    assert set(frame.cause) == {"corrupt"}
    assert out == []


def test_what_cannot_be_read_is_recorded_and_passed():
    async def script(put, sleep, network, client):
        put('42["drive",{')
        put("42[7]")

    frame, out = scene(script)
    assert list(frame.event_name) == ["(unreadable)", "(unreadable)"]
    assert out == ['42["drive",{', "42[7]"]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(-1, 3)), max_size=25),
    st.sampled_from([0, 0.4]),
    st.sampled_from([0, 0.2]),
)
def test_every_message_is_one_row_and_none_arrives_after_a_cut(steps, loss, cuts):
    async def script(put, sleep, network, client):
        for number, (gap, inbound, ack_id) in enumerate(steps):
            await sleep(gap / 1000)
            if client.gone:
                continue
            frames = encode_event("e", [number], ack_id=ack_id)
            put(*frames, direction="inbound" if inbound else "outbound")
            sent.append(number)
            if not client.door.link.session.connected(network.clock.now_ns()):
                network.lose(client)

    sent: list[int] = []
    frame, out = scene(script, conditions(10, packet_loss_rate=loss, disconnect_rate=cuts))
    assert sorted(frame.data) == sent
    assert (frame.fate == "delivered").sum() == len(out)
    assert frame.delivered_s.notna().sum() == len(out)
