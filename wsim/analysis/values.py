"""All the values behind a quantile: in memory, or in a file where they are too many.

From a file order statistics are selected by digits: values are counted by their leading bits,
the bits behind are counted within those bins that hold a wanted rank, and what is left is
sorted. The result is exact, like that of sorting everything.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from wsim.analysis.columns import Floats

CHUNK = 1 << 20
"""Values that are read from a file at once, and the most that are sorted at once."""
_DIGIT = 16
_BINS = 1 << _DIGIT
_SIGN = np.uint64(1 << 63)
Keys = npt.NDArray[np.uint64]


class Values:
    """Numbers that are appended and then asked for by rank."""

    def __init__(self, values: Floats) -> None:
        self._held: list[Floats] = [values]
        self._file: Any = None
        self.count = len(values)

    def __len__(self) -> int:
        return self.count

    def append(self, values: Floats) -> None:
        """Add more; beyond `CHUNK` of them all go to a file."""
        self._held.append(values)
        self.count += len(values)
        if sum(map(len, self._held)) > CHUNK:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the values
                weakref.finalize(self, self._file.close)
            for held in self._held:
                self._file.write(np.ascontiguousarray(held).tobytes())
            self._held = []

    def extend(self, other: Values) -> None:
        """Add all the values of another."""
        for chunk in other.chunks():
            self.append(chunk)

    @property
    def in_memory(self) -> bool:
        """Whether none of the values are in a file."""
        return self._file is None

    def sorted(self) -> Floats:
        """Return all values in order, if they are in memory."""
        if len(self._held) > 1:
            self._held = [np.concatenate(self._held)]
        return np.sort(self._held[0])

    def chunks(self) -> Iterator[Floats]:
        """Yield all values, never more than fit."""
        if self._file is not None:
            self._file.seek(0)
            while block := self._file.read(8 * CHUNK):
                yield np.frombuffer(block, dtype=np.float64)
            self._file.seek(0, 2)
        yield from self._held


class Ordered:
    """Values by rank, for functions that take sorted values: asked once, then answered.

    Examples
    --------
    >>> ordered = Ordered(Values(np.array([3.0, 1.0, 2.0])))
    >>> ordered.answer(lambda ranked: [ranked[0], ranked[2]])
    [1.0, 3.0]
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self._found: dict[int, float] = {}
        self._wanted: set[int] = set()

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, rank: int) -> float:
        self._wanted.add(rank)
        return self._found.get(rank, 0.0)

    def answer(self, work: Callable[[Any], Any]) -> Any:
        """Return ``work(ordered)``, called once to learn the ranks and once to use them."""
        work(self)
        self._found = select(self._values.chunks, sorted(self._wanted))
        return work(self)


def select(chunks: Callable[[], Iterable[Floats]], ranks: Iterable[int]) -> dict[int, float]:
    """Return the values at `ranks` (from 0) among those that `chunks` yields."""
    return _select(chunks, {rank: rank for rank in ranks}, 0, 64)


def _select(
    chunks: Callable[[], Iterable[Floats]], ranks: dict[int, int], prefix: int, left: int
) -> dict[int, float]:
    """Select within the values whose leading ``64 - left`` bits are `prefix`.

    `ranks` maps the ranks asked for to those among these values.
    """
    counts = np.zeros(_BINS, dtype=np.int64)
    for keys in _those(chunks, prefix, left):
        digits = (keys >> np.uint64(left - _DIGIT)) & np.uint64(_BINS - 1)
        counts += np.bincount(digits.astype(np.intp), minlength=_BINS)
    ends = np.cumsum(counts)
    bins: dict[int, dict[int, int]] = {}
    for asked, rank in ranks.items():
        place = int(np.searchsorted(ends, rank, side="right"))
        bins.setdefault(place, {})[asked] = rank - int(ends[place] - counts[place])
    rest = left - _DIGIT
    found: dict[int, float] = {}
    small: dict[int, dict[int, int]] = {}
    for place, inside in bins.items():
        inner = prefix << _DIGIT | place
        if not rest:
            found |= dict.fromkeys(inside, _number(inner))
        elif counts[place] > CHUNK:
            found |= _select(chunks, inside, inner, rest)
        else:
            small[inner] = inside
    return found | _sorted_out(chunks, small, rest)


def _sorted_out(
    chunks: Callable[[], Iterable[Floats]], bins: dict[int, dict[int, int]], left: int
) -> dict[int, float]:
    """Select within bins that are small enough to be sorted, all in one pass."""
    if not bins:
        return {}
    gathered: dict[int, list[Keys]] = {prefix: [] for prefix in bins}
    wanted = np.array(list(bins), dtype=np.uint64)
    for chunk in chunks():
        keys = _keys(chunk)
        keys = keys[np.isin(keys >> np.uint64(left), wanted)]
        for prefix in bins:
            gathered[prefix].append(keys[keys >> np.uint64(left) == np.uint64(prefix)])
    found: dict[int, float] = {}
    for prefix, inside in bins.items():
        ordered = np.sort(np.concatenate(gathered[prefix]))
        found |= {asked: _number(int(ordered[rank])) for asked, rank in inside.items()}
    return found


def _those(chunks: Callable[[], Iterable[Floats]], prefix: int, left: int) -> Iterator[Keys]:
    for chunk in chunks():
        keys = _keys(chunk)
        yield keys if left == 64 else keys[keys >> np.uint64(left) == np.uint64(prefix)]


def _keys(values: Floats) -> Keys:
    """Return whole numbers in the order of the values: the bits, the negative ones turned."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)  # minus zero is zero
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(key: int) -> float:
    bits = np.uint64(key)
    bits = bits & ~_SIGN if bits & _SIGN else ~bits
    return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])
