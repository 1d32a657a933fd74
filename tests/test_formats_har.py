"""HTTP archives: packets decoded, acknowledgements paired, one side only."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from wsim.errors import FormatError
from wsim.formats import load, save
from wsim.formats.packets import event_of, filled, parse

T0 = 1_700_000_000.0
URL = "ws://localhost:5000/socket.io/?EIO=4&transport=websocket"


def archive(*frames: tuple[str, float, Any], url: str = URL) -> dict[str, Any]:
    messages = []
    for kind, at, data in frames:
        binary = isinstance(data, bytes)
        messages.append({
            "type": kind, "time": T0 + at, "opcode": 2 if binary else 1,
            "data": base64.b64encode(data).decode() if binary else data,
        })  # fmt: skip
    entry = {"request": {"url": url}, "_webSocketMessages": messages}
    return {"log": {"version": "1.2", "entries": [{"request": {"url": "http://x/"}}, entry]}}


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "console.har"
    path.write_text(json.dumps(content))
    return path


SESSION = archive(
    ("receive", 0.0, '0{"sid":"abc","upgrades":[],"pingInterval":25000}'),
    ("send", 0.01, "40"),
    ("receive", 0.02, '40{"sid":"xyz"}'),
    ("send", 1.0, '42["driveCommands",{"linear":0.5}]'),
    ("send", 1.05, '42/rover,17["pingCheck"]'),
    ("receive", 1.15, '43/rover,17["pong"]'),
    ("receive", 1.2, '451-["cameraFeed",{"image":{"_placeholder":true,"num":0},"n":1}]'),
    ("receive", 1.201, b"\xff\xd8jpeg"),
    ("receive", 1.3, "2"),
    ("send", 1.3, "3"),
    ("send", 1.4, '42["several",1,"two",null]'),
)


def test_a_session_of_a_browser_is_decoded(tmp_path: Path) -> None:
    frame = load(write(tmp_path, SESSION))
    assert list(frame["event_name"]) == ["driveCommands", "pingCheck", "cameraFeed", "several"]
    assert list(frame["direction"]) == ["inbound", "inbound", "outbound", "inbound"]
    assert list(frame["created_s"]) == pytest.approx([0.0, 0.05, 0.2, 0.4])
    assert list(frame["data"]) == [
        {"linear": 0.5}, None, {"image": b"\xff\xd8jpeg", "n": 1}, (1, "two", None),
    ]  # fmt: skip
    assert list(frame["client_id"].unique()) == ["abc"]
    assert frame["namespace"][1] == "/rover"
    assert frame["ack_id"][1] == 17
    assert frame["round_trip_ms"][1] == pytest.approx(100.0, abs=1e-3)
    assert frame["round_trip_ms"].notna().sum() == 1
    assert (frame["fate"] == "unknown").all()
    assert frame["latency_ms"].isna().all()
    assert frame["size_bytes"][0] == len('2["driveCommands",{"linear":0.5}]')
    notes = frame.attrs["wsim"]["console"]
    assert notes["started_at"] == T0 + 1.0
    assert notes["connections"][0]["client_id"] == "abc"


def test_a_decoded_archive_survives_saving(tmp_path: Path) -> None:
    frame = load(write(tmp_path, SESSION))
    again = load(save(frame, tmp_path / "a.jsonl"))
    assert list(map(repr, again["data"])) == list(map(repr, frame["data"]))
    assert again.attrs == frame.attrs


def test_a_plain_websocket_gives_one_event_per_frame(tmp_path: Path) -> None:
    plain = archive(("send", 0, "42 apples"), ("receive", 1, b"\x01"), url="wss://rover/telemetry")
    frame = load(write(tmp_path, plain))
    assert set(frame.namespace) == {""}  # which tells it from Socket.IO's
    assert list(frame["event_name"]) == ["message", "message"]
    assert list(frame["data"]) == ["42 apples", b"\x01"]


@pytest.mark.parametrize(
    "text", ['42["unfinished', "42{}", "451-[]", "4", "42[]", '45x-["a"]', "47", "42" + "[" * 9999]
)
def test_odd_packets_are_kept_as_they_are(text: str, tmp_path: Path) -> None:
    frame = load(write(tmp_path, archive(("send", 0, text), ("send", 1, '42["ok"]'))))
    assert frame["event_name"].iloc[-1] == "ok"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no list 'entries'"),
        ({"log": {"entries": [{}]}}, "none of the 1 entries holds WebSocket messages"),
        ({"log": {"entries": [{"_webSocketMessages": 5}]}}, "is not a list"),
        (archive(("sideways", 0, "x")), "entry 1, message 0.*sideways"),
        (archive(("send", 0, 5)), "data is int"),
        (archive(("send", float("nan"), "x")), "time=nan"),
    ],
)
def test_broken_archives_are_named(content: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=f"console.har.*{words}"):
        load(write(tmp_path, content))


def test_packets() -> None:
    packet = parse('51-/a,12["e",{"_placeholder":true,"num":0}]')
    assert packet is not None
    assert packet[:4] == (5, "/a", 12, 1)
    assert filled(packet.body, [b"x"]) == ["e", b"x"]
    assert filled(packet.body, []) == ["e", {"_placeholder": True, "num": 0}]
    assert event_of(["e"]) == ("e", None)
    assert event_of([5, 1]) == ("[5]", 1)
    assert parse("9[]") is None
