"""Delays by a distribution table of Linux tc-netem, digit for digit.

A table holds thousands of integers t, an inverse distribution function in units of 1 / 8192
deviations. netem takes one of them at random and computes, in integer nanoseconds,

    x = (s mod 8192) t;  x = x + 4096 or, if negative, x - 4096
    delay = x / 8192 (towards zero) + (s / 8192) t + m

with mean m and deviation s. The built-in tables are computed as iproute2 makes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from wsim.errors import FormatError
from wsim.impairments import checks
from wsim.impairments.base import Jitter, Sampler
from wsim.impairments.normal import standard_normal
from wsim.randomness import FloatArray, IntArray

SCALE = 8192
_LARGEST = 32_767
_BUILT_IN = ("normal", "pareto", "paretonormal")


@dataclasses.dataclass(frozen=True)
class NetemTable(Jitter):
    """A delay as netem draws it: a step for each entry of the table, cut at four deviations.

    Attributes
    ----------
    table
        ``normal``, ``pareto``, ``paretonormal``, or the integers of a ``.dist`` file. A longer
        table than netem's limit of 16384 entries is refused.
    """

    kind: ClassVar[str] = "netem_table"
    units: ClassVar[Mapping[str, str]] = {"table": "1/8192 deviations"}

    table: str | tuple[int, ...] = "normal"

    def __post_init__(self) -> None:
        if isinstance(self.table, str):
            if self.table not in _BUILT_IN:
                allowed = f"one of {', '.join(_BUILT_IN)} or a list of integers"
                raise self.refuse("table", self.table, allowed)
            return
        values = checks.integers(self, "table", -_LARGEST - 1, _LARGEST)
        if not 1 <= len(values) <= 16_384:
            raise self.refuse("table", f"{len(values)} entries", "a table of 1 to 16384 integers")
        object.__setattr__(self, "table", tuple(sorted(values)))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a ``.dist`` file: integers, and comments from # to the end of a line.

        Raises
        ------
        FormatError
            For a word that is no integer; names the file and the line.
        """
        values = []
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
            for word in line.partition("#")[0].split():
                try:
                    values.append(int(word))
                except ValueError:
                    raise FormatError(f"{path}: line {number}: '{word}' is no integer") from None
        return cls(tuple(values))

    def entries(self) -> IntArray:
        """Return the integers of the table, ascending."""
        if isinstance(self.table, str):
            return _built_in(self.table)
        return np.array(self.table, np.int64)

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True without spread."""
        return jitter_ms == 0.0

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function, in ms; u picks the entry u n."""
        mean, deviation = round(latency_ms * 1e6), round(jitter_ms * 1e6)
        delays = np.maximum(table_delays(self.entries(), mean, deviation), 0) / 1e6
        count = len(delays)

        def sample(u: FloatArray) -> FloatArray:
            return np.asarray(delays[(u * count).astype(np.int64)])

        return sample


def table_delays(entries: IntArray, mean_ns: int, deviation_ns: int) -> IntArray:
    """Return netem's delay for every entry, in ns (negative ones as they come)."""
    part = (deviation_ns % SCALE) * entries
    part = part + np.where(part >= 0, SCALE // 2, -(SCALE // 2))
    whole = np.sign(part) * (np.abs(part) // SCALE)  # C divides towards zero
    return np.asarray(whole + (deviation_ns // SCALE) * entries + mean_ns)


def _built_in(name: str) -> IntArray:
    """Make a table of 4096 entries: quantiles at i / 4096, the normal half a 16384th further."""
    i = np.arange(4096)
    z = standard_normal(i / 4096 + 0.5 / 16_384)
    z = np.floor((z + 10.0) / 5e-5) * 5e-5 - 10.0  # found by walking in steps of 0.00005
    normal = np.rint(z * SCALE).astype(np.int64)
    if name == "normal":
        return _cut(normal)
    scores = ((1.0 - i / 4096) ** (-1.0 / 3.0) - 1.5) * (4.0 / 3.0)
    pareto = _cut(np.rint(scores * SCALE).astype(np.int64))
    if name == "pareto":
        return pareto
    mixed = normal + 3 * pareto
    return _cut(np.sign(mixed) * (np.abs(mixed) // 4))


def _cut(entries: IntArray) -> IntArray:
    return np.clip(entries, -_LARGEST - 1, _LARGEST)
