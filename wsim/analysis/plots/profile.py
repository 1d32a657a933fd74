"""What a profile does to messages: its delays, its losses and its rate, from a short trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.plots.latency import plot_latency
from wsim.analysis.plots.loss_runs import plot_loss_runs
from wsim.analysis.plots.style import (
    FloatArray,
    describe,
    description,
    figure_of,
    finish,
    new_axes,
    plain,
    say,
    seconds_axis,
    series_style,
)
from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.profiles import Profile, profile
from wsim.profiles.description import rate_over_time

MESSAGES, RATE_HZ, SIZE_BYTES = 20_000, 20.0, 100
RATE_SPAN_S, RATE_BINS = 60.0, 60


def plot_profile(
    subject: str | Profile | NetworkConditions | Mapping[str, Any],
    *,
    ax: Axes | None = None,
    seed: int = 0,
) -> Axes:
    """Plot what a profile does: latency, loss runs and the rate of its bottleneck.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    ax
        Axes for the latency alone; by default a new figure with all three.
    seed
        Of the trial: 20,000 messages of 100 bytes at 20 Hz through one channel. The rate is
        that of more data than the link can carry, over a minute.

    Returns
    -------
    Axes
        Those of the latency.
    """
    chosen = profile(subject)
    frame = trial(chosen.conditions, chosen.name, seed)
    if ax is not None:
        return plot_latency(frame, ax=ax, kind="histogram")
    first = new_axes(None, (12.0, 3.4))
    figure = figure_of(first)
    figure.suptitle(plain(f"{chosen.name}: {chosen.sentence}", 110), fontsize="medium", x=0.01,
                    ha="left")  # fmt: skip
    first.set_subplotspec(figure.add_gridspec(1, 3)[0])
    second, third = figure.add_subplot(1, 3, 2), figure.add_subplot(1, 3, 3)
    plot_latency(frame, ax=first, kind="histogram")
    plot_loss_runs(frame, ax=second)
    _plot_rate(chosen.conditions, third)
    for each in (first, second):
        legend = each.get_legend()
        if legend is not None:
            legend.remove()  # one profile needs none
    describe(first, f"{chosen.name}. {description(first)} {description(second)}")
    return first


def trial(conditions: NetworkConditions, name: str = "", seed: int = 0) -> pd.DataFrame:
    """Return what becomes of a steady stream of small commands: times, fates and causes."""
    times = (np.arange(MESSAGES) * (1e9 / RATE_HZ)).astype(np.int64)
    sizes = np.full(MESSAGES, SIZE_BYTES, dtype=np.int64)
    fates = Channel(conditions, seed=seed).send_many(times, sizes)
    arrived = fates.delivered_ns >= 0
    latency = np.where(arrived, (fates.delivered_ns - times) / 1e6, np.nan)
    return pd.DataFrame(
        {
            "created_s": times / 1e9,
            "delivered_s": np.where(arrived, fates.delivered_ns / 1e9, np.nan),
            "latency_ms": latency,
            "fate": fates.fate,
            "profile": name or "conditions",
        }
    )


def rates(conditions: NetworkConditions) -> tuple[FloatArray, FloatArray] | None:
    """Return edges (s) and what got through (Mbit/s) when there is too much to send.

    None if the link has no limit.
    """
    edges = np.linspace(0.0, RATE_SPAN_S, RATE_BINS + 1)
    mbps = rate_over_time(conditions, RATE_SPAN_S, RATE_BINS)
    return (edges, mbps) if conditions.enabled and np.isfinite(mbps).all() else None


def _plot_rate(conditions: NetworkConditions, ax: Axes) -> None:
    found = rates(conditions.for_direction("inbound"))
    if found is None:
        say(ax, "The rate has no limit.")
    else:
        edges, rate = found
        ax.stairs(rate, edges, baseline=None, color=series_style(0).colour, linewidth=1.8)
        ax.set_ylim(0, max(float(rate.max()) * 1.25, 1e-6))
    seconds_axis(ax.xaxis)
    finish(ax, title="Rate under overload", x="time (s)", y="delivered (Mbit/s)")
