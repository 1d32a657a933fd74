"""Delays drawn from measured ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from wsim.errors import ColumnsError
from wsim.impairments.base import Jitter, Sampler
from wsim.randomness import FloatArray


@dataclasses.dataclass(frozen=True)
class Samples(Jitter):
    """``latency_ms`` plus a delay distributed like the samples; ``jitter_ms`` is not used.

    Between neighbouring samples the delay is interpolated (Hyndman and Fan's seventh
    definition, NumPy's default).

    Attributes
    ----------
    values_ms
        Measured delays in ms, any order; they are kept sorted.
    """

    kind: ClassVar[str] = "samples"
    units: ClassVar[Mapping[str, str]] = {"values_ms": "ms"}

    values_ms: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        try:
            values = np.sort(np.asarray(self.values_ms, np.float64).ravel())
        except (TypeError, ValueError):
            raise self.refuse("values_ms", self.values_ms, "a list of numbers") from None
        if not len(values) or not np.isfinite(values).all() or values[0] < 0.0:
            shown = f"{len(values)} values"
            raise self.refuse("values_ms", shown, "one or more finite delays, none negative")
        object.__setattr__(self, "values_ms", tuple(values.tolist()))

    @classmethod
    def from_frame(cls, frame: Any, *, column: str = "latency_ms", points: int = 1001) -> Self:
        """Take the delays of a history; more than `points` are thinned to their quantiles.

        Raises
        ------
        ColumnsError
            If the frame lacks the column or has no delivered message.
        """
        if column not in frame:
            raise ColumnsError(f"no column '{column}' to take delays from; it has {list(frame)}")
        values = np.asarray(frame[column], np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            raise ColumnsError(f"column '{column}' has no delay: nothing was delivered")
        if len(values) > points:
            values = np.quantile(values, np.linspace(0.0, 1.0, points))
        return cls(tuple(values.tolist()))

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function, in ms."""
        values = latency_ms + np.array([*self.values_ms, self.values_ms[-1]])
        slopes = np.append(np.diff(values), 0.0)
        last = len(self.values_ms) - 1

        def sample(u: FloatArray) -> FloatArray:
            scaled = u * last
            cells = scaled.astype(np.int64)
            return np.asarray(values[cells] + (scaled - cells) * slopes[cells])

        return sample
