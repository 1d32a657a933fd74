"""Failures of byte streams on demand.

======================  ==============================================================
how                     what happens
======================  ==============================================================
``reset``               both sides see the connection reset (RST)
``close``               both sides see it closed (FIN)
``blackhole``           for a while everything is accepted and swallowed, and nothing
                        comes back, on new connections too; a stream that lost
                        something is reset when it is over
``refuse``              closed, and for a while nobody listens: connection refused
``half_close``          the client sees the server's side closed (FIN); what the client
                        sends still arrives
``half_close_upstream`` the server sees the client's side closed (FIN); what the server
                        sends still arrives
======================  ==============================================================

The JavaScript client takes each end of a WebSocket for a ``transport close`` and comes back; a
black hole for a ``ping timeout``; a refusal for a ``connect_error``, until it is over.
"""

from __future__ import annotations

from wsim.errors import UsageError, unknown
from wsim.serving.tcp_connection import Relay
from wsim.serving.tcp_network import TcpNetwork

HOW = ("reset", "close", "blackhole", "refuse", "half_close", "half_close_upstream")
"""Every way in which a byte stream can fail."""

_TOWARDS = {"half_close": "outbound", "half_close_upstream": "inbound"}


def inflict(
    network: TcpNetwork, how: str, *, client_id: str | None = None, duration_s: float = 5.0
) -> list[str]:
    """Make one connection, or all, fail; return whose did.

    Parameters
    ----------
    how
        One of :data:`HOW`.
    client_id
        Which connection; None is every one.
    duration_s
        How long ``blackhole`` and ``refuse`` last.

    Raises
    ------
    UnknownNameError
        For a way or a connection that is not known.
    UsageError
        For a duration that is none, or a refusal of one connection only.
    """
    if how not in HOW:
        raise unknown("way for a byte stream to fail", how, HOW)
    if not 0 <= duration_s < 1e6:
        raise UsageError(f"duration_s={duration_s!r} is not a number of seconds from 0")
    if how == "refuse" and client_id is not None:
        raise UsageError(
            "refuse concerns everybody who connects: leave the client out, or use reset"
        )
    chosen = _chosen(network, client_id)
    for relay in chosen:
        _fail(network, relay, how, duration_s)
    if how == "refuse":
        network.refuse(duration_s)
    elif how == "blackhole" and client_id is None:
        network.black_hole(duration_s)
    return [relay.name for relay in chosen]


def _chosen(network: TcpNetwork, client_id: str | None) -> list[Relay]:
    found = [relay for relay in network.relays if client_id in (None, relay.name)]
    if client_id is not None and not found:
        raise unknown("connection", client_id, [relay.name for relay in network.relays])
    return found


def _fail(network: TcpNetwork, relay: Relay, how: str, duration_s: float) -> None:
    lasts = how == "blackhole"
    network.note(relay.name, how, f"for {duration_s:g} s" if lasts else "fault")
    if lasts:
        relay.black_hole(duration_s)
    elif how in _TOWARDS:
        relay.half_close(_TOWARDS[how])
    else:
        relay.end("reset" if how == "reset" else "close", how)
