"""Figures that add up: what each metric is made of, so that the pieces of a group can be pooled.

A mean is kept as a sum and a count, a quantile as all of its values (`values`). Parts of two
pieces of the data add up to the part of both; only at the end do they become columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from wsim.analysis.columns import Floats
from wsim.analysis.intervals import wilson
from wsim.analysis.segments import ratio


class Part(Protocol):
    """One number or more per group, of some of the data."""

    def __add__(self, other: Self) -> Self:
        """Return the part of the data of both."""

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the columns of a table that it makes, the first of them called `name`."""


Parts = dict[str, Part]


def finished(parts: Mapping[str, Part], confidence: float = 0.95) -> dict[str, Any]:
    """Return the columns that `parts` make, in order."""
    table: dict[str, Any] = {}
    for name, part in parts.items():
        table |= part.columns(name, confidence)
    return table


def added(first: Mapping[str, Part], second: Mapping[str, Part]) -> Parts:
    """Return the parts of two pieces of data."""
    return {name: part + second[name] for name, part in first.items()}


@dataclass
class Sum:
    """A count or a sum; NaN where a group has none of what is `heard`, if that is given."""

    values: Any
    heard: Any = None

    def __add__(self, other: Sum) -> Sum:
        heard = None if self.heard is None else self.heard + other.heard
        return Sum(self.values + other.values, heard)

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the sum."""
        return {name: self.values if self.heard is None else _known(self.values, self.heard)}


def _known(values: Any, heard: Any) -> Floats:
    return np.where(heard > 0, values, np.nan)


@dataclass
class Mean:
    """A sum over a sum: a mean, a share or a rate; NaN over nothing."""

    above: Any
    below: Any

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.above + other.above, self.below + other.below)

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the quotient."""
        return {name: ratio(self.above, self.below)}


@dataclass
class Greatest:
    """The greatest of some values; NaN, or `none`, where there are none."""

    values: Floats
    none: float = float("nan")

    def __add__(self, other: Greatest) -> Greatest:
        return Greatest(np.fmax(self.values, other.values), self.none)

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the greatest value."""
        return {name: np.where(np.isnan(self.values), self.none, self.values)}


@dataclass
class Proportion:
    """Hits among trials, with Wilson's interval."""

    hits: Any
    trials: Any

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.hits + other.hits, self.trials + other.trials)

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the share and the ends of its interval."""
        pairs = zip(np.asarray(self.hits).tolist(), np.asarray(self.trials).tolist(), strict=True)
        bounds = np.array([wilson(*pair, confidence)[:3] for pair in pairs]).reshape(-1, 3)
        names = (name, f"{name}_low", f"{name}_high")
        return dict(zip(names, bounds.T, strict=True))


@dataclass
class Correlation:
    """Moments of neighbours about a `level`: of each one, of its successor, of their product.

    ``first`` and ``second`` are sums of the deviations of the former and the latter of each
    pair, ``product`` of their products; ``count, total, square`` of all deviations.
    """

    level: Floats
    count: Floats
    total: Floats
    square: Floats
    pairs: Floats
    first: Floats
    second: Floats
    product: Floats

    def about(self, level: Floats) -> Correlation:
        """Return the same moments about another level."""
        shift = np.where(np.isfinite(self.level), self.level - level, 0.0)
        return Correlation(
            level,
            self.count,
            self.total + self.count * shift,
            self.square + 2.0 * shift * self.total + self.count * shift**2,
            self.pairs,
            self.first + self.pairs * shift,
            self.second + self.pairs * shift,
            self.product + shift * (self.first + self.second) + self.pairs * shift**2,
        )

    def __add__(self, other: Correlation) -> Correlation:
        sums = [np.nan_to_num(p.level) * p.count + p.total for p in (self, other)]
        level = ratio(sums[0] + sums[1], self.count + other.count)
        a, b = self.about(level), other.about(level)
        fields = ("count", "total", "square", "pairs", "first", "second", "product")
        return Correlation(level, *(getattr(a, field) + getattr(b, field) for field in fields))

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the correlation; NaN where all values are alike, to rounding."""
        spread = self.square.copy()
        raw = self.square + self.count * np.nan_to_num(self.level) ** 2
        spread[spread <= 1e-18 * raw] = 0.0
        return {name: ratio(self.product, spread)}
