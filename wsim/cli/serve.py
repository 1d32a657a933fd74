"""``wsim serve``: the simulator as a real Socket.IO server, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from wsim.cli.listening import add_listening, needs_serve_extra, network_of
from wsim.profiles import Profile
from wsim.timeline import Change, Timeline


def add_parser(subparsers: Any) -> None:
    """Add ``serve`` to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="serve real Socket.IO clients through a simulated network",
        description="Serve real Socket.IO clients; a page to drive with is at the address shown."
        " Stop with Ctrl-C; change the network from another terminal with: wsim set",
    )
    add_listening(parser)
    parser.add_argument(
        "--rate", type=float, default=10.0, metavar="HZ",
        help="rate at which the simulated rover publishes systemStatus and sensorData;"
        " 0: it does not (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--namespace", action="append", default=[], metavar="/NAME",
        help="let clients connect to this namespace too, beside / (repeatable; '*': to any)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; return the exit code."""
    needs_serve_extra()
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    from wsim.rover import Rover
    from wsim.serving.endpoint import Server
    from wsim.simulator import create_websocket_simulator

    found = network_of(args)
    sim = create_websocket_simulator(found, seed=args.seed, max_history=args.max_history)
    changes = timeline_of(args, found)
    server = Server(
        sim, args.host, args.port,
        token=args.token, allow_origin=args.allow_origin, record=args.record,
        namespaces=args.namespace,
    )  # fmt: skip
    async with server:
        print(f"Serving {found.name} on {server.url} (seed {sim.seed}); stop with Ctrl-C.")
        print(f"Drive at {server.url}/  Change it with: wsim set latency_ms=200", flush=True)
        rover = Rover(sim, rate_hz=args.rate)
        await until_interrupted(rover.publish(), play(changes, server.set_profile))
    stats = sim.stats
    print(
        f"{stats['connections']} connections, {stats['messages_received']} messages received,"
        f" {stats['messages_sent']} sent, {stats['messages_dropped']} dropped."
    )
    if args.record is not None:
        print(f"Recorded to {args.record}; look at it with: wsim compare {args.record}")


def timeline_of(args: argparse.Namespace, start: Profile) -> list[Change]:
    """Return the changes of ``--timeline``; none if there is no such option."""
    return [] if args.timeline is None else Timeline.from_file(args.timeline).changes(start)


async def play(changes: list[Change], take: Callable[[Profile], None]) -> None:
    """Put each change in force when its time has come."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for change in changes:
        await asyncio.sleep(max(0.0, start_s + change.at_ns / 1e9 - loop.time()))
        take(Profile(change.label, change.conditions))


async def until_interrupted(*chores: Coroutine[Any, Any, None]) -> None:
    """Do chores until Ctrl-C or a termination signal; a chore that fails ends it too."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    if sys.platform != "win32":  # there KeyboardInterrupt does it
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(chore) for chore in chores]
        await stop.wait()
        for task in tasks:
            task.cancel()
