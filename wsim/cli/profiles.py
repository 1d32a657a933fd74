"""``wsim profiles``: the catalogue of networks, and what one of them does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from wsim.cli.terminal import share_text, table, time_text
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.lints import lint
from wsim.profiles import PROFILES, Profile, profile
from wsim.profiles.description import describe, models


def add_parser(subparsers: Any) -> None:
    """Add ``profiles`` to the command line."""
    parser = subparsers.add_parser(
        "profiles",
        help="list the network profiles, or show one",
        description="List the network profiles; 'show NAME' describes one, with its source,"
        " and draws it with --out; 'models' lists what profiles are made of.",
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
            name, time_text(conditions.latency_ms), _jitter(conditions), _loss(conditions),
            "-" if rate is None else f"{rate:g} Mbit/s",
            conditions.transport,
        ))  # fmt: skip
    header = ("profile", "latency", "jitter", "loss", "bandwidth", "transport")
    return table(header, rows) + "\n\n'wsim profiles show NAME' says where the values come from."


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
    lines = [describe(shown), *(["", "Worth knowing:", *findings] if findings else [])]
    return "\n".join(lines)


def _drawn(shown: Profile, folder: Path) -> Path:
    """Write the picture of a profile and return its path."""
    from wsim.analysis.plots import plot_profile
    from wsim.analysis.plots.style import png

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{shown.name}.png"
    target.write_bytes(png(plot_profile(shown)))
    return target
