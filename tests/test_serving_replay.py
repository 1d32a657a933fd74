"""Replaying a recording as real clients: on time, by name, and with the outcome recorded."""

from __future__ import annotations

import pytest
import socketio
from serving_harness import conditions, echo_server, hosted

from wsim.errors import ColumnsError, UsageError
from wsim.formats import load
from wsim.history import History
from wsim.serving.replay import replay
from wsim.sessions import shipped

pytestmark = pytest.mark.asyncio


def session():
    history = History()
    for number in range(20):
        at = 5_000_000_000 + number * 20_000_000
        name = ("alice", "bob")[number % 2]
        history.append(at, at, at, "inbound", "driveCommands", name, data={"n": number})
        history.append(at, at, at, "outbound", "systemStatus", name, data={})
    history.append(at, at, at, "inbound", "homingRequest", "bob", ack_id=3)
    return history.frame


async def test_every_client_plays_its_part_on_time(tmp_path):
    path = tmp_path / "outcome.jsonl"
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(session(), url, conditions(15), record=path)
    commands = outcome[outcome.event_name == "driveCommands"].sort_values("created_s")
    assert [data["n"] for data in commands.data] == list(range(20))
    assert list(commands.client_id) == ["alice", "bob"] * 10
    gaps = commands.created_s.diff().dropna()
    assert gaps.to_list() == pytest.approx([0.02] * 19)
    assert (commands.latency_ms >= 15).all()
    assert (commands.sent_s >= commands.created_s).all()
    (asked,) = outcome[outcome.event_name == "homingRequest"].round_trip_ms
    assert asked >= 30
    assert len(load(path)) == len(outcome)


async def test_faster_than_it_was_and_lossy_by_the_seed():
    lossy = conditions(1, packet_loss_rate=0.4)
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcomes = [await replay(session(), url, lossy, seed=3, speed=10) for _ in range(2)]
    lost = [
        {data["n"] for data in frame[frame.dropped & (frame.event_name == "driveCommands")].data}
        for frame in outcomes
    ]
    assert lost[0] == lost[1]
    assert 2 <= len(lost[0]) <= 15
    assert max(frame.created_s.max() - frame.created_s.min() for frame in outcomes) < 0.2


@pytest.mark.slow
async def test_ten_seconds_of_the_shipped_session():
    frame = load(shipped())
    frame = frame[frame.created_s < 10]
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(frame, url, "stressed", seed=1, speed=2)
    sent = outcome[outcome.direction == "inbound"]
    meant = (frame.direction == "inbound").sum()
    # what a client hands to a socket that has just been cut never reaches the door
    assert meant - 3 <= len(sent) <= meant


async def test_what_cannot_be_replayed():
    with pytest.raises(ColumnsError, match="no column"):
        await replay(session()[["seq"]], "http://127.0.0.1:9")
    only_out = session()
    only_out = only_out[only_out.direction == "outbound"]
    with pytest.raises(UsageError, match="nothing to replay"):
        await replay(only_out, "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="speed=0"):
        await replay(session(), "http://127.0.0.1:9", speed=0)
    with pytest.raises(UsageError, match="cannot connect to http"):
        await replay(session(), "http://127.0.0.1:9")
