"""Plays a recorded session as real clients against a real server, through a network.

Open loop: each message goes out at the time it was recorded at, whatever became of the ones
before. A proxy in this process is the network between the clients and the server; its history
is the outcome. Messages of a plain WebSocket (namespace ``""``) are played to a plain WebSocket,
all others to Socket.IO, in their namespaces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from yarl import URL

from wsim.conditions import NetworkConditions
from wsim.errors import ColumnsError, UsageError
from wsim.link import Link
from wsim.serving.network import Client, Roster
from wsim.serving.packets import Unit
from wsim.serving.players import Line, Player, SocketIoPlayer, WebSocketPlayer
from wsim.serving.proxy import Proxy
from wsim.serving.upstream import checked_url

_DRAIN_S = 2.0
"""How long answers are waited for once all has come through, beside twice the latency."""
_LONGEST_DRAIN_S = 60.0
"""How long what was sent may take to come through: TCP may stall for half a minute."""
_PATIENCE_S = 10.0
"""How long a connection may take, beside ten times the latency."""
_NEEDED = ("created_s", "direction", "event_name", "client_id", "data", "ack_id")


class _Cast(Roster):
    """Clients keep the names they have in the recording, and their place in it."""

    def __init__(self, proxy: Proxy, names: list[str]) -> None:
        super().__init__(proxy.history, proxy.network.seed)
        self._seed_used, self._names = proxy.network.seed, names

    def newcomer(self, conditions: NetworkConditions, identity: str) -> tuple[str, Link]:
        name = identity.removeprefix("id:")
        return name, Link(conditions, seed=self._seed_used, client=self._names.index(name))


class _Stage:
    """The network that the players are in front of."""

    def __init__(self, proxy: Proxy, path: str) -> None:
        self._proxy, self.url, self.path = proxy, proxy.url, path
        conditions = proxy.network.conditions
        self.latency_s = conditions.latency_ms / 1000 if conditions.enabled else 0.0
        self.patience_s = _PATIENCE_S + 10 * self.latency_s

    def session_of(self, name: str) -> int:
        clients = self._proxy.network.clients
        return next((c.session for c in clients if c.client_id == name and not c.gone), 1)

    def lost(self, name: str, session: int, line: Line, sent_ns: int, cause: str) -> None:
        self._proxy.history.append(
            line.due_ns, sent_ns, -1, "inbound", line.event, name, session, "dropped", cause,
            size_bytes=line.size, namespace=line.namespace, data=line.data,
        )  # fmt: skip

    def now_ns(self) -> int:
        return self._proxy.network.clock.now_ns()

    def hang_up(self, name: str) -> None:
        for client in self._proxy.network.clients:
            if client.client_id == name:
                client.abort()

    def told(self, error: object) -> str:
        reason = self._proxy.trouble or str(error)
        return f"{self._proxy.upstream}: {reason}" if reason else self._proxy.upstream

    async def sleep(self, seconds: float) -> None:
        """Sleep in the time of the run."""
        await self._proxy.network.clock.sleep(seconds)

    async def drained(self) -> None:
        """Wait until everything that was sent has its fate, and then for the answers."""
        end_ns = self.now_ns() + round((_LONGEST_DRAIN_S + 2 * self.latency_s) * 1e9)
        while self._under_way() and self.now_ns() < end_ns:
            await asyncio.sleep(0.05)
        await asyncio.sleep(_DRAIN_S + 2 * self.latency_s)

    def _under_way(self) -> bool:
        lanes = (client.door.lanes["inbound"] for client in self._proxy.network.clients)
        return any(lane.in_flight for lane in lanes)


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
        Address of the server, such as ``http://127.0.0.1:4000``; with a path for a plain
        WebSocket, such as ``ws://127.0.0.1:8080/drive``.
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
        A history with every message of the recording, once (and copies that the network made);
        ``created_s`` is the schedule, so latency contains what sending was late. A message that
        its client could not send has the cause ``not_connected``; one that was handed to a
        connection that was dead already, ``disconnected``. If the server went away, the
        connections in ``attrs`` say when, and why it could not be reached.

    Raises
    ------
    ColumnsError, UsageError
        If the frame is no history or holds nothing to play, or the server cannot be reached or
        refuses a client or its namespaces at the start.
    """
    played = _script(frame)
    if not 0 < speed < 1e6:
        raise UsageError(f"speed={speed!r} is not a positive number")
    address, path = _address(url, played)
    names = list(dict.fromkeys(played.client_id.astype(str)))
    proxy = Proxy(
        address, conditions_or_profile, port=0, seed=seed, record=record, max_history=None
    )
    proxy.network.roster = _Cast(proxy, names)
    async with proxy:
        stage = _Stage(proxy, path)
        players = {name: _player(stage, name, played) for name in names}
        proxy.network.stamp = partial(_stamp, players)
        try:
            await _all_connected(list(players.values()), auth)
            await _play(played, players, stage, speed, progress)
            await stage.drained()
        finally:
            await asyncio.gather(*(player.leave() for player in players.values()))
        for player in players.values():
            player.finish()
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
    if (inbound.event_name == "bytes").all() and inbound.data.isna().all():
        raise UsageError(
            "nothing to replay: a history of bytes (wsim proxy --tcp) holds no content"
        )
    inbound = inbound.sort_values("created_s", kind="stable")
    for name, value in (("namespace", "/"), ("size_bytes", 0)):
        if name not in inbound.columns:
            inbound[name] = value
    return inbound


def _address(url: str, played: pd.DataFrame) -> tuple[str, str]:
    """Return the upstream address and the path of plain WebSockets."""
    checked = checked_url(url)
    if (played.namespace != "").any():
        return url, ""
    return str(URL(url).origin()), checked.raw_path_qs


def _player(stage: _Stage, name: str, played: pd.DataFrame) -> Player:
    own = played[played.client_id == name].namespace.astype(str)
    namespaces = list(dict.fromkeys(own))
    if namespaces == [""]:
        return WebSocketPlayer(stage, name, namespaces)
    if "" in namespaces:
        raise UsageError(f"{name} speaks both Socket.IO and plain WebSocket; replay one of them")
    return SocketIoPlayer(stage, name, namespaces)


async def _all_connected(players: list[Player], auth: Any) -> None:
    """Connect all, and raise what the first of them met."""
    found = await asyncio.gather(*(p.connect(auth) for p in players), return_exceptions=True)
    for problem in found:
        if problem is not None:
            raise problem


def _stamp(players: dict[str, Player], client: Client, direction: str, unit: Unit) -> int:
    if direction != "inbound" or unit.kind not in ("event", "raw"):
        return -1
    return players[client.client_id].came_out(client.session)


async def _play(
    played: pd.DataFrame,
    players: dict[str, Player],
    stage: _Stage,
    speed: float,
    progress: Callable[[int, int], None],
) -> None:
    start_ns, first_s = stage.now_ns(), float(played.created_s.iloc[0])
    rows = zip(
        played.created_s, played.event_name.astype(str), played.client_id.astype(str),
        played.namespace.astype(str), played.ack_id, played.size_bytes, played.data, strict=True,
    )  # fmt: skip
    for done, (created_s, event, name, namespace, ack_id, size, data) in enumerate(rows, 1):
        due_ns = start_ns + round((created_s - first_s) / speed * 1e9)
        await stage.sleep((due_ns - stage.now_ns()) / 1e9)
        line = Line(due_ns, event, namespace, ack_id >= 0, int(size), data)
        await players[name].play(line)
        progress(done, len(played))
