"""Failures on demand, each seen by a real client as the reason that it documents.

===============  =======================================  ==============================
how              what happens                             the JavaScript client says
===============  =======================================  ==============================
``server``       the server says good-bye                 io server disconnect, stays away
``close``        the TCP connection ends (FIN)            transport close, comes back
``reset``        the TCP connection is reset (RST)        transport close, comes back
``blackhole``    nothing comes through for a while,       ping timeout, comes back when
                 heartbeats and handshakes included       the hole is over
``garbage``      a packet that cannot be read             parse error, comes back
``refuse``       closed, and new connections are turned   transport close, connect errors
                 away for a while                         until it is over
===============  =======================================  ==============================

By long-polling a connection that ends is a ``transport error``.
"""

from __future__ import annotations

from collections.abc import Iterable

from wsim.errors import UsageError, unknown
from wsim.serving.network import Client, Network
from wsim.serving.packets import Unit

HOW = ("server", "close", "reset", "blackhole", "garbage", "refuse")
"""Every way to fail."""

_ALIASES = {"abort": "close", "ping_timeout": "blackhole"}
_DISCONNECT = Unit(("41",), "control", "DISCONNECT")
_GARBAGE = Unit(("42{bad",), "control", "garbage")


def inflict(
    network: Network, how: str, *, client_id: str | None = None, duration_s: float = 5.0
) -> list[str]:
    """Make the connections of one client, or of all, fail; return whose did.

    Parameters
    ----------
    how
        One of :data:`HOW`; ``abort`` and ``ping_timeout`` are other names of ``close`` and
        ``blackhole``.
    client_id
        Whose; None is everybody's.
    duration_s
        How long ``blackhole`` and ``refuse`` last.

    Raises
    ------
    UnknownNameError
        For a way or a client that is not known.
    """
    how = _ALIASES.get(how, how)
    if how not in HOW:
        raise unknown("way to fail", how, (*HOW, *_ALIASES))
    if not 0 <= duration_s < 1e6:
        raise UsageError(f"duration_s={duration_s!r} is not a number of seconds from 0")
    chosen = list(_chosen(network, client_id))
    for client in chosen:
        _fail(network, client, how, duration_s)
    return [client.client_id for client in chosen]


def _chosen(network: Network, client_id: str | None) -> Iterable[Client]:
    connected = [client for client in network.clients if not client.gone]
    if client_id is None:
        return connected
    found = [client for client in connected if client.client_id == client_id]
    if not found:
        raise unknown("connected client", client_id, [c.client_id for c in connected])
    return found


def _fail(network: Network, client: Client, how: str, duration_s: float) -> None:
    until_ns = network.clock.now_ns() + round(duration_s * 1e9)
    if how == "blackhole":
        client.deaf_until_ns = until_ns
        network.note(client, "blackhole", f"for {duration_s:g} s")
        return
    network.note(client, how, "fault")
    if how == "refuse":
        client.refused_until_ns = until_ns
    if how in ("server", "garbage"):
        unit = _DISCONNECT if how == "server" else _GARBAGE
        for transport in client.transports:
            transport.inject(unit)
        client.leaving = how == "server"
        return
    client.abort("reset" if how == "reset" else "close")
