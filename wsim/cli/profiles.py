"""``wsim profiles``: the catalogue of networks, and what one of them does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wsim.batch import simulate
from wsim.cli.options import PROFILE_EXAMPLE, Layout
from wsim.cli.terminal import share_text, table, time_text
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.lints import lint
from wsim.profiles import PROFILES, Profile, profile
from wsim.profiles.description import describe, models, rate_over_time
from wsim.traffic import Traffic

_TRIAL = Traffic.periodic("driveCommands", 50, size_bytes=120)
_TRIAL_S = 60.0
_SHARES = (0.5, 0.9, 0.99)


def add_parser(subparsers: Any) -> None:
    """Add ``profiles`` to the command line."""
    parser = subparsers.add_parser(
        "profiles",
        help="list the network profiles, or show one",
        description="List the network profiles; 'show NAME' describes one, with its source,"
        " and draws it with --out; 'models' lists what profiles are made of.",
        epilog=PROFILE_EXAMPLE,
        formatter_class=Layout,
    )
    parser.add_argument("words", nargs="*", metavar="show NAME | models", help="what to show")
    parser.add_argument(
        "--out", type=Path, default=None, metavar="DIR",
        help="folder for NAME.png: latency, loss runs and rate of a short trial",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the catalogue or one profile."""
    words = args.words
    if not words:
        print(_catalogue())
    elif words == ["models"]:
        print(models())
    elif words[0] == "show" and len(words) == 2:
        shown = profile(words[1])
        print(_shown(shown))
        if args.out is not None:
            print(f"\nWrote {_drawn(shown, args.out)}")
    else:
        raise UsageError("say 'wsim profiles', 'wsim profiles show NAME' or 'wsim profiles models'")
    return 0


def _catalogue() -> str:
    rows = []
    for name, each in PROFILES.items():
        conditions = each.conditions
        rate = conditions.bandwidth_mbps
        rows.append((
            name, time_text(_latency_ms(conditions)), _jitter(conditions), _loss(conditions),
            "-" if rate is None else f"{rate:g} Mbit/s",
            conditions.transport,
        ))  # fmt: skip
    header = ("profile", "latency", "jitter", "loss", "bandwidth", "transport")
    return table(header, rows) + "\n\n'wsim profiles show NAME' says where the values come from."


def _latency_ms(conditions: NetworkConditions) -> float:
    """Return the latency, or the median where the whole delay comes from measured quantiles."""
    if conditions.jitter.kind != "quantiles":
        return conditions.latency_ms
    middle = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
    return round(float(middle(np.array([0.5]))[0]), 1)


def _jitter(conditions: NetworkConditions) -> str:
    if conditions.jitter.kind == "normal":
        return time_text(conditions.jitter_ms)
    return conditions.jitter.kind


def _loss(conditions: NetworkConditions) -> str:
    if conditions.loss.kind == "bernoulli":
        return share_text(conditions.packet_loss_rate)
    return conditions.loss.kind


def _shown(shown: Profile) -> str:
    findings = [f"  {finding}" for finding in lint(shown)]
    lines = [
        describe(shown),
        "",
        _trial(shown),
        *(["", "Worth knowing:", *findings] if findings else []),
    ]
    return "\n".join(lines)


def _trial(shown: Profile) -> str:
    """Return what a short simulation finds, with the queues, slots and outages of the link."""
    frame = simulate(_TRIAL, shown, duration_s=_TRIAL_S, seed=0)
    arrived = frame.latency_ms[(frame.fate == "delivered") & (frame["copy"] == 0)]
    what = f"Simulated, {_TRIAL_S:g} s of 120-byte commands at 50 Hz from a client, seed 0:"
    if not len(arrived):
        return f"{what} nothing arrived."
    said = ", ".join(f"p{100 * q:g} {time_text(float(arrived.quantile(q)))}" for q in _SHARES)
    found = f"  delay of what arrived: {said}; {share_text(frame.dropped.mean())} dropped"
    rate = rate_over_time(shown.conditions.for_direction("inbound"), _TRIAL_S, 1).mean()
    if rate < frame.size_bytes.sum() * 8 / 1e6 / _TRIAL_S:
        found += f"\n  That is more than the {rate:.2g} Mbit/s of the link: its queue fills up."
    return f"{what}\n{found}"


def _drawn(shown: Profile, folder: Path) -> Path:
    """Write the picture of a profile and return its path."""
    from wsim.analysis.plots import plot_profile
    from wsim.analysis.plots.style import png

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{shown.name}.png"
    target.write_bytes(png(plot_profile(shown)))
    return target
