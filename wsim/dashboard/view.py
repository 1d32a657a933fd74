"""The last seconds of a history as arrays: what live pictures are drawn from.

New rows are taken from the frame once; what is older than the span falls out. A refresh costs
as much as the new rows and never looks at the rest of the history.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wsim.schema import COMMAND_EVENT

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
CodeArray = NDArray[np.int16]

_TYPES = (np.float64, np.float64, np.float64, np.bool_, np.bool_, np.int16)


@dataclasses.dataclass(frozen=True)
class Window:
    """Messages of the last `span_s` seconds before `now_s`, in order of recording.

    Attributes
    ----------
    created_s, delivered_s, latency_ms
        As in the history schema; NaN where a message did not arrive.
    lost, inbound
        Dropped or refused; from client to server.
    event
        Index into `events`.
    """

    now_s: float
    span_s: float
    created_s: FloatArray
    delivered_s: FloatArray
    latency_ms: FloatArray
    lost: BoolArray
    inbound: BoolArray
    event: CodeArray
    events: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.created_s)

    def commands(self) -> BoolArray:
        """Return True where a row is a drive command on its way to the rover."""
        if COMMAND_EVENT not in self.events:
            return np.zeros(len(self), np.bool_)
        chosen: BoolArray = self.inbound & (self.event == self.events.index(COMMAND_EVENT))
        return chosen


class View:
    """Follows a growing history and keeps what is in view.

    Parameters
    ----------
    span_s : float
        Length of the window, in simulated seconds.
    events : sequence of str
        Events that come first, in this order, whether they occur or not.
    """

    def __init__(self, span_s: float = 30.0, events: Sequence[str] = ()) -> None:
        self.span_s = span_s
        self._first = tuple(events)
        self.reset()

    def reset(self) -> None:
        """Forget everything, for a new run."""
        self._seen = 0
        self._size = 0
        self._events = {name: code for code, name in enumerate(self._first)}
        self._arrays: list[NDArray[Any]] = [np.empty(1024, kind) for kind in _TYPES]

    def take(self, frame: pd.DataFrame, recorded: int, now_s: float) -> Window:
        """Add the rows recorded since the last call; return the window that ends at `now_s`.

        `recorded` counts every row of the run, also those that a ring has let go.
        """
        if recorded < self._seen:
            self.reset()
        new = min(recorded - self._seen, len(frame))
        if new:
            self._append(frame.iloc[len(frame) - new :], now_s)
        self._seen = recorded
        return self._window(now_s)

    def _append(self, rows: pd.DataFrame, now_s: float) -> None:
        taken = self._converted(rows)
        if self._size + len(rows) > len(self._arrays[0]):
            self._make_room(len(rows), now_s)
        end = self._size + len(rows)
        for array, values in zip(self._arrays, taken, strict=True):
            array[self._size : end] = values
        self._size = end

    def _converted(self, rows: pd.DataFrame) -> tuple[NDArray[Any], ...]:
        fate = rows["fate"].astype(str)
        direction = rows["direction"].astype(str)
        events = rows["event_name"].astype("category").cat
        names = [str(name) for name in events.categories]
        codes = np.array([self._events.setdefault(n, len(self._events)) for n in names], np.int16)
        return (
            rows["created_s"].to_numpy(),
            rows["delivered_s"].to_numpy(),
            rows["latency_ms"].to_numpy(),
            ((fate == "dropped") | (fate == "refused")).to_numpy(np.bool_),
            (direction == "inbound").to_numpy(np.bool_),
            codes[events.codes.to_numpy()],
        )

    def _make_room(self, new: int, now_s: float) -> None:
        """Let go of what is out of view, and grow until half of the room is free."""
        kept = self._in_view(now_s)
        size = int(kept.sum())
        capacity = max(1024, 2 * (size + new))
        for index, array in enumerate(self._arrays):
            roomy = np.empty(capacity, array.dtype)
            roomy[:size] = array[: self._size][kept]
            self._arrays[index] = roomy
        self._size = size

    def _in_view(self, now_s: float) -> BoolArray:
        created, delivered = (array[: self._size] for array in self._arrays[:2])
        start = now_s - self.span_s
        inside: BoolArray = (created >= start) | (delivered >= start)
        return inside

    def _window(self, now_s: float) -> Window:
        inside = self._in_view(now_s)
        first = int(np.argmax(inside)) if inside.any() else self._size
        created, delivered, latency, lost, inbound, event = (
            array[first : self._size].copy() for array in self._arrays
        )
        return Window(
            now_s, self.span_s, created, delivered, latency, lost, inbound, event,
            tuple(self._events),
        )  # fmt: skip


def window_of(frame: pd.DataFrame, span_s: float = 30.0) -> Window:
    """Return the end of a finished run as a window."""
    created, delivered = frame["created_s"].to_numpy(), frame["delivered_s"].to_numpy()
    times = np.concatenate([created, delivered])
    end = float(np.fmax.reduce(times)) if len(times) else np.nan
    now_s = end if np.isfinite(end) else 0.0
    start = now_s - span_s
    seen = frame[(created >= start) | (delivered >= start)]
    return View(span_s).take(seen, len(seen), now_s)
