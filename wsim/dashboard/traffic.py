"""The operator's controls: speed, turn, a pad of buttons, rates, a gamepad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from wsim.dashboard import page
from wsim.dashboard.controls import NumberControl
from wsim.dashboard.home import HomeLoop
from wsim.dashboard.settings import LIMITS, TrafficSettings

_LABELS = {
    "linear": ("speed (m/s)", "speed the operator asks for; arrow keys on the slider drive", 0.1),
    "angular": ("turn (rad/s)", "turn the operator asks for; positive is to the left", 0.05),
    "drive_hz": ("drive rate (Hz)", "drive commands a second", 1.0),
    "camera_hz": ("camera rate (Hz)", "camera frames a second, from the rover", 1.0),
    "camera_kb": ("camera frame (kB)", "size of a camera frame", 5.0),
    "status_hz": ("status rate (Hz)", "status messages a second, from the rover", 1.0),
}
_SLIDER = {"drive_hz": (0.0, 100.0), "camera_kb": (0.0, 500.0), "linear": (-2.0, 2.0)}
_GAP = ("", "", "", 0.0, 0.0)
PAD = (
    _GAP, ("▲", "faster", "faster", 0.1, 0.0), _GAP,
    ("◀", "left", "more to the left", 0.0, 0.1), ("■", "still", "stand still", 0.0, 0.0),
    ("▶", "right", "more to the right", 0.0, -0.1),
    _GAP, ("▼", "slower", "slower, or backwards", -0.1, 0.0), _GAP,
)  # fmt: skip
"""Buttons of the pad, row by row: sign, name, meaning, change of speed and of turn."""


class TrafficControls:
    """Controls of what operator and rover send.

    Parameters
    ----------
    apply : callable
        Called with the name of a setting and its value.
    drive : callable
        Called with speed and turn.
    """

    def __init__(
        self,
        home: HomeLoop,
        apply: Callable[[str, Any], None],
        drive: Callable[[float, float], None],
        settings: TrafficSettings,
    ) -> None:
        self._drive = drive
        self.settings = settings
        self.controls = {
            name: NumberControl(
                name, home, apply, label=label, hint=f"{hint} ({name})",
                limits=_SLIDER.get(name, LIMITS[name][:2]), step=step,
                value=getattr(settings, name),
            )
            for name, (label, hint, step) in _LABELS.items()
        }  # fmt: skip
        self.pad = self._make_pad(home)
        self.gamepad = w.Controller(index=0)
        boxes = {name: control.box for name, control in self.controls.items()}
        rates = [boxes[name] for name in ("drive_hz", "camera_hz", "camera_kb", "status_hz")]
        fold = w.Accordion([w.VBox([self.gamepad])], titles=("Gamepad",), selected_index=None)
        self.box = w.VBox(
            [boxes["linear"], boxes["angular"], self.pad, w.HTML(page.KEYS), *rates, fold]
        )

    def _make_pad(self, home: HomeLoop) -> Any:
        buttons = []
        for sign, name, meaning, faster, turn in PAD:
            if not sign:
                buttons.append(w.Label(""))
                continue
            button = w.Button(
                description=sign, tooltip=meaning, layout=w.Layout(width="44px", height="28px")
            )
            button.add_class("wsim-pad")
            button.add_class(f"wsim-pad-{name}")
            button.on_click(home.callback(self._pressed(faster, turn)))
            buttons.append(button)
        return w.GridBox(
            buttons,
            layout=w.Layout(grid_template_columns="repeat(3, 48px)", margin="2px 0 2px 132px"),
        )

    def _pressed(self, faster: float, turn: float) -> Callable[[Any], None]:
        def press(_: Any) -> None:
            now = self.settings
            if faster == turn == 0.0:
                self._drive(0.0, 0.0)
            else:
                self._drive(round(now.linear + faster, 2), round(now.angular + turn, 2))

        return press

    def read_gamepad(self) -> None:
        """Drive by the left stick of a connected gamepad, if it was moved."""
        if not self.gamepad.connected or len(self.gamepad.axes) < 2:
            return
        side, ahead = (round(axis.value, 1) for axis in self.gamepad.axes[:2])
        wanted = (-ahead + 0.0, -side + 0.0)
        if wanted != getattr(self, "_stick", (0.0, 0.0)):
            self._stick = wanted
            self._drive(*wanted)

    def show(self, settings: TrafficSettings) -> None:
        """Put settings in force into every control."""
        self.settings = settings
        for name, control in self.controls.items():
            control.show(getattr(settings, name))
