"""``wsim proxy``: a simulated network in front of a server that runs already."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from wsim.cli.listening import add_listening, needs_serve_extra, network_of
from wsim.cli.options import Layout
from wsim.cli.serve import play, timeline_of, until_interrupted
from wsim.errors import UsageError
from wsim.profiles import Profile

if TYPE_CHECKING:
    from wsim.serving.proxy import Proxy
    from wsim.serving.tcp_proxy import TcpProxy

_BYTES = """\
With --tcp (or an upstream tcp://HOST:PORT) bytes are relayed instead of messages, of any
protocol over TCP, TLS included:

  wsim proxy --tcp --upstream tcp://127.0.0.1:4000 --profile stressed --port 5001

Nothing is missing from a stream, so loss becomes delay and outages hold bytes back. The history
has a row "bytes" for each portion. Each connection is a client with a link of its own. Failures
are then: wsim set --fail reset | close | blackhole | refuse | half_close | half_close_upstream
"""


def add_parser(subparsers: Any) -> None:
    """Add ``proxy`` to the command line."""
    parser = subparsers.add_parser(
        "proxy",
        help="put a simulated network in front of a real server",
        description="Pass WebSocket and long-polling traffic on to a server, each message when its"
        " time has come. Point the client at this address instead of the server's.",
        epilog=_BYTES,
        formatter_class=Layout,
    )
    parser.add_argument(
        "--upstream", required=True, metavar="URL",
        help="the server behind, such as http://127.0.0.1:4000",
    )  # fmt: skip
    parser.add_argument(
        "--tcp", action="store_true", help="relay bytes of any protocol, without decoding them"
    )
    add_listening(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pass on until Ctrl-C; return the exit code."""
    needs_serve_extra()
    asyncio.run(_proxy(args))
    return 0


async def _proxy(args: argparse.Namespace) -> None:
    found = network_of(args)
    proxy = _by_bytes(args, found) if _wants_bytes(args) else _by_messages(args, found)
    changes = timeline_of(args, found)
    async with proxy:
        seed = proxy.network.seed
        print(f"{found.name} between {proxy.url} and {args.upstream} (seed {seed});")
        print("stop with Ctrl-C, change it with: wsim set latency_ms=200", flush=True)
        await until_interrupted(play(changes, proxy.set_profile))
    what = "portions" if _wants_bytes(args) else "messages"
    print(f"{proxy.history.recorded} {what} recorded.")
    if args.record is not None:
        print(f"Recorded to {args.record}; look at it with: wsim compare {args.record}")


def _wants_bytes(args: argparse.Namespace) -> bool:
    return bool(args.tcp) or args.upstream.startswith("tcp:")


def _by_messages(args: argparse.Namespace, found: Profile) -> Proxy:
    from wsim.serving.proxy import Proxy

    return Proxy(
        args.upstream, found, args.host, args.port,
        token=args.token, allow_origin=args.allow_origin, seed=args.seed, record=args.record,
        max_history=args.max_history,
    )  # fmt: skip


def _by_bytes(args: argparse.Namespace, found: Profile) -> TcpProxy:
    from wsim.serving.tcp_proxy import TcpProxy

    if args.token is not None or args.allow_origin:
        raise UsageError("--token and --allow-origin are for messages; bytes carry neither")
    return TcpProxy(
        args.upstream, found, args.host, args.port,
        seed=args.seed, record=args.record, max_history=args.max_history,
    )  # fmt: skip
