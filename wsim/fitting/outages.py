"""Finding outages in a log: silences that are too long for bursts of loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from wsim.fitting.logs import LEAST_MESSAGES, Log
from wsim.impairments.renewal_outage import RenewalOutage
from wsim.randomness import BoolArray

_LEAST_OUTAGE_S = 0.5
_SHORTEST = 5.0  # messages


class Outages(NamedTuple):
    """Spells in which the link was out, and the messages that fell into them."""

    down_s: list[float]
    effect: str
    inside: list[BoolArray]


def find_outages(logs: list[Log]) -> Outages:
    """Find silences: nothing arrives although messages are sent, for much longer than usual."""
    down: list[float] = []
    held, inside = 0, []
    for log in logs:
        marked = np.zeros(len(log.sent_s), np.bool_)
        burst = _long_burst(np.isnan(log.delay_ms))
        for start, end, waits in _silences(log, burst):
            marked |= (log.sent_s > start) & (log.sent_s < end)
            down.append(end - start)
            held += waits
        inside.append(marked)
    return Outages(down, "hold" if 2 * held > len(down) else "drop", inside)


def _long_burst(lost: BoolArray) -> float:
    """Return the length from which a run of losses is an outage and no burst.

    Of n bursts with geometric lengths of mean m, one is longer than m (ln n + 4) in a log out
    of fifty. The mean is taken of the shorter half, then again of all that are short enough.
    """
    edges = np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0, append=0))
    runs = np.sort(edges[1::2] - edges[::2])
    if not len(runs):
        return _SHORTEST
    factor, limit = np.log(len(runs)) + 4.0, 0.0
    short = runs[: (len(runs) + 1) // 2]
    while (new := max(factor * float(short.mean()), _SHORTEST)) > limit:
        limit, short = new, runs[runs <= new]
    return limit


def _silences(log: Log, burst: float) -> Iterator[tuple[float, float, bool]]:
    """Yield (start, end, whether its messages waited) of each silence."""
    arrived = np.flatnonzero(~np.isnan(log.delay_ms))
    if len(arrived) < LEAST_MESSAGES:
        return
    arrivals = np.sort(log.arrival_s[arrived])
    gap = float(np.median(np.diff(log.sent_s)))
    low, usual, high = np.quantile(log.delay_ms[arrived], (0.25, 0.5, 0.75)) / 1e3
    least = max(_LEAST_OUTAGE_S, 8.0 * gap, 6.0 * (high - low))
    for place in np.flatnonzero(np.diff(arrivals) > least):
        start, end = float(arrivals[place]) - usual, float(arrivals[place + 1]) - usual
        sent = (log.sent_s > start + gap) & (log.sent_s < end - gap)
        if sent.sum() < 5:
            continue  # nobody spoke
        waited = sent & (log.arrival_s > end)
        lost = sent & np.isnan(log.delay_ms)
        if waited.sum() + lost.sum() >= 0.9 * sent.sum():
            waits = waited.sum() > lost.sum()
            if not waits and sent.sum() < burst:
                continue
            yield start, (end + usual if waits else end), bool(waits)


def fit_renewal(logs: list[Log], outages: Outages) -> RenewalOutage | None:
    """Return a process with the mean spells of the outages found, or None without any."""
    if not outages.down_s:
        return None
    spans = sum(float(log.sent_s[-1] - log.sent_s[0]) for log in logs)
    down = np.array(outages.down_s)
    mean_up = max(spans - down.sum(), 1e-3) / len(down)
    spread = float(np.std(np.log(down))) if len(down) > 1 else 1.0
    variation = float(down.std() / down.mean()) if len(down) > 1 else 1.0
    shape = "fixed" if variation < 0.1 else "exponential" if variation > 0.7 else "lognormal"
    return RenewalOutage(
        mean_up, float(down.mean()), down=shape, spread=min(spread, 5.0), effect=outages.effect
    )


def disconnects_per_message(logs: list[Log]) -> float:
    """Return cuts per message: a spell of ``disconnected`` or ``not_connected`` is one cut."""
    cuts, messages = 0, 0
    for log in logs:
        away = np.isin(log.causes, ("disconnected", "not_connected"))
        cuts += int((np.diff(away.astype(np.int8), prepend=0) == 1).sum())
        messages += int((~away).sum())
    return cuts / max(messages, 1)
