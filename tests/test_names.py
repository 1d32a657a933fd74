"""Names that UTF-8 cannot carry: refused from callers, spelled out from the wire."""

from __future__ import annotations

import pytest
from histories import WRITABLE

from wsim import Traffic, WebSocketServerSimulator, create_websocket_simulator, simulate
from wsim.errors import ConditionsError, PayloadError, UsageError
from wsim.formats import concat, load, save
from wsim.formats.jsonl import Recorder
from wsim.history import History
from wsim.names import is_name, readable
from wsim.profiles import PROFILES, Profile

HALF = "\ud83d"


@pytest.mark.parametrize("text", ["drive", "with spaces", "café", "\U0001f916", "(other)"])
def test_names_are_any_text_that_can_be_written(text):
    assert is_name(text)
    assert readable(text) == text


@pytest.mark.parametrize("text", ["", None, 5, b"drive", HALF, f"a{HALF}"])
def test_others_are_none(text):
    assert not is_name(text)


async def test_a_caller_is_refused_half_a_character():
    sim = create_websocket_simulator("perfect", seed=1)
    client = await sim.connect()
    for send in (sim.receive, sim.emit, sim.call):
        with pytest.raises(PayloadError, match="half a character"):
            await send(HALF, {}, client)
    with pytest.raises(PayloadError):
        sim.receive_nowait(HALF, {"linear": 1.0}, client)
    with pytest.raises(PayloadError):
        sim.register_schema(HALF, {})
    with pytest.raises(PayloadError):
        Traffic.periodic(HALF, 1, size_bytes=1)
    with pytest.raises(UsageError, match="client id"):
        await sim.connect(HALF)
    assert not await sim.receive("drive", {}, HALF)  # never raises: no such client
    assert sim.history["client_id"].tolist() == ["\\ud83d"]


def test_runs_and_profiles_are_refused_half_a_character():
    for setting in ("run", "profile"):
        with pytest.raises(ConditionsError, match=setting):
            WebSocketServerSimulator({setting: HALF, "network": {}})
    with pytest.raises(UsageError, match="run"):
        History(run=HALF)
    traffic = Traffic.periodic("drive", 1, size_bytes=1)
    with pytest.raises(UsageError, match="run"):
        simulate(traffic, "perfect", duration_s=2, run=HALF)
    with pytest.raises(ConditionsError, match="name"):
        Profile(HALF, PROFILES["perfect"].conditions)


def from_the_wire() -> History:
    history = History(None, about={"started_at": 1.7e9})
    names = {"event_name": HALF, "client_id": HALF, "namespace": "/" + HALF}
    history.append(0, 0, 5, **names, data={HALF: HALF})
    history.append(1, 1, 6, event_name="\\ud83d", message_id=HALF)
    history.append(2, 2, 7, event_name=HALF)
    return history


@pytest.mark.parametrize("suffix", WRITABLE)
def test_what_the_wire_brought_is_kept_in_every_format(suffix, tmp_path):
    frame = from_the_wire().frame
    assert frame["event_name"].tolist() == ["\\ud83d"] * 3
    assert frame["namespace"].tolist() == ["/\\ud83d", "/", "/"]
    back = load(save(frame, tmp_path / f"half{suffix}"))
    for name in ("event_name", "client_id", "namespace", "size_bytes", "data"):
        assert back[name].tolist() == frame[name].tolist()
    assert len(concat([back, frame])) == 6


def test_a_recording_as_it_grows_loads(tmp_path):
    history = History(None, about={"started_at": 1.7e9})
    with Recorder(tmp_path / "live.jsonl", history):
        for _ in range(2):
            history.append(0, 0, 5, event_name=HALF, client_id="a", data=HALF)
    assert load(tmp_path / "live.jsonl")["event_name"].tolist() == ["\\ud83d"] * 2
