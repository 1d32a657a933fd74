"""``wsim set``: change the network of a running server or proxy."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from typing import Any

from wsim.cli.options import changes_from
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.profiles import PROFILES

_ALWAYS = ("latency_ms", "jitter_ms", "packet_loss_rate", "disconnect_rate", "bandwidth_mbps")


def add_parser(subparsers: Any) -> None:
    """Add ``set`` to the command line."""
    parser = subparsers.add_parser(
        "set",
        help="change the network of a running wsim serve or proxy",
        description="Change conditions while clients stay connected, or make connections fail.",
    )
    parser.add_argument(
        "changes", nargs="*", metavar="FIELD=VALUE", help="conditions, such as latency_ms=200"
    )
    parser.add_argument("--profile", default=None, metavar="NAME", help="put a profile in force")
    parser.add_argument(
        "--fail", default=None, metavar="HOW",
        help="make connections fail: server, close, reset, blackhole, garbage or refuse; of a proxy"
        " of bytes also half_close and half_close_upstream, not server and garbage",
    )  # fmt: skip
    parser.add_argument("--client", default=None, metavar="ID", help="whose connection (all)")
    parser.add_argument(
        "--duration", type=float, default=5.0, metavar="S",
        help="how long a blackhole or a refusal lasts (default: %(default)s s)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=None, metavar="N", help="which server, if there are several"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the running server; return the exit code."""
    from wsim.serving.control import steer

    changes = changes_from(args.changes)
    if args.profile is not None:
        _tell(steer("/profile", {"name": args.profile}, port=args.port))
    if changes:
        _tell(steer("/conditions", changes, port=args.port), changes)
    if args.fail is not None:
        asked = {"how": args.fail, "client_id": args.client, "duration_s": args.duration}
        failed = steer("/fail", asked, port=args.port)["failed"]
        print(f"{args.fail}: {', '.join(failed) or 'nobody is connected'}")
    if args.profile is None and not changes and args.fail is None:
        raise UsageError("nothing to set; give FIELD=VALUE, --profile or --fail")
    return 0


def _tell(status: dict[str, Any], changes: Collection[str] = ()) -> None:
    """Say what is in force: the everyday conditions, and all that the profile's name hides."""
    conditions, name = status["network_conditions"], status["profile"] or "conditions"
    plain = PROFILES[name].conditions if name in PROFILES else NetworkConditions()
    usual = json.loads(json.dumps(plain.to_dict()))
    differing = [field for field, value in conditions.items() if value != usual.get(field)]
    changed = bool(changes) if name not in PROFILES else bool(differing)
    shown = [field for field in _ALWAYS if conditions[field] is not None]
    shown += [field for field in (*differing, *changes) if field not in shown]
    said = ", ".join(f"{field}={_said(conditions[field])}" for field in dict.fromkeys(shown))
    print(f"{status['url']}: {name}{', changed' if changed else ''}: {said}")


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
