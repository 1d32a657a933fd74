"""Loss by the four-state Markov chain of netem (Salsano, Ludovici and Ordine, "loss state").

States: 1 received in a gap, 2 received in a burst, 3 lost in a burst, 4 lost alone.

    1 -> 3 with p13, 1 -> 4 with p14        2 -> 3 with p23
    3 -> 1 with p31, 3 -> 2 with p32        4 -> 1 always

Each message first moves the state and is lost in states 3 and 4. The stationary weights are
1, p13 p32 / (p31 p23), p13 / p31 and p14.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import accumulate
from typing import ClassVar

import numpy as np

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Loss
from wsim.randomness import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class MarkovLoss(Loss):
    """Four-state loss; the probabilities stand for themselves, ``packet_loss_rate`` is not used.

    Attributes
    ----------
    p13, p31, p32, p23, p14
        Chances per message of moving from one state to another; p31 defaults to 1 - p13, p23
        to 1 - p32, as in netem, where None is given.
    """

    kind: ClassVar[str] = "markov4"
    units: ClassVar[Mapping[str, str]] = dict.fromkeys(("p13", "p31", "p32", "p23", "p14"), "")

    p13: float = 0.01
    p31: float | None = None
    p32: float = 0.0
    p23: float | None = None
    p14: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "p13", 0.0, 1.0)
        for field, default in (("p31", 1.0 - self.p13), ("p23", 1.0)):
            if getattr(self, field) is None:
                object.__setattr__(self, field, default)
        for field in ("p31", "p32", "p23", "p14"):
            checks.number(self, field, 0.0, 1.0)
        for first, second in (("p13", "p14"), ("p31", "p32")):
            total = getattr(self, first) + getattr(self, second)
            if total > 1.0 + 1e-12:
                raise ConditionsError(
                    f"loss 'markov4': {first} + {second} = {total:g} is more than 1;"
                    " they leave the same state"
                )

    def loss_rate(self) -> float:
        """Return the share of messages lost in the long run."""
        assert self.p31 is not None
        assert self.p23 is not None
        if self.p13 == 0.0:
            return self.p14 / (1.0 + self.p14)
        if self.p31 == 0.0 and (self.p32 == 0.0 or self.p23 == 0.0):
            return 1.0 if self.p32 == 0.0 else 0.0
        if self.p32 > 0.0 and self.p23 == 0.0:
            return 0.0
        if self.p31 == 0.0:  # the chain ends up between states 2 and 3
            return self.p23 / (self.p23 + self.p32)
        weights = (1.0, self.p13 * self.p32 / (self.p31 * self.p23) if self.p32 else 0.0)
        lost = self.p13 / self.p31 + self.p14
        return lost / (sum(weights) + lost)

    def is_off(self, loss_rate: float) -> bool:
        """Return True if states 3 and 4 are never entered."""
        return self.p13 == 0.0 and self.p14 == 0.0

    def start(self, loss_rate: float) -> MarkovState:
        """Return the chain of one connection, in state 1."""
        return MarkovState(self)


class MarkovState:
    """Moves through the four states; a uniform picks one of the maps from state to state."""

    __slots__ = ("_edges", "_maps", "_quiet", "_state")

    timeless = True

    def __init__(self, spec: MarkovLoss) -> None:
        p31, p23 = spec.p31 or 0.0, spec.p23 or 0.0
        edges = {spec.p13, spec.p13 + spec.p14, p23, p31, p31 + spec.p32, 0.0}
        self._edges = np.array(sorted(edge for edge in edges if edge < 1.0))
        self._maps = [_moves(float(u), spec) for u in self._edges]
        widths = np.diff(self._edges, append=1.0)
        steady = [
            (float(width), code)
            for code, (width, moves) in enumerate(zip(widths, self._maps, strict=True))
            if moves == (0, 1, 2, 0)
        ]
        self._quiet = max(steady)[1] if steady else -1
        # a move right after another, and one after messages that moved nothing: state 4 went to 1
        self._maps += [(to[0], to[1], to[2], to[0]) for to in self._maps]
        self._state = 0

    def lost(self, numbers: IntArray, times_ns: IntArray, *uniforms: FloatArray) -> BoolArray:
        """Step through the messages whose uniform moves a state; the others keep it."""
        count = len(uniforms[0])
        codes = np.searchsorted(self._edges, uniforms[0], side="right") - 1
        moves = np.flatnonzero(codes != self._quiet)
        apart = np.diff(moves, prepend=-1) > 1
        steps = (codes[moves] + apart * len(self._edges)).tolist()
        maps = self._maps
        path = list(accumulate(steps, lambda state, step: maps[step][state], initial=self._state))
        states = np.repeat(np.array(path), np.diff(moves, prepend=0, append=count))
        quiet = np.ones(count, np.bool_)
        quiet[moves] = False
        states[quiet & (states == 3)] = 0
        if count:
            self._state = int(states[-1])
        return np.asarray(states >= 2)


def _moves(u: float, spec: MarkovLoss) -> tuple[int, int, int, int]:
    """Return where each state goes on this uniform, counting states from 0."""
    p31, p23 = spec.p31 or 0.0, spec.p23 or 0.0
    first = 2 if u < spec.p13 else 3 if u < spec.p13 + spec.p14 else 0
    third = 0 if u < p31 else 1 if u < p31 + spec.p32 else 2
    return first, 2 if u < p23 else 1, third, 0
