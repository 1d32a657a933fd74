"""Whether more was sent than the TCP connection of a run could carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import codes
from wsim.conditions import NetworkConditions
from wsim.errors import WsimError
from wsim.schema import DIRECTIONS
from wsim.tcp.law import saturated

CONSEQUENCE = "clients miss heartbeats and are cut off"


def saturation_notes(name: str, run: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
    """Say for each direction in which a run sent more than TCP carries by how much.

    Parameters
    ----------
    name
        What the network is called.
    run
        The messages of one run; without sizes nothing can be said.
    facts
        What the history tells of the run: ``conditions`` and, if known, ``duration_s``.

    Returns
    -------
    list of str
        Sentences; empty for datagrams, and where the conditions were not recorded.
    """
    given = facts.get("conditions")
    if not isinstance(given, Mapping) or not {"size_bytes", "created_s"} <= set(run.columns):
        return []
    try:
        conditions = NetworkConditions.from_dict(given)
    except WsimError:
        return []  # of another version: nothing is known of its TCP
    texts = {d: saturated(conditions.for_direction(d), rate) for d, rate in _rates(run, facts)}
    return [f"{name}, {d}: {text}; {CONSEQUENCE}" for d, text in texts.items() if text is not None]


def _rates(run: pd.DataFrame, facts: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the bytes per second that one client sent, by direction."""
    size = run["size_bytes"].to_numpy(dtype=float)
    kept = np.isfinite(size)
    if "copy" in run.columns:
        kept &= run["copy"].to_numpy() == 0
    length = facts.get("duration_s")
    if not isinstance(length, int | float) or not length > 0:
        length = float(np.nanmax(run["created_s"], initial=0.0))
    clients = run["client_id"].nunique() if "client_id" in run.columns else 1
    seconds = max(float(length), 1.0) * max(clients, 1)
    if "direction" not in run.columns:
        return [(DIRECTIONS[0], float(size[kept].sum()) / seconds)]
    way = codes(run, "direction")
    return [(d, float(size[kept & way.where(d)].sum()) / seconds) for d in DIRECTIONS]
