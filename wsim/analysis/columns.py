"""Read the columns of any history frame: what is missing is derived, or named.

A frame may come from a run, a file, another simulator or a person's own script. `read`
takes the arrays that statistics need out of it once, and keeps notes of what it had to assume.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from wsim.errors import ColumnsError, nearest
from wsim.schema import FATES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass
class Codes:
    """A column as small integers: ``labels[codes[i]]`` is the value of row i."""

    codes: npt.NDArray[Any]
    labels: list[Any]

    def where(self, *wanted: object) -> Bools:
        """Return which rows hold one of the `wanted` labels."""
        hits = np.zeros(len(self.codes), dtype=bool)
        for label in wanted:
            if label in self.labels:
                hits |= self.codes == self.labels.index(label)
        return hits


@dataclass
class Messages:
    """The arrays of a history, one element per row of the frame.

    Attributes
    ----------
    created, delivered : times in seconds since the start of the run; NaN if unknown
    latency : milliseconds; finite exactly where `arrived`
    arrived : delivered with a finite latency
    lost : dropped on the way
    original : the message itself, not a duplicate made by the network
    fate : codes into `wsim.schema.FATES`
    notes : what had to be assumed or left out, in words
    """

    frame: pd.DataFrame
    created: Floats
    delivered: Floats
    latency: Floats
    arrived: Bools
    lost: Bools
    original: Bools
    fate: Codes
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.created)

    def note(self, text: str) -> None:
        """Add a note once."""
        if text not in self.notes:
            self.notes.append(text)


def check_frame(frame: object) -> pd.DataFrame:
    """Return `frame` if it is a DataFrame; raise `ColumnsError` otherwise."""
    if not isinstance(frame, pd.DataFrame):
        raise ColumnsError(
            f"a history frame (pandas DataFrame) is needed, not {type(frame).__name__}; "
            "use sim.history, wsim.load(path) or wsim.simulate(...)"
        )
    return frame


def require(columns: Iterable[Any], names: Iterable[str], what: str) -> None:
    """Raise `ColumnsError` naming the column that `what` needs and is not among `columns`."""
    known = [str(column) for column in columns]
    for name in names:
        if name not in known:
            hint = nearest(name, known) or ";"
            has = ", ".join(known) or "none"
            raise ColumnsError(f"{what} needs the column '{name}'{hint} columns: {has}")


def floats(frame: pd.DataFrame, name: str) -> Floats:
    """Return a numeric column as float64; text is refused with the column's name."""
    column = frame[name]
    if isinstance(column, pd.DataFrame):
        raise ColumnsError(f"the column '{name}' appears more than once; keep one of them")
    if column.dtype == np.float64:
        return np.asarray(column)
    try:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ColumnsError(
            f"the column '{name}' holds {column.dtype} values that are not numbers; "
            "convert it first, for example with pandas.to_numeric"
        ) from error


def codes(frame: pd.DataFrame, name: str) -> Codes:
    """Return a column as codes; missing values get a label of their own, ``""``."""
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        category = cast(pd.Categorical, column.array)  # .cat.codes would be a copy
        found, labels = category.codes, list(category.categories)
    else:
        try:
            found, values = pd.factorize(column, sort=True)
        except TypeError:  # mixed types have no order, or cannot be hashed
            found, values = pd.factorize(column.astype(str), sort=True)
        labels = list(values)
    if len(found) and found.min() < 0:
        blank = labels.index("") if "" in labels else len(labels)
        labels = labels if blank < len(labels) else [*labels, ""]
        found = np.where(found < 0, blank, found.astype(np.intp))
    return Codes(found, labels)


def constant(length: int, label: object) -> Codes:
    """Return codes of a column that holds one label."""
    return Codes(np.zeros(length, dtype=np.int8), [label])


def combine(parts: Sequence[Codes], length: int) -> Codes:
    """Return codes of the combinations that occur; labels are tuples, in order."""
    if not parts:
        return constant(length, ())
    sizes = [max(len(part.labels), 1) for part in parts]
    if math.prod(sizes) > 1 << 20:
        return _combine_by_sorting(parts)
    dtype = np.int8 if math.prod(sizes) < 128 else np.int32
    key: npt.NDArray[Any] = parts[0].codes.astype(dtype, copy=False)
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        key = key * np.asarray(size, dtype) + part.codes.astype(dtype, copy=False)
    return _compact(key, parts, sizes)


def _compact(key: npt.NDArray[Any], parts: Sequence[Codes], sizes: Sequence[int]) -> Codes:
    """Number the combinations that occur 0, 1, 2, ... and name them."""
    total = math.prod(sizes)
    used = present(key, total)
    places = np.unravel_index(used, sizes)
    labels = [
        tuple(part.labels[int(place)] for part, place in zip(parts, row, strict=True))
        for row in zip(*places, strict=True)
    ]
    if len(used) == total:
        return Codes(key, labels)
    table = np.zeros(total, dtype=np.int8 if len(used) < 128 else np.int32)
    table[used] = np.arange(len(used))
    return Codes(table[key], labels)


def present(key: npt.NDArray[Any], size: int) -> Ints:
    """Return which of the numbers below `size` occur, in ascending order."""
    if size <= 32:  # a comparison each is cheaper than to widen the codes for a count
        return np.flatnonzero([np.any(key == number) for number in range(size)])
    return np.flatnonzero(np.bincount(key, minlength=size))


def _combine_by_sorting(parts: Sequence[Codes]) -> Codes:
    """Combine columns of many values (a message id, a time) without a table of all pairs."""
    table = np.column_stack([part.codes.astype(np.int64) for part in parts])
    rows, dense = np.unique(table, axis=0, return_inverse=True)
    labels = [tuple(p.labels[int(c)] for p, c in zip(parts, row, strict=True)) for row in rows]
    return Codes(np.asarray(dense).reshape(-1), labels)


def group_codes(messages: Messages, by: Sequence[str]) -> Codes:
    """Return the group of each row; a missing default column makes one group."""
    frame = messages.frame
    if list(by) == ["profile"] and "profile" not in frame.columns:
        messages.note("no column 'profile': all rows are taken as one group")
        return constant(len(frame), ("",))
    require(frame, by, "grouping")
    return combine([codes(frame, name) for name in by], len(frame))


def stream_codes(messages: Messages) -> Codes:
    """Return the stream of each row: its run, client, event and direction."""
    frame = messages.frame
    names = ("run", "client_id", "event_name", "direction")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        listed = ", ".join(missing)
        messages.note(f"no column {listed}: stream metrics take the rows as one stream there")
    parts = [
        codes(frame, name) if name in frame.columns else constant(len(frame), "") for name in names
    ]
    return combine(parts, len(frame))


def read(frame: object) -> Messages:
    """Take the arrays out of a history frame.

    Raises
    ------
    ColumnsError
        If neither latencies nor pairs of times are there, or they are not numbers.
    """
    table = check_frame(frame)
    notes: list[str] = []
    created = _created(table, notes)
    delivered, latency = _arrival(table, created, notes)
    fate = _fate(table, latency, notes)
    arrived = fate.where("delivered")
    finite = np.isfinite(latency)
    if not finite.all():
        _note_times(arrived, latency, notes)
        arrived &= finite
    copies = floats(table, "copy") if "copy" in table.columns else None
    original = np.ones(len(table), bool) if copies is None else ~(copies > 0)
    lost = fate.where("dropped")
    result = Messages(table, created, delivered, latency, arrived, lost, original, fate, notes)
    _note_negative(result)
    _note_evicted(result)
    return result


def unread(frame: pd.DataFrame) -> Messages:
    """Return messages of which only the columns of `frame` are known, for grouping."""
    blank, none = np.full(len(frame), np.nan), np.zeros(len(frame), dtype=bool)
    return Messages(frame, blank, blank, blank, none, none, ~none, constant(len(frame), "unknown"))


def _created(frame: pd.DataFrame, notes: list[str]) -> Floats:
    for name in ("created_s", "sent_s"):
        if name in frame.columns:
            if name == "sent_s":
                notes.append(
                    "no column 'created_s': latency runs from 'sent_s', so time lost before "
                    "sending (coordinated omission) is not seen"
                )
            return _times(frame, name)
    notes.append("no column 'created_s' or 'sent_s': rates, ages and gaps cannot be computed")
    return np.full(len(frame), np.nan)


def _arrival(frame: pd.DataFrame, created: Floats, notes: list[str]) -> tuple[Floats, Floats]:
    has = set(frame.columns)
    if "latency_ms" in has:
        latency = floats(frame, "latency_ms")
        given = _times(frame, "delivered_s") if "delivered_s" in has else None
        return _filled(given, created, latency), latency
    require(has, ["delivered_s"], "latency (there is no 'latency_ms')")
    require(has, ["created_s" if "sent_s" not in has else "sent_s"], "latency")
    notes.append("no column 'latency_ms': taken as delivered_s - created_s")
    delivered = _times(frame, "delivered_s")
    return delivered, (delivered - created) * 1e3


def _times(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column of times; those that are infinite are as good as unknown."""
    times = floats(frame, name)
    odd = np.isinf(times)
    return np.where(odd, np.nan, times) if odd.any() else times


def _filled(given: Floats | None, created: Floats, latency: Floats) -> Floats:
    """Return the times of arrival, from creation and latency where they are not given."""
    if given is not None:
        unknown = np.isnan(given)
        if np.count_nonzero(unknown) <= np.count_nonzero(np.isnan(latency)):
            return given
    computed = created + np.where(np.isfinite(latency), latency, np.nan) / 1e3
    return computed if given is None else np.where(unknown, computed, given)


def _fate(frame: pd.DataFrame, latency: Floats, notes: list[str]) -> Codes:
    if "fate" in frame.columns:
        fate = codes(frame, "fate")
        strange = [str(label) for label in fate.labels if label not in FATES]
        if strange and np.any(fate.where(*strange)):
            notes.append(f"unknown fate {', '.join(strange)}: neither delivered nor dropped")
        return fate
    labels = ["delivered", "dropped", "unknown"]
    if "dropped" in frame.columns:
        dropped = floats(frame, "dropped") > 0
        lost = np.where(np.isfinite(latency), 0, 2)
        return Codes(np.where(dropped, 1, lost).astype(np.int8), labels)
    notes.append("no column 'fate' or 'dropped': a message without a latency counts as dropped")
    return Codes(np.where(np.isfinite(latency), 0, 1).astype(np.int8), labels)


def _note_times(arrived: Bools, latency: Floats, notes: list[str]) -> None:
    bad = arrived & ~np.isfinite(latency)
    count = int(np.count_nonzero(bad))
    if count:
        infinite = int(np.count_nonzero(np.isinf(latency) & bad))
        notes.append(
            f"{count} delivered rows have no usable time ({infinite} infinite, "
            f"{count - infinite} missing): counted as delivered, left out of latencies"
        )


def _note_negative(messages: Messages) -> None:
    count = int(np.count_nonzero(messages.latency[messages.arrived] < 0)) if len(messages) else 0
    if count:
        messages.note(
            f"{count} latencies are negative: the clocks of sender and receiver differ; "
            "they are kept, so latencies are relative, differences and jitter still hold"
        )


def _note_evicted(messages: Messages) -> None:
    about = messages.frame.attrs.get("wsim")
    for run, entry in about.items() if isinstance(about, Mapping) else ():
        evicted = entry.get("evicted") if isinstance(entry, Mapping) else None
        if evicted:
            messages.note(
                f"run '{run}' kept its last rows only: {evicted} older ones had left the history "
                "(max_history), these figures are about the rest"
            )
