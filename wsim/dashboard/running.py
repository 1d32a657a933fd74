"""A run while it runs: time, network, traffic, what is seen, and the door for real clients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import pandas as pd

from wsim.conditions import NetworkConditions, condition_fields
from wsim.dashboard import fields, listing
from wsim.dashboard.drivers import Run
from wsim.dashboard.pace import PacedThread
from wsim.dashboard.scenes import Scene
from wsim.dashboard.served import Served, refuse_other_paces
from wsim.dashboard.settings import TrafficSettings
from wsim.dashboard.view import View
from wsim.errors import UsageError
from wsim.profiles import Profile, profile

T = TypeVar("T")
SPAN_S = 30.0
LANES = ("driveCommands", "emergencyStop", "cameraFeed", "systemStatus")
MAX_ROWS = 1_000_000
COMMAND_BYTES = 60.0
"""About what a drive command takes on the wire."""
SPEEDS: Mapping[str, float] = {"real time": 1.0, "10 x": 10.0, "as fast as possible": math.inf}
"""Speeds by name; times the profile's own scale."""


class RunningLab:
    """An operator and a rover on a simulated network, in a thread with a time of its own.

    This is what can be done to a run; :class:`~wsim.dashboard.lab.LabSession` adds what can be
    done with whole runs.
    """

    def __init__(
        self,
        network: str | Profile | NetworkConditions | Mapping[str, Any] = "default",
        *,
        seed: int = 0,
        traffic: TrafficSettings | None = None,
        max_rows: int | None = MAX_ROWS,
    ) -> None:
        start = profile(network)
        self.profile = start
        self.conditions = start.conditions
        self.traffic = traffic or TrafficSettings()
        self.max_rows = max_rows
        self.running = False
        self._speed = 1.0
        self._changed_s = 0.0
        self._view = View(self.span_s, LANES)
        self._served: Served | None = None
        self._open(seed)

    def _open(self, seed: int) -> None:
        self.seed = _checked_seed(seed)
        self._thread = PacedThread()
        try:
            self._run = self._thread.call(self._new_run)
        except BaseException:
            self._thread.close()
            raise
        self._changed_s = 0.0
        self._view = View(self.span_s, LANES)

    def _new_run(self) -> Run:
        return Run(
            self.conditions, self.network_name, self.traffic, seed=self.seed, max_rows=self.max_rows
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the simulation and its thread; a second time does nothing."""
        self.running = False
        if self._thread.alive:
            self.stop_serving()
        self._thread.close()

    def ask(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function` in the simulation's thread, between two events; return its result."""
        return self._thread.call(function, *arguments)

    # Time

    @property
    def sim(self) -> Any:
        """The simulator; use :meth:`ask` for calls that change it."""
        return self._run.sim

    @property
    def now_s(self) -> float:
        """Simulated seconds since the run began."""
        return self._run.now_s

    @property
    def span_s(self) -> float:
        """Simulated seconds that the live pictures show."""
        return SPAN_S * self.profile.time_scale

    @property
    def speed(self) -> float:
        """Simulated seconds in one of the wall, beside the profile's own scale; inf: all it can."""
        return self._speed

    def set_speed(self, speed: float | str) -> None:
        """Choose the pace: a number, or one of :data:`SPEEDS`."""
        number = SPEEDS.get(speed) if isinstance(speed, str) else speed
        if not isinstance(number, int | float) or not number > 0:
            raise UsageError(f"speed={speed!r} is not a positive number or {', '.join(SPEEDS)}")
        if self._served is not None:
            refuse_other_paces(number * self.profile.time_scale)
        self._speed = float(number)
        self._set_pace()

    def _set_pace(self) -> None:
        pace = self._speed * self.profile.time_scale if self.running else 0.0
        self.ask(self._thread.loop.set_speed, pace)

    def run(self) -> None:
        """Let time pass."""
        self.running = True
        self._set_pace()

    def pause(self) -> None:
        """Let time stand still; messages stay where they are."""
        self.running = False
        self._set_pace()

    def step(self, seconds: float = 0.1) -> None:
        """Let so many simulated seconds pass, at once, and stand still."""
        if not 0 < seconds < math.inf:
            raise UsageError(f"seconds={seconds!r} is not a positive number")
        self.running = False
        self._thread.step(seconds)

    def reset(self, seed: int | None = None) -> None:
        """Begin a new run with the network and traffic in force; kept runs stay."""
        new = _checked_seed(self.seed if seed is None else seed)
        self.stop_serving()
        self._thread.close()
        self._open(new)
        self._set_pace()

    # Network and traffic

    def set_profile(self, name: str) -> None:
        """Change to the conditions of a profile: a name, or the path of a profile file."""
        chosen = profile(name)
        if self._served is not None:
            refuse_other_paces(self._speed * chosen.time_scale)
        self.profile = chosen
        self._change(self.profile.conditions)
        self._view = View(self.span_s, LANES)
        self._set_pace()

    def set_condition(self, name: str, value: Any) -> None:
        """Change one condition; messages in flight stay under the one they met."""
        self.set_conditions({name: value})

    def set_conditions(self, changes: Mapping[str, Any]) -> None:
        """Change several conditions at once; refused ones change nothing."""
        wanted = self.conditions.replace(**changes)
        if wanted != self.conditions:
            self._change(wanted)

    def _change(self, conditions: NetworkConditions) -> None:
        self.conditions = conditions
        self.ask(self._run.set_network, conditions, self.network_name)
        self._changed_s = self.now_s

    @property
    def network_name(self) -> str:
        """Name of the profile, with a star where conditions were changed since."""
        same = self.conditions == self.profile.conditions
        return self.profile.name if same else f"{self.profile.name}*"

    @property
    def network_words(self) -> str:
        """The profile and what was changed of it, in words."""
        changed = [
            fields.told(info, value)
            for info in condition_fields()
            if (value := getattr(self.conditions, info.name))
            != getattr(self.profile.conditions, info.name)
        ]
        return ", ".join([self.profile.name, *changed])

    def set_traffic(self, **changes: Any) -> None:
        """Change rates, sizes or speeds of :class:`TrafficSettings`."""
        self.traffic = self.traffic.replace(**changes)
        self.ask(self._run.set_traffic, self.traffic)

    def drive(self, linear: float, angular: float) -> None:
        """Ask for a speed in m/s and a turn in rad/s."""
        self.set_traffic(linear=linear, angular=angular)

    def emergency_stop(self) -> None:
        """Send an emergency stop, and ask for no speed from now on."""
        self.drive(0.0, 0.0)
        self.ask(self._run.send, "emergencyStop", {"reason": "operator", "active": True})

    def home(self) -> None:
        """Send a homing request."""
        self.ask(self._run.send, "homingRequest", {"module": "all"})

    # What is seen

    def stand_aside(self, crowded: bool) -> None:
        """Let a simulation that runs as fast as it can make room, or go on."""
        self._thread.loop.crowded = crowded

    @property
    def frame(self) -> pd.DataFrame:
        """The history of the current run."""
        frame: pd.DataFrame = self.sim.recorder.frame
        return frame

    def scene(self) -> Scene:
        """Return what the live pictures show now."""
        run, recorder = self._run, self._run.sim.recorder
        recorded = recorder.recorded
        window = self._view.take(recorder.frame, recorded, run.now_s)
        return Scene(window, run.rover.points())

    def numbers(self, scene: Scene) -> dict[str, str]:
        """Return the numbers that matter now, as text by name.

        They are about what was sent since the network last changed, and is still in view:
        a mixture of two networks would describe neither.
        """
        recorder = self._run.sim.recorder
        told = listing.numbers(scene, self._changed_s)
        told["messages"] = f"{recorder.recorded:,}"
        if recorder.evicted:
            told["messages"] += f" ({recorder.evicted:,} evicted)"
        told["connection"] = str(self._run.sim.connection_state.name).lower()
        return told

    def advice(self) -> str:
        """Say in a sentence what of the traffic is more than TCP can carry; empty if nothing is."""
        from wsim.tcp import saturated

        traffic = self.traffic
        loads = {
            "inbound": ("to the rover", traffic.drive_hz * COMMAND_BYTES),
            "outbound": ("from the rover", traffic.camera_hz * traffic.camera_kb * 1000.0),
        }
        told = [
            f"{words}, {text}"
            for direction, (words, load) in loads.items()
            if (text := saturated(self.conditions.for_direction(direction), load))
        ]
        words = "; ".join(told)
        return words[:1].upper() + words[1:]

    def newest_problem(self) -> str:
        """Return the newest exception of a handler in words; empty if there was none."""
        if (failure := self._run.failure) is not None:
            return f"the traffic of this run has ended: {failure!r}; press Reset"
        errors = self.sim.errors
        if not errors:
            return ""
        newest = errors[-1]
        return (
            f"a handler of {newest.event} failed"
            f" ({self.sim.stats['errors']:,} errors so far): {newest.error!r}"
        )

    # Real clients

    def serve(self, port: int = 8765) -> str:
        """Let real Socket.IO clients connect to the simulator; return the URL."""
        refuse_other_paces(self._speed * self.profile.time_scale)
        if self._served is None:
            self._served = Served(self._thread, self.sim, port)
        if not self.running:
            self.run()
        return self.url

    @property
    def url(self) -> str:
        """Where real clients can connect; empty while they cannot."""
        return "" if self._served is None else self._served.url

    def stop_serving(self) -> None:
        """Close the door for real clients."""
        served, self._served = self._served, None
        if served is not None:
            served.close()


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"seed={seed!r} is not a whole number from 0")
    return seed
