"""Independent loss: every message is lost with the same chance."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Loss
from wsim.randomness import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class Bernoulli(Loss):
    """Each message is lost with probability ``packet_loss_rate``, whatever befell the others."""

    kind: ClassVar[str] = "bernoulli"

    def start(self, loss_rate: float) -> BernoulliState:
        """Return the (memoryless) state."""
        return BernoulliState(loss_rate)

    def is_off(self, loss_rate: float) -> bool:
        """Return True at a rate of zero."""
        return loss_rate == 0.0


class BernoulliState:
    """Compares each uniform with the rate."""

    __slots__ = ("rate",)

    timeless = True

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def lost(self, numbers: IntArray, times_ns: IntArray, *uniforms: FloatArray) -> BoolArray:
        """Return ``u < rate``."""
        return np.less(uniforms[0], self.rate)
