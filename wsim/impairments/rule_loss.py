"""Loss by rule: every n-th message, the first few, or all within some windows of time."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Loss
from wsim.randomness import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class RuleLoss(Loss):
    """Nothing random: the same messages are lost in every run; ``packet_loss_rate`` is not used.

    Attributes
    ----------
    every
        Lose messages number n, 2 n, 3 n, ... (counting from 1); 0: none.
    first
        Lose the first few messages.
    windows_s
        Lose what is sent within these times (start, end) of the run, end excluded.
    """

    kind: ClassVar[str] = "rule"
    units: ClassVar[Mapping[str, str]] = {
        "every": "messages",
        "first": "messages",
        "windows_s": "s",
    }
    purposes: ClassVar[tuple[str, ...]] = ()

    every: int = 0
    first: int = 0
    windows_s: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        checks.whole(self, "every", 0)
        checks.whole(self, "first", 0)
        checks.windows(self, "windows_s")
        if not (self.every or self.first or self.windows_s):
            raise ConditionsError("loss 'rule' has no rule; give every, first or windows_s")

    def start(self, loss_rate: float) -> RuleState:
        """Return the (memoryless) state."""
        return RuleState(self)


class RuleState:
    """Looks at the number and the time of each message."""

    __slots__ = ("_edge_list", "_edges", "_every", "_first", "timeless")

    def __init__(self, spec: RuleLoss) -> None:
        self._every, self._first = spec.every, spec.first
        self._edges = np.rint(np.ravel(spec.windows_s) * 1e9).astype(np.int64)
        self._edge_list: list[int] = self._edges.tolist()
        self.timeless = not self._edge_list

    def lost(self, numbers: IntArray, times_ns: IntArray, *uniforms: FloatArray) -> BoolArray:
        """Return True for messages that any of the rules names."""
        lost = numbers < self._first
        if self._every:
            lost |= (numbers + 1) % self._every == 0
        if len(self._edges):
            lost |= np.searchsorted(self._edges, times_ns, side="right") % 2 == 1
        return np.asarray(lost)

    def lost_one(self, number: int, time_ns: int, *uniforms: float) -> bool:
        """Return what :meth:`lost` gives for a block of one."""
        if number < self._first or (self._every and (number + 1) % self._every == 0):
            return True
        return bisect_right(self._edge_list, time_ns) % 2 == 1
