"""The README's picture of the network model, a panel for each family; run it to draw it anew.

``python tests/network_model_picture.py`` writes notebooks/figures/network_model.png.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from wsim import Channel, NetworkConditions

TARGET = Path(__file__).parents[1] / "notebooks" / "figures" / "network_model.png"
QUIET = NetworkConditions(
    latency_ms=20, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None
)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")


def send(conditions, count=2000, gap_ms=20.0, size=120):
    """Return when messages are sent (s) and how late they are (ms, NaN if lost)."""
    times = np.rint(np.arange(count) * gap_ms * 1e6).astype(np.int64)
    found = Channel(conditions, seed=3).send_many(times, np.full(count, size))
    late = np.where(found.dropped, np.nan, (found.delivered_ns - times) / 1e6)
    return times / 1e9, late


def style(place):
    return {"color": COLOURS[place], "linestyle": LINES[place], "linewidth": 1.4}


def later_than(ax, late, place, label):
    """Draw which share is later than so many milliseconds."""
    known = np.sort(late[~np.isnan(late)])
    ax.plot(known, 1.0 - np.arange(len(known)) / len(known), label=label, **style(place))
    ax.set(yscale="log", ylim=(1e-3, 1.3), xlabel="latency (ms)", ylabel="share later than that")


def delays(ax):
    wide = QUIET.replace(latency_ms=50, jitter_ms=20, reorder=True)
    points = {"kind": "quantiles", "points": [[0.5, 20], [0.9, 100], [0.999, 250]]}
    models = ("uniform", "normal", "gamma", "pareto", points)
    for place, model in enumerate(models):
        name = model if isinstance(model, str) else "quantiles"
        own = {"latency_ms": 0, "jitter_ms": 0} if name == "quantiles" else {}
        later_than(ax, send(wide.replace(**own, jitter_model=model), 20_000)[1], place, name)
    ax.set_xlim(0, 300)


def correlation(ax):
    wide = QUIET.replace(latency_ms=50, jitter_ms=15, reorder=True)
    for place, rho in enumerate((0.0, 0.95)):
        sent, late = send(wide.replace(jitter_correlation=rho), 250)
        ax.plot(sent, late + 100 * place, label=f"correlation {rho:g}", **style(place))
    ax.set(xlabel="sent (s)", ylabel="latency (ms), second + 100")


def losses(ax):
    models = (
        ("independent", "bernoulli"),
        ("bursts of 4 messages", {"kind": "gilbert_elliott", "mean_burst": 4}),
        ("bursts of 0.2 s", {"kind": "gilbert_elliott_time", "mean_burst_s": 0.2}),
    )
    for place, (name, model) in enumerate(models):
        lost = np.isnan(send(QUIET.replace(packet_loss_rate=0.05, loss_model=model), 50_000)[1])
        edges = np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0, append=0))
        runs = np.sort(edges[1::2] - edges[::2])
        ax.plot(runs, 1.0 - np.arange(len(runs)) / len(runs), label=name, **style(place))
    ax.set(yscale="log", ylim=(1e-3, 1.3))
    ax.set(xlabel="losses in a row", ylabel="share at least so long")


def order(ax):
    wide = QUIET.replace(latency_ms=40, jitter_ms=20)
    for place, (name, free) in enumerate((("in order", False), ("reorder=True", True))):
        sent, late = send(wide.replace(reorder=free), 30)
        ax.plot(np.arange(30), sent * 1e3 + late + 150 * place, marker=".", label=name,
                **style(place))  # fmt: skip
    ax.set(xlabel="message", ylabel="arrived (ms), second + 150")


def rates(ax):
    schedule = {"kind": "schedule", "steps": [[0, 2], [2, 0], [3, 0.5], [6, 2]]}
    models = (
        ("constant", "constant"),
        ("token bucket", {"kind": "token_bucket", "burst_bytes": 400_000}),
        ("schedule", schedule),
        ("slots", {"kind": "slots", "period_ms": 2000, "window_ms": 1000}),
    )
    for place, (name, model) in enumerate(models):
        sent, late = send(QUIET.replace(bandwidth_mbps=1, rate_model=model), 1500, 5, 1250)
        arrived = np.sort(sent + late / 1e3)
        ax.plot(arrived, np.arange(len(arrived)) * 1250 / 1e6, label=name, **style(place))
    ax.set(xlabel="time (s)", ylabel="arrived (MB)", xlim=(0, 8), ylim=(0, 1.3))


def queues(ax):
    slow = QUIET.replace(bandwidth_mbps=0.5)
    policies = (
        ("no limit", {}),
        ("tail, 200 ms", {"queue_limit_ms": 200.0}),
        ("at most 80 ms old", {"max_age_ms": 80.0}),
        ("CoDel", {"queue_policy": "codel"}),
    )
    for place, (name, policy) in enumerate(policies):
        sent, late = send(slow.replace(**policy), 250, 20, 1500)
        known = ~np.isnan(late)
        ax.plot(sent[known], late[known], label=name, **style(place))
    ax.set(xlabel="sent (s)", ylabel="latency (ms)", ylim=(0, 700))


def outages(ax):
    for place, effect in enumerate(("drop", "hold")):
        stall = {"kind": "periodic", "every_s": 4, "down_s": 1, "first_s": 2, "effect": effect}
        sent, late = send(QUIET.replace(outage=stall), 100, 100)
        ax.plot(sent, late + 150 * place, ".", label=effect, color=COLOURS[place])
    ax.set(xlabel="sent (s)", ylabel="latency (ms), second + 150")


def transports(ax):
    lossy = QUIET.replace(latency_ms=50, packet_loss_rate=0.05)
    for place, transport in enumerate(("datagram", "tcp")):
        late = send(lossy.replace(transport=transport), 10_000)[1]
        lost = f"{np.isnan(late).mean():.0%} never arrive".replace("%", " %")
        later_than(ax, late, place, f"{transport}: {lost}")


PANELS = (
    ("Delay: 50 ± 20 ms", delays),
    ("Correlated delay", correlation),
    ("Loss: 5 % of messages", losses),
    ("Order", order),
    ("Rate: 1 Mbit/s, overloaded", rates),
    ("Queue: 20 % too much", queues),
    ("Outage: 1 s in every 4", outages),
    ("Transport: 5 % loss, 50 ms", transports),
)


def draw(target):
    """Draw all panels into one picture and return its figure."""
    figure = Figure(figsize=(12.0, 11.0), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (title, panel) in zip(figure.subplots(4, 2).flat, PANELS, strict=True):
        panel(ax)
        ax.set_title(title, loc="left", fontsize="medium", fontweight="bold")
        ax.grid(True, alpha=0.25, linewidth=0.6)
        ax.legend(frameon=False, fontsize="small")
    figure.savefig(target, dpi=76)
    return figure


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
