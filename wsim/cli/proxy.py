"""``wsim proxy``: a simulated network in front of a server that runs already."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from wsim.cli.listening import add_listening, needs_serve_extra, network_of
from wsim.cli.serve import play, timeline_of, until_interrupted


def add_parser(subparsers: Any) -> None:
    """Add ``proxy`` to the command line."""
    parser = subparsers.add_parser(
        "proxy",
        help="put a simulated network in front of a real server",
        description="Pass WebSocket and long-polling traffic on to a server, each message when its"
        " time has come. Point the client at this address instead of the server's.",
    )
    parser.add_argument(
        "--upstream", required=True, metavar="URL",
        help="the server behind, such as http://127.0.0.1:4000",
    )  # fmt: skip
    add_listening(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pass on until Ctrl-C; return the exit code."""
    needs_serve_extra()
    asyncio.run(_proxy(args))
    return 0


async def _proxy(args: argparse.Namespace) -> None:
    from wsim.serving.proxy import Proxy

    found = network_of(args)
    proxy = Proxy(
        args.upstream, found, args.host, args.port,
        token=args.token, allow_origin=args.allow_origin, seed=args.seed, record=args.record,
        max_history=args.max_history,
    )  # fmt: skip
    async with proxy:
        seed = proxy.network.seed
        print(f"{found.name} between {proxy.url} and {args.upstream} (seed {seed});")
        print("stop with Ctrl-C, change it with: wsim set latency_ms=200", flush=True)
        await until_interrupted(play(timeline_of(args, found), proxy.set_profile))
    print(f"{proxy.history.recorded} messages recorded.")
    if args.record is not None:
        print(f"Recorded to {args.record}; look at it with: wsim compare {args.record}")
