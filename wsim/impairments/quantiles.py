"""Delays given by a few measured quantiles, such as the median, p90 and p99 of a paper."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Jitter, Sampler
from wsim.impairments.normal import TableSampler, standard_normal
from wsim.randomness import FloatArray


@dataclasses.dataclass(frozen=True)
class Quantiles(Jitter):
    """``latency_ms`` plus a delay with these quantiles; ``jitter_ms`` is not used.

    Between two points the delay is lognormal: its logarithm is straight against the normal
    quantile. Below the first point the first piece goes on downwards; the last point is the
    longest delay, unless a point at 1 says more: then the last piece goes on up to it. A point
    at 0 is the least delay.

    Attributes
    ----------
    points
        Pairs (share of messages, delay in ms), or a mapping of them: ``{0.5: 3, 0.9: 20}``.
    """

    kind: ClassVar[str] = "quantiles"
    units: ClassVar[Mapping[str, str]] = {"points": "ms"}

    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.points, Mapping):
            object.__setattr__(self, "points", tuple(self.points.items()))
            checks.pairs(self, "points", "share: delay in ms")
            object.__setattr__(self, "points", tuple(sorted(self.points)))
        points = checks.pairs(self, "points", "(share, delay in ms)")
        if len([q for q, _ in points if 0.0 < q < 1.0]) < 2:
            raise self.refuse("points", points, "two or more quantiles between 0 and 1")
        for place, (q, delay) in enumerate(points):
            if not 0.0 <= q <= 1.0 or delay < 0.0 or (delay == 0.0 and q > 0.0):
                raise self.refuse(f"points[{place}]", (q, delay), "a share and a positive delay")
        for (q, delay), (next_q, next_delay) in itertools.pairwise(points):
            if next_q <= q or next_delay < delay:
                raise ConditionsError(
                    f"jitter 'quantiles': the point {next_q:g}: {next_delay:g} ms follows"
                    f" {q:g}: {delay:g} ms; shares and delays must ascend"
                )

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function, in ms."""
        inner = [(q, delay) for q, delay in self.points if 0.0 < q < 1.0]
        z = standard_normal(np.array([q for q, _ in inner]))
        logs = np.log([delay for _, delay in inner])
        slopes = np.diff(logs) / np.diff(z)
        least = self.points[0][1] if self.points[0][0] == 0.0 else 0.0
        most = self.points[-1][1]

        def exact(u: FloatArray) -> FloatArray:
            at = standard_normal(u)
            piece = np.clip(np.searchsorted(z, at, side="right") - 1, 0, len(slopes) - 1)
            delays = np.exp(logs[piece] + slopes[piece] * (at - z[piece]))
            return np.asarray(latency_ms + np.clip(delays, least, most))

        return TableSampler(exact)
