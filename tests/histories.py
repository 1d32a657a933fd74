"""Histories for tests: one that uses every column, and strategies for arbitrary ones."""

from __future__ import annotations

import importlib.util
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from wsim.formats import FORMATS
from wsim.history import History
from wsim.schema import CAUSES

MS = 1_000_000
NEEDS_PYARROW = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
)
WRITABLE = [
    pytest.param(suffix, marks=NEEDS_PYARROW) if suffix == ".parquet" else suffix
    for suffix, form in FORMATS.items()
    if form.writer
]
"""Suffixes of the formats that can be written, for parametrised tests."""


def rich_history(rows: int = 40, **about: Any) -> History:
    """Return a history with every fate, binary and odd payloads, changes and connections."""
    history = History(None, profile="default", about={"started_at": 1.7e9, "seed": 7, **about})
    history.note_connection(0, "client-1", "connected")
    payloads: list[Any] = [{"linear": 0.5}, None, "text", [1, 2.5], b"\x00\xff", ("a", {"b": 1})]
    for n in range(rows):
        if n == rows // 2:
            history.note_change(n * MS, {"latency_ms": 200.0}, "stressed")
            history.profile = "stressed"
        lost = n % 7 == 3
        whole = (0, n, 2, 50 * MS, -n, 0, 0, 0)
        history.append(
            n * 50 * MS + n, n * 50 * MS + n, -1 if lost else n * 50 * MS + n + sum(whole),
            "outbound" if n % 3 else "inbound", f"event {n % 4}",
            f"client-{n % 2 + 1}", 1 + n // 30, "dropped" if lost else "delivered",
            "loss" if lost else "", n % 5 == 4, 40 + n,
            f"id-{n}", "/rover" if n % 6 == 5 else "/", n if n % 4 == 1 else -1,
            120 * MS + n if n % 4 == 1 else -1, 123_456 if n % 2 else -1,
            None if lost else whole, payloads[n % len(payloads)],
        )  # fmt: skip
    return history


def rich_frame(rows: int = 40, **about: Any) -> pd.DataFrame:
    """Return the frame of :func:`rich_history`."""
    return rich_history(rows, **about).frame


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Compare frames exactly: values, dtypes, categories, types of payloads and notes."""
    pd.testing.assert_frame_equal(one.drop(columns="data"), other.drop(columns="data"))
    assert list(map(repr, one["data"])) == list(map(repr, other["data"]))
    assert other["data"].dtype == object
    assert one.attrs == other.attrs


_TEXT = st.text(max_size=8)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    _TEXT,
    st.binary(max_size=8),
)
PAYLOADS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_TEXT, inner, max_size=3),
        st.dictionaries(st.sampled_from(["__bytes__", "__tuple__", "__text__"]), inner, max_size=1),
        st.dictionaries(st.one_of(st.integers(), st.binary(max_size=3)), inner, max_size=2),
    ),
    max_leaves=8,
)
_NS = st.integers(0, 10**15)
_ROWS = st.tuples(
    _NS, _NS, st.one_of(st.just(-1), _NS), st.sampled_from(["inbound", "outbound"]), _TEXT, _TEXT,
    st.integers(1, 2**31), st.sampled_from(["delivered", "dropped", "refused", "unknown"]),
    st.sampled_from(CAUSES), st.integers(0, 200), st.integers(0, 2**31), _TEXT, _TEXT,
    st.integers(-1, 2**31 - 1), st.one_of(st.just(-1), _NS), st.one_of(st.just(-1), _NS),
    st.one_of(st.none(), st.tuples(*[st.integers(-(10**15), 10**15)] * 8)), PAYLOADS,
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a history of arbitrary rows."""
    history = History(draw(st.sampled_from([None, 3])), run=draw(_TEXT), profile=draw(_TEXT))
    for row in draw(st.lists(_ROWS, max_size=5)):
        history.append(*row)
    if draw(st.booleans()):
        history.note_change(draw(_NS), {"latency_ms": 1.0}, draw(_TEXT))
    return history
