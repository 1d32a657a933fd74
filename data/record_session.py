"""Record the session that ships with wsim: a real client drives a real server.

The server below is plain python-socketio; the operator is the JavaScript client of
``record_session.mjs``. Both note what they send and receive; this script pairs the two logs
(a WebSocket keeps order) and writes one history. The pixels of the camera are left out, their
sizes are kept.

    mkdir scratch && cd scratch && npm install socket.io-client
    python ../data/record_session.py operator_drive.jsonl
    gzip -9n operator_drive.jsonl
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import socketio
from aiohttp import web

from wsim.formats.jsonl import write_jsonl
from wsim.history import History
from wsim.payloads import packet_size

HERE = Path(__file__).parent
WATCHDOG_S = 0.5
CAMERA_HZ, STATUS_HZ, SENSOR_HZ = 5, 10, 5
log: list[tuple[str, str, float, Any, float]] = []
"""(direction, event, epoch s, payload, round trip s) as the server saw it."""


class Rover:
    """Drives as told, stops when told or when nobody tells it anything."""

    def __init__(self) -> None:
        self.speed = self.turn = self.heading = self.x = self.y = 0.0
        self.battery, self.mode = 96.4, "idle"
        self.commanded_at = 0.0
        self.at = time.time()

    def command(self, linear: float, angular: float) -> None:
        if self.mode != "homing":
            self.speed, self.turn = linear, angular
            self.mode, self.commanded_at = "teleop", time.time()

    def stop(self, mode: str) -> None:
        self.speed = self.turn = 0.0
        self.mode = mode

    def move(self) -> None:
        now = time.time()
        step, self.at = now - self.at, now
        if self.mode == "teleop" and now - self.commanded_at > WATCHDOG_S:
            self.stop("idle")
        self.heading += self.turn * step
        self.x += self.speed * math.cos(self.heading) * step
        self.y += self.speed * math.sin(self.heading) * step
        self.battery -= (0.002 + 0.01 * abs(self.speed)) * step


sio = socketio.AsyncServer(async_mode="aiohttp")
rover = Rover()
dice = random.Random(7)


@sio.on("driveCommands")
async def drive(sid: str, data: dict[str, float]) -> None:
    log.append(("inbound", "driveCommands", time.time(), data, math.nan))
    rover.command(data["linear"], data["angular"])


@sio.on("emergencyStop")
async def emergency_stop(sid: str, data: dict[str, Any]) -> dict[str, Any]:
    log.append(("inbound", "emergencyStop", time.time(), data, math.nan))
    rover.stop("stopped")
    return {"stopped": True}


@sio.on("homingRequest")
async def homing(sid: str, data: dict[str, Any]) -> dict[str, Any]:
    log.append(("inbound", "homingRequest", time.time(), data, math.nan))
    rover.stop("homing")
    asyncio.get_running_loop().call_later(4.0, rover.stop, "idle")
    return {"accepted": True}


def status() -> dict[str, Any]:
    return {
        "battery": round(rover.battery, 2),
        "mode": rover.mode,
        "position": {"x": round(rover.x, 3), "y": round(rover.y, 3)},
        "heading": round(rover.heading, 4),
        "speed": rover.speed,
    }


def sensors() -> dict[str, Any]:
    shake = 0.02 + 0.1 * abs(rover.speed)
    return {
        "imu": {
            "accel": [round(dice.gauss(g, shake), 3) for g in (0.0, 0.0, 9.81)],
            "gyro": [round(dice.gauss(r, 0.01), 4) for r in (0.0, 0.0, rover.turn)],
        },
        "temperature": {"motor": round(31 + 6 * abs(rover.speed) + dice.gauss(0, 0.2), 1)},
        "range": round(4.0 + 2 * math.sin(rover.x) + dice.gauss(0, 0.03), 3),
    }


frames = 0


def camera() -> dict[str, Any]:
    """Stands for a JPEG: larger while the picture moves, a large one every two seconds."""
    global frames
    frames += 1
    size = 18_000 + 9_000 * abs(rover.speed) + 14_000 * abs(rover.turn)
    size *= 1.6 if frames % (2 * CAMERA_HZ) == 1 else 1.0
    pixels = dice.randbytes(max(4_000, int(dice.gauss(size, 0.06 * size))))
    return {"frame": frames, "width": 640, "height": 480, "encoding": "jpeg", "image": pixels}


async def publish(event: str, rate_hz: float, make: Any) -> None:
    loop = asyncio.get_running_loop()
    tick = loop.time()
    while True:
        tick += 1 / rate_hz
        await asyncio.sleep(max(0.0, tick - loop.time()))
        rover.move()
        data = make()
        log.append(("outbound", event, time.time(), data, math.nan))
        await sio.emit(event, data)


async def record(client_log: Path) -> None:
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    connected, gone = asyncio.Event(), asyncio.Event()
    sio.on("connect", lambda sid, environ: connected.set())
    sio.on("disconnect", lambda sid, reason: gone.set())
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    operator = await asyncio.create_subprocess_exec(
        "node", str(HERE / "record_session.mjs"), url, str(client_log)
    )
    await connected.wait()
    topics = [
        asyncio.create_task(publish("systemStatus", STATUS_HZ, status)),
        asyncio.create_task(publish("cameraFeed", CAMERA_HZ, camera)),
        asyncio.create_task(publish("sensorData", SENSOR_HZ, sensors)),
    ]
    await gone.wait()
    for topic in topics:
        topic.cancel()
    await operator.wait()
    await runner.cleanup()


def paired(client_log: Path) -> list[dict[str, Any]]:
    """Pair the n-th sending of an event with the n-th arrival at the other end."""
    ours, theirs = defaultdict(list), defaultdict(list)
    for direction, event, at, data, _ in log:
        ours[direction, event].append((at, data))
    for line in client_log.read_text().splitlines():
        direction, event, at_ms, round_trip_ms = json.loads(line)
        theirs[direction, event].append((at_ms / 1000, round_trip_ms))
    rows = []
    for key, entries in ours.items():
        for (here, data), (there, round_trip_ms) in zip(entries, theirs[key], strict=False):
            inbound = key[0] == "inbound"
            sent, arrived = (there, here) if inbound else (here, there)
            rows.append((sent, max(arrived, sent), *key, data, round_trip_ms))
    rows.sort(key=lambda row: row[0])
    print({key: (len(ours[key]), len(theirs[key])) for key in ours}, file=sys.stderr)
    fields = ("sent", "delivered", "direction", "event", "data", "round_trip_ms")
    return [dict(zip(fields, row, strict=True)) for row in rows]


def history_of(rows: list[dict[str, Any]]) -> History:
    """Make a history of what was measured; the whole delay counts as propagation."""
    start = rows[0]["sent"]
    about = {"started_at": start, "note": "recorded from socket.io-client on one machine"}
    history = History(None, run="operator_drive", profile="recorded", about=about)
    acks = 0
    for row in rows:
        sent, delivered = (round((row[name] - start) * 1e9) for name in ("sent", "delivered"))
        asked = row["round_trip_ms"] is not None
        data = row["data"]
        history.append(
            sent, sent, delivered, row["direction"], row["event"], "operator",
            size_bytes=packet_size(row["event"], (data,), ack_id=acks if asked else None),
            ack_id=acks if asked else -1,
            round_trip_ns=round(row["round_trip_ms"] * 1e6) if asked else -1,
            parts=(0, 0, 0, delivered - sent, 0, 0, 0, 0),
            data={key: len(v) if isinstance(v, bytes) else v for key, v in data.items()},
        )  # fmt: skip
        acks += asked
    return history


def main(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        client_log = Path(folder) / "client.jsonl"
        asyncio.run(record(client_log))
        rows = paired(client_log)
    write_jsonl(history_of(rows).frame, Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
