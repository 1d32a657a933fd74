"""Outages at random: spells of link up and link down in turn."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from wsim.impairments import checks
from wsim.impairments.base import OutageState
from wsim.impairments.normal import standard_normal
from wsim.impairments.outages import EffectiveOutage, Window
from wsim.randomness import FloatArray, Stream

DISTRIBUTIONS = ("exponential", "fixed", "lognormal")
_BATCH = 64
_LEAST_NS = 1


@dataclasses.dataclass(frozen=True)
class RenewalOutage(EffectiveOutage):
    """Up for a while, down for a while; the run begins with a spell of up.

    Attributes
    ----------
    mean_up_s, mean_down_s
        Mean lengths of the spells.
    up, down
        Their distributions: ``exponential``, ``fixed`` or ``lognormal``.
    spread
        Deviation of the logarithm of lognormal spells.
    effect
        ``drop``, ``hold``, ``close`` or ``half_open``.
    """

    kind: ClassVar[str] = "renewal"
    units: ClassVar[Mapping[str, str]] = {"mean_up_s": "s", "mean_down_s": "s", "spread": ""}

    mean_up_s: float = 60.0
    mean_down_s: float = 1.0
    up: str = "exponential"
    down: str = "exponential"
    spread: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "mean_up_s", 0.001, 1e9)
        checks.number(self, "mean_down_s", 0.001, 1e9)
        checks.choice(self, "up", DISTRIBUTIONS)
        checks.choice(self, "down", DISTRIBUTIONS)
        checks.number(self, "spread", 0.0, 5.0)

    def start(self, stream: Stream) -> OutageState:
        """Return the process of one link, which draws its spells from the stream in order."""
        return RenewalState(self, stream)


class RenewalState:
    """The edges drawn so far: up until the first, down until the second, and so on."""

    __slots__ = ("_edges", "_spec", "_stream")

    def __init__(self, spec: RenewalOutage, stream: Stream) -> None:
        self._spec, self._stream = spec, stream
        self._edges: list[int] = []

    def window(self, now_ns: int) -> Window | None:
        """Return the outage that holds `now_ns`, or None."""
        place = self._place(now_ns)
        if place % 2 == 0:
            return None
        return self._edges[place - 1], self._edges[place]

    def next_start_ns(self, now_ns: int) -> int | None:
        """Return the start of the next outage after `now_ns`."""
        place = self._place(now_ns)
        return self._edges[place + place % 2]

    def _place(self, now_ns: int) -> int:
        """Return how many edges are not after `now_ns`, with two more drawn beyond it."""
        while len(self._edges) < 2 or self._edges[-2] <= now_ns:
            self._draw()
        return bisect_right(self._edges, now_ns)

    def _draw(self) -> None:
        u = self._stream.many(len(self._edges), 2 * _BATCH)
        spells = np.empty(2 * _BATCH)
        spells[::2] = _spells(u[::2], self._spec.up, self._spec.mean_up_s, self._spec.spread)
        spells[1::2] = _spells(u[1::2], self._spec.down, self._spec.mean_down_s, self._spec.spread)
        lengths = np.maximum(np.rint(spells * 1e9).astype(np.int64), _LEAST_NS)
        lengths[0] += self._edges[-1] if self._edges else 0
        self._edges += np.cumsum(lengths).tolist()


def _spells(u: FloatArray, distribution: str, mean: float, spread: float) -> FloatArray:
    if distribution == "fixed":
        return np.full(len(u), mean)
    if distribution == "exponential":
        return np.asarray(-mean * np.log1p(-u))
    return np.asarray(mean * np.exp(spread * standard_normal(u) - spread**2 / 2.0))
