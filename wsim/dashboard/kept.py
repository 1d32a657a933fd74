"""Kept runs: histories frozen under a letter, whether run here, loaded, or run again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from wsim.conditions import NetworkConditions
from wsim.dashboard.scenes import KeptScene
from wsim.dashboard.view import FloatArray, Window, window_of
from wsim.errors import UsageError, unknown
from wsim.schema import COMMAND_EVENT

NO_PATH: FloatArray = np.empty((0, 2))
COLUMNS = ("sent", "drop_rate", "p50_ms", "p90_ms", "p99_ms", "age_p99_ms", "watchdog_trips")
"""What the table of kept runs shows of :func:`wsim.summarize`, of their commands."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """One kept run.

    Attributes
    ----------
    name
        Its letter.
    frame
        Its history.
    profile, conditions
        The network it ran under; conditions are None where a file does not say.
    source
        Where it comes from, in words.
    path
        Positions of the rover, one row (x, y) in metres each.
    """

    name: str
    frame: pd.DataFrame
    profile: str
    conditions: NetworkConditions | None
    source: str
    path: FloatArray = dataclasses.field(default_factory=lambda: NO_PATH)

    @property
    def label(self) -> str:
        """Letter and profile, for legends."""
        return f"{self.name}: {self.profile}" if self.profile else self.name


def commands_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the drive commands of a history, or all of it if there are none."""
    commands = frame[frame["event_name"] == COMMAND_EVENT]
    return commands if len(commands) else frame


class Slots(Mapping[str, Kept]):
    """The kept runs by letter: A, B, C ... Z, AA, AB ..."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._scenes: dict[str, KeptScene] = {}

    def __getitem__(self, name: str) -> Kept:
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(
        self, frame: pd.DataFrame, span_s: float, window: Window | None = None, **about: Any
    ) -> Kept:
        """Freeze a frame under the next free letter; pictures show `window`, or its end."""
        if not len(frame):
            raise UsageError("there is nothing to keep yet: press Run and let some messages cross")
        name = next(letters for letters in _letters() if letters not in self._kept)
        kept = self._kept[name] = Kept(name, frame, **about)
        self._scenes[name] = KeptScene(
            kept.name, window_of(frame, span_s) if window is None else window, kept.path
        )
        return kept

    def forget(self, name: str) -> None:
        """Let go of a kept run."""
        if name not in self._kept:
            raise unknown("kept run", name, self._kept)
        del self._kept[name], self._scenes[name]

    def scenes(self) -> tuple[KeptScene, ...]:
        """Return what the pictures draw of the kept runs."""
        return tuple(self._scenes.values())

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the histories by label, for reports and comparisons."""
        return {kept.label: kept.frame for kept in self._kept.values()}

    def table(self) -> pd.DataFrame:
        """Return one row of numbers about the commands of each kept run."""
        from wsim.analysis.summary import summarize

        rows = [summarize(commands_of(kept.frame), by=None) for kept in self._kept.values()]
        if not rows:
            return pd.DataFrame(columns=["run", "network", *COLUMNS])
        table = pd.concat(rows, ignore_index=True)[list(COLUMNS)]
        table.insert(0, "network", [kept.profile for kept in self._kept.values()])
        table.insert(0, "run", list(self._kept))
        return table


def _letters() -> Iterator[str]:
    for number in count():
        name = chr(ord("A") + number % 26)
        yield name if number < 26 else chr(ord("A") + number // 26 - 1) + name
