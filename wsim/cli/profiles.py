"""``wsim profiles``: the catalogue of networks, and what one of them does."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from wsim.cli.terminal import share_text, table, time_text
from wsim.conditions import NetworkConditions, condition_fields
from wsim.errors import UsageError
from wsim.profiles import PROFILES, Profile, profile


def add_parser(subparsers: Any) -> None:
    """Add ``profiles`` to the command line."""
    parser = subparsers.add_parser(
        "profiles",
        help="list the network profiles, or show one",
        description="List the network profiles; 'show NAME' prints one with its source.",
    )
    parser.add_argument("words", nargs="*", metavar="show NAME", help="show one profile")


def run(args: argparse.Namespace) -> int:
    """Print the catalogue or one profile."""
    words = args.words
    if not words:
        print(_catalogue())
    elif words[0] == "show" and len(words) == 2:
        print(_shown(profile(words[1])))
    else:
        raise UsageError("say 'wsim profiles' or 'wsim profiles show NAME'")
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
    lines = [shown.name, *textwrap.wrap(shown.sentence, 90)]
    lines += textwrap.wrap(f"Source: {shown.source or 'not given'}", 90)
    lines.append("")
    changed = shown.conditions.to_dict()
    usual = {info.name for info in condition_fields() if not info.advanced}
    differs = shown.conditions.to_dict(changed_only=True)
    width = max(len(name) for name in usual | set(differs))
    for info in condition_fields():
        if info.name in usual or info.name in differs:
            assumed = "  (assumed)" if info.name in shown.assumed else ""
            value = f"{changed[info.name]} {info.unit}".rstrip()
            lines.append(f"  {info.name:<{width}}  {value}{assumed}")
    if shown.time_scale != 1:
        lines.append(f"  live clocks run {shown.time_scale:g} x faster")
    return "\n".join(lines)
