"""``wsim proxy --tcp``: a simulated network in front of any server that speaks TCP."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any, Self

from wsim.errors import UsageError
from wsim.history import History
from wsim.serving.guard import LOOPBACK
from wsim.serving.proxy import Desk, Front
from wsim.serving.tcp_faults import inflict
from wsim.serving.tcp_network import TcpNetwork
from wsim.serving.tcp_stream import checked_address, stream_conditions
from wsim.serving.terms import Bounds, resolved


class TcpProxy(Front):
    """A relay of bytes, each portion when its time has come; it knows no protocol.

    Every connection has a link of its own, as every client has. Nothing is lost in a stream:
    loss becomes delay (through the model of TCP), an outage holds bytes back, and who sends
    more than the link takes has to wait. Portions are rows of the history, event ``bytes``;
    what they contain is not recorded. Half-closed connections stay half closed, a reset crosses
    as a reset, TLS passes unopened.

    Parameters
    ----------
    upstream
        Address of the server, such as ``tcp://127.0.0.1:4000``; fixed for good.
    conditions_or_profile
        What the network does.
    host, port
        Where to listen; port 0 takes a free one. Only loopback: bytes carry no token.
    seed
        Chooses the random streams.
    record
        A .jsonl file that every portion is appended to as it happens.
    max_history
        Rows kept in memory.
    bounds
        ``max_clients`` connections at once (more are reset, and recorded as ``overflow``) and
        ``max_queue_bytes`` of each direction, at most 4 MB.

    Raises
    ------
    UsageError
        For an upstream without host or port, or a host that other machines can reach.

    Examples
    --------
    >>> TcpProxy("tcp://127.0.0.1:4000", "stressed", port=0).conditions.transport
    'tcp'
    """

    network: TcpNetwork

    def __init__(
        self,
        upstream: str,
        conditions_or_profile: Any = "default",
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        seed: int | None = None,
        record: str | Path | None = None,
        max_history: int | None = 10_000,
        bounds: Bounds | None = None,
    ) -> None:
        if host not in LOOPBACK:
            raise UsageError(
                f"host={host!r} is reachable from other machines, and bytes carry no token: stay"
                " on 127.0.0.1 (with a tunnel such as ssh -L), or proxy messages, without --tcp"
            )
        seed = secrets.randbits(32) if seed is None else seed
        conditions, name = resolved(conditions_or_profile)
        about = {"started_at": time.time(), "seed": seed, "upstream": upstream}
        about["conditions"] = stream_conditions(conditions).to_dict()
        self.history = History(max_history, profile=name, about=about)
        self.network = TcpNetwork(
            upstream, conditions, seed=seed, history=self.history, bounds=bounds or Bounds()
        )
        self.host, self.port = host, port
        self.upstream = "tcp://{}:{}".format(*checked_address(upstream))
        self._desk = Desk(self, self.history, record)

    @property
    def url(self) -> str:
        """The address for clients of this machine."""
        return f"tcp://{self.host}:{self.port}"

    @property
    def conditions(self) -> Any:
        """The conditions in force, as they act on a stream."""
        return self.network.conditions

    async def start(self) -> Self:
        """Start to listen, in the running loop."""
        try:
            self.history.about["started_at"] = time.time()
            self.network.clock.now_ns()  # the run begins now
            self.port = await self.network.listen(self.host, self.port)
            await self._desk.open(self.port)
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Close every connection and stop to listen."""
        await self.network.close()
        await self._desk.close()

    def fail(self, how: str, client_id: str | None = None, *, duration_s: float = 5.0) -> list[str]:
        """Make connections fail; see :mod:`wsim.serving.tcp_faults`. Returns whose did."""
        return inflict(self.network, how, client_id=client_id, duration_s=duration_s)
