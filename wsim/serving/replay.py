"""Plays a recorded session as real clients against a real server, through a network.

Open loop: each message goes out at the time it was recorded at, whatever became of the ones
before. The clients are python-socketio's, and a proxy in this process is the network between
them and the server; its history is the outcome.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import socketio

from wsim.conditions import NetworkConditions
from wsim.errors import ColumnsError, UsageError
from wsim.link import Link
from wsim.payloads import arguments
from wsim.serving.network import Client, Roster
from wsim.serving.packets import Unit
from wsim.serving.proxy import Proxy

_DRAIN_S = 2.0
"""How long after the last message answers are waited for, beside twice the latency."""
_NEEDED = ("created_s", "direction", "event_name", "client_id", "data", "ack_id")


class _Cast(Roster):
    """Clients keep the names they have in the recording, and their place in it."""

    def __init__(self, proxy: Proxy, names: list[str]) -> None:
        super().__init__(proxy.history, proxy.network.seed)
        self._seed_used, self._names = proxy.network.seed, names

    def newcomer(self, conditions: NetworkConditions, identity: str) -> tuple[str, Link]:
        name = identity.removeprefix("id:")
        return name, Link(conditions, seed=self._seed_used, client=self._names.index(name))


async def replay(
    frame: pd.DataFrame,
    url: str,
    conditions_or_profile: Any = "perfect",
    *,
    seed: int = 0,
    speed: float = 1.0,
    record: str | Path | None = None,
    auth: Any = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Play what clients sent in a history against a server, and return what became of it.

    Parameters
    ----------
    frame
        A history; its inbound messages are played, those of each client by a client of its own.
    url
        Address of the server, such as ``http://127.0.0.1:4000``.
    conditions_or_profile
        The network in between.
    seed
        Of the network's random draws.
    speed
        Recorded seconds per second.
    record
        A .jsonl file that the outcome is appended to as it happens.
    auth
        What the clients send when they connect.
    progress
        Called with the messages sent so far and their total.

    Returns
    -------
    DataFrame
        A history; ``created_s`` is the schedule, so latency contains what sending was late.

    Raises
    ------
    ColumnsError, UsageError
        If the frame is no history or holds nothing to play, or the server cannot be reached.
    """
    played = _script(frame)
    if not 0 < speed < 1e6:
        raise UsageError(f"speed={speed!r} is not a positive number")
    names = list(dict.fromkeys(played.client_id.astype(str)))
    proxy = Proxy(url, conditions_or_profile, port=0, seed=seed, record=record, max_history=None)
    proxy.network.roster = _Cast(proxy, names)
    async with proxy:
        players = {name: _Player(proxy, name) for name in names}
        proxy.network.stamp = partial(_stamp, players)
        try:
            await asyncio.gather(*(player.connect(auth) for player in players.values()))
            await _play(played, players, proxy, speed, progress)
            latency_s = proxy.network.conditions.latency_ms / 1000
            await asyncio.sleep(_DRAIN_S + 2 * latency_s)
        finally:
            await asyncio.gather(*(player.leave() for player in players.values()))
        return proxy.history.frame


def _script(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise ColumnsError(f"not a history: no column {', '.join(missing)}")
    inbound = frame[frame.direction == "inbound"]
    if "copy" in frame.columns:
        inbound = inbound[inbound["copy"] == 0]
    if inbound.empty:
        raise UsageError("nothing to replay: the history holds no inbound message")
    return inbound.sort_values("created_s", kind="stable")


def _stamp(players: dict[str, _Player], client: Client, direction: str, unit: Unit) -> int:
    if direction != "inbound" or unit.kind != "event":
        return -1
    return players[client.client_id].next_due()


async def _play(
    played: pd.DataFrame,
    players: dict[str, _Player],
    proxy: Proxy,
    speed: float,
    progress: Callable[[int, int], None],
) -> None:
    clock = proxy.network.clock
    start_ns, first_s = clock.now_ns(), float(played.created_s.iloc[0])
    rows = zip(
        played.created_s, played.event_name, played.client_id, played.data, played.ack_id,
        strict=True,
    )  # fmt: skip
    for done, (created_s, event, name, data, ack_id) in enumerate(rows, 1):
        due_ns = start_ns + round((created_s - first_s) / speed * 1e9)
        await clock.sleep((due_ns - clock.now_ns()) / 1e9)
        await players[str(name)].send(str(event), data, due_ns, asked=ack_id >= 0)
        progress(done, len(played))


class _Player:
    """One client of the recording."""

    def __init__(self, proxy: Proxy, name: str) -> None:
        self._proxy, self._name = proxy, name
        self._due: deque[int] = deque()
        self._sio = socketio.AsyncClient(handle_sigint=False, reconnection_delay=1)

    async def connect(self, auth: Any) -> None:
        address = f"{self._proxy.url}?clientId={self._name}"
        try:
            await self._sio.connect(address, transports=["websocket"], auth=auth)
        except socketio.exceptions.ConnectionError as error:
            raise UsageError(
                f"cannot connect to {self._proxy.upstream}: {error};"
                " does a Socket.IO server run there?"
            ) from None

    async def send(self, event: str, data: Any, due_ns: int, *, asked: bool) -> None:
        """Hand a message to the client; one that is cut off keeps it, as real ones do."""
        if not self._sio.connected:
            self._proxy.history.append(
                due_ns, due_ns, -1, "inbound", event, self._name, 1, "dropped", "not_connected",
                data=data,
            )  # fmt: skip
            return
        self._due.append(due_ns)
        callback = (lambda *_: None) if asked else None
        await self._sio.emit(event, arguments(data) or None, callback=callback)

    def next_due(self) -> int:
        """When the message that comes out of the client now was meant to be sent."""
        return self._due.popleft() if self._due else -1

    async def leave(self) -> None:
        await self._sio.disconnect()
