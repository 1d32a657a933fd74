"""History frames for tests, complete by the schema and made from a few arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from wsim.schema import COLUMNS, PARTS


def make(
    created_s: Any,
    latency_ms: Any = 50.0,
    *,
    lost: Any = None,
    sort: bool = False,
    **columns: Any,
) -> pd.DataFrame:
    """Return a schema-complete frame: `latency_ms` of NaN (or `lost` True) means dropped.

    Any schema column can be given as a keyword, as one value or one per row; the default is
    one client sending ``driveCommands`` inbound in run ``run-1`` under profile ``default``.
    ``sort`` orders the rows by creation, as a recording would.
    """
    created = np.atleast_1d(np.asarray(created_s, dtype=float))
    latency = np.broadcast_to(np.asarray(latency_ms, dtype=float), created.shape).copy()
    if lost is not None:
        latency[np.broadcast_to(np.asarray(lost, dtype=bool), created.shape)] = np.nan
    gone = np.isnan(latency)
    with np.errstate(invalid="ignore"):  # infinity minus infinity, in hostile frames
        delivered = created + latency / 1e3
    values: dict[str, Any] = {
        "seq": np.arange(len(created)),
        "created_s": created,
        "sent_s": created,
        "delivered_s": delivered,
        "latency_ms": latency,
        "direction": "inbound",
        "event_name": "driveCommands",
        "client_id": "client-1",
        "session": 1,
        "profile": "default",
        "run": "run-1",
        "fate": np.where(gone, "dropped", "delivered"),
        "cause": np.where(gone, "loss", ""),
        "copy": 0,
        "size_bytes": 100,
        "message_id": np.char.add("m", np.arange(len(created)).astype(str)),
        "namespace": "/",
        "ack_id": -1,
        "round_trip_ms": np.nan,
        "lateness_ms": np.nan,
        **{part: np.where(gone, np.nan, 0.0) for part in PARTS},
        "propagation_ms": latency,
        "data": None,
    } | columns
    values["dropped"] = np.asarray(values["fate"]) == "dropped"
    frame = pd.DataFrame(
        {
            column.name: _column(values[column.name], column.dtype, created.shape)
            for column in COLUMNS
        }
    )
    if sort:
        frame = frame.sort_values("created_s", kind="stable", ignore_index=True)
        frame["seq"] = np.arange(len(frame))
    return frame


def _column(value: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    spread = np.broadcast_to(np.asarray(value), shape)
    if dtype == "category":
        return pd.Categorical(spread)
    if dtype in ("str", "object"):
        return pd.Series(spread, dtype=object)
    return spread.astype(dtype)


def periodic(
    rate_hz: float, duration_s: float, latency_ms: Any = 50.0, **columns: Any
) -> pd.DataFrame:
    """Return a periodic stream: messages at 0, 1/rate, 2/rate, ... below `duration_s`."""
    n = round(rate_hz * duration_s)
    return make(np.arange(n) / rate_hz, latency_ms, **columns)


def ar1(n: int, seed: int, *, rho: float = 0.95, mean_ms: float = 60.0) -> np.ndarray[Any, Any]:
    """Return correlated latencies: the exponential of a first-order autoregression."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    level = lfilter([1.0], [1.0, -rho], noise)
    return mean_ms * np.exp(0.3 * level)
