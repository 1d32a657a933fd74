"""One run of the lab: a simulator, an operator who drives and a rover that answers.

All of it happens in the simulator's loop. The operator sends drive commands at a rate; the
rover sends camera frames and its status, moves as it is told, and stops by itself when it
hears nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.dashboard.settings import TrafficSettings
from wsim.dashboard.track import Track
from wsim.simulator import WebSocketServerSimulator


class Run:
    """A simulator with its client, the traffic on it and the rover behind it.

    Made and used in the loop that runs it.
    """

    def __init__(
        self, conditions: NetworkConditions, profile: str, traffic: TrafficSettings, *,
        seed: int, max_rows: int | None,
    ) -> None:  # fmt: skip
        self.sim = WebSocketServerSimulator(
            {"network": conditions, "seed": seed, "max_history": max_rows, "profile": profile}
        )
        self.traffic = traffic
        self.rover = Track()
        self.client = ""
        self.failure: BaseException | None = None
        """What ended the traffic of this run, which should not happen."""
        self._changed = asyncio.Event()
        self._frame = b""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.sim.on("driveCommands", self._hear)
        self.sim.on("emergencyStop", self._stop)
        self._start(self._begin())

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start."""
        return float(self.sim.now_s)

    def _hear(self, data: Any) -> None:
        self.rover.hear(data, self.now_s)

    def _stop(self, data: Any) -> None:
        self.rover.stop(self.now_s)

    def _start(self, coroutine: Any) -> None:
        task = asyncio.get_event_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = error

    async def _begin(self) -> None:
        self.client = await self.sim.connect()
        self._start(self._repeat("drive_hz", self._send_command))
        self._start(self._repeat("camera_hz", self._send_frame))
        self._start(self._repeat("status_hz", self._send_status))

    async def _repeat(self, rate: str, send: Any) -> None:
        """Send at the rate in force, on a schedule that does not drift."""
        due = asyncio.get_running_loop().time()
        while True:
            hertz = getattr(self.traffic, rate)
            if not hertz:
                await self._changed.wait()
                due = asyncio.get_running_loop().time()
                continue
            send()
            due += 1.0 / hertz
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    def set_network(self, conditions: NetworkConditions, name: str) -> None:
        """Change the network from now on; `name` is recorded with every message."""
        self.sim.recorder.profile = name
        self.sim.set_network_conditions(conditions)

    def set_traffic(self, traffic: TrafficSettings) -> None:
        """Change what is sent from now on."""
        self.traffic = traffic
        self._changed.set()
        self._changed = asyncio.Event()

    def send(self, event: str, data: Any) -> None:
        """Send a message of the operator, without waiting for its arrival."""
        self.sim.receive_nowait(event, data, self.client)

    def _send_command(self) -> None:
        self.send("driveCommands", {"linear": self.traffic.linear, "angular": self.traffic.angular})

    def _send_frame(self) -> None:
        size = round(self.traffic.camera_kb * 1000)
        if len(self._frame) != size:
            self._frame = bytes(size)
        self.sim.emit_nowait("cameraFeed", {"frame": self._frame})

    def _send_status(self) -> None:
        self.rover.move_to(self.now_s)
        status = {
            "battery": 95.0,
            "mode": "stopped" if self.rover.stopped else "teleoperation",
            "position": {"x": round(self.rover.x, 3), "y": round(self.rover.y, 3)},
        }
        self.sim.emit_nowait("systemStatus", status)
