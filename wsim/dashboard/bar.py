"""The bar on top: time, seed, emergency stop, keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from wsim.dashboard.home import HomeLoop
from wsim.dashboard.lab import SPEEDS, LabSession

Act = Callable[[Callable[..., Any]], Callable[..., None]]
"""Turns a function into a callback that comes home, shows errors and updates the panel."""


def button(words: str, hint: str, name: str, width: str = "auto", **more: Any) -> Any:
    """Return a labelled button with the CSS class ``wsim-<name>``."""
    made = w.Button(description=words, tooltip=hint, layout=w.Layout(width=width), **more)
    made.add_class(f"wsim-{name}")
    return made


class Bar:
    """Run, step, reset, speed, seed, emergency stop, keep.

    Parameters
    ----------
    lab : LabSession
        What the buttons call.
    act : callable
        Wraps callbacks.
    keep : callable
        Called by "Keep this run".
    """

    def __init__(self, lab: LabSession, home: HomeLoop, act: Act, keep: Callable[[], None]) -> None:
        self.lab = lab
        self._home = home
        self._showing = False
        self.run = button("Run", "let simulated time pass, or hold it", "run", "76px", icon="play")
        self.step = button("Step", "let one simulated second pass", "step", "60px")
        self.reset = button("Reset", "begin a new run; kept runs stay", "reset", "62px")
        self.speed = w.Dropdown(
            options=list(SPEEDS), description="speed", tooltip="simulated time against the wall's",
            layout=w.Layout(width="205px"), style={"description_width": "42px"},
        )  # fmt: skip
        self.seed = w.IntText(
            value=lab.seed, description="seed", tooltip="same seed, same luck; starts a new run",
            continuous_update=False, layout=w.Layout(width="115px"),
            style={"description_width": "34px"},
        )  # fmt: skip
        self.stop = button(
            "EMERGENCY STOP", "send emergencyStop to the rover now", "estop", "170px"
        )
        self.keep = button(
            "Keep this run", "freeze this run under the next letter", "keep", "110px"
        )
        self.speed.add_class("wsim-speed")
        self.seed.add_class("wsim-seed")
        self._connect(act, keep)
        row = [self.run, self.step, self.reset, self.speed, self.seed, self.stop, self.keep]
        self.box = w.HBox(row, layout=w.Layout(flex_flow="row wrap", align_items="center"))

    def _connect(self, act: Act, keep: Callable[[], None]) -> None:
        self.run.on_click(act(lambda _: self._run_or_pause()))
        self.step.on_click(act(lambda _: self.lab.step(1.0)))
        self.reset.on_click(act(lambda _: self.lab.reset()))
        self.stop.on_click(act(lambda _: self.lab.emergency_stop()))
        self.keep.on_click(act(lambda _: keep()))
        self.speed.observe(self._unless_showing(act(self.lab.set_speed)), "value")
        self.seed.observe(self._unless_showing(act(self.lab.reset)), "value")

    def _run_or_pause(self) -> None:
        if self.lab.running:
            self.lab.pause()
        else:
            self.lab.run()

    def _unless_showing(self, call: Callable[..., None]) -> Callable[[Any], None]:
        def told(change: Any) -> None:
            if not (self._showing and self._home.here()):
                call(change["new"])

        return told

    def show(self) -> None:
        """Show the state of the lab."""
        self._showing = True
        running = self.lab.running
        self.run.description = "Pause" if running else "Run"
        self.run.icon = "pause" if running else "play"
        self.seed.value = self.lab.seed
        by_speed = {value: name for name, value in SPEEDS.items()}
        self.speed.value = by_speed.get(self.lab.speed, self.speed.value)
        self._showing = False
