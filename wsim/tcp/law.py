"""What TCP can and cannot do, in formulas: the time to connect and the rate it saturates at."""

from __future__ import annotations

import math
from collections.abc import Callable

from wsim.conditions import NetworkConditions

_FIRST_TIMEOUT_S = 1.03
_LINEAR_RETRIES = 4
_CONNECT_RETRIES = 6
_MATHIS = 1.22


def syn_retry_s(lost: int) -> float:
    """Return how much later a connection opens after `lost` lost SYN or SYN-ACK packets.

    Linux retries after 1.03 s (with the timer's own delay) for the first four times and doubles
    the wait from then on.

    Examples
    --------
    >>> [round(syn_retry_s(n), 2) for n in (0, 1, 2, 6)]
    [0.0, 1.03, 2.06, 10.3]
    """
    linear = min(lost, _LINEAR_RETRIES)
    doubling = lost - linear
    return _FIRST_TIMEOUT_S * (linear + 2.0 * (2.0**doubling - 1.0))


def connect_time_ns(
    rtt_ns: int, loss_forward: float, loss_back: float, draw: Callable[[], float]
) -> int | None:
    """Draw how long ``connect()`` takes, or None if it gives up after six retries.

    In every round the client repeats its SYN; once a SYN has come through, the server repeats
    its SYN-ACK as well, so later rounds fail less often than the first.

    Parameters
    ----------
    rtt_ns
        Round trip.
    loss_forward, loss_back
        Chance that a SYN, or a SYN-ACK, is lost.
    draw
        Returns a uniform in [0, 1) each time.
    """
    heard = False
    for lost in range(_CONNECT_RETRIES + 1):
        repeated = heard and draw() >= loss_back
        arrived = draw() >= loss_forward
        if repeated or (arrived and draw() >= loss_back):
            return rtt_ns + round(syn_retry_s(lost) * 1e9)
        heard = heard or arrived
    return None


def saturation_rate_bytes(mss_bytes: int, rtt_s: float, loss: float) -> float:
    """Return the goodput in bytes/s beyond which a loss-based TCP cannot keep up.

    ``1.22 MSS / (RTT sqrt(p))`` (Mathis, Semke, Mahdavi and Ott 1997); infinite without loss.

    Examples
    --------
    >>> round(saturation_rate_bytes(1448, 0.1, 0.01))
    176656
    """
    if loss <= 0.0 or rtt_s <= 0.0:
        return math.inf
    return _MATHIS * mss_bytes / (rtt_s * math.sqrt(loss))


class SaturationWarning(UserWarning):
    """More is sent than one TCP connection can carry: latency grows without bound."""


def saturation_warning(
    offered_bytes_per_s: float, mss_bytes: int, rtt_s: float, loss: float
) -> str | None:
    """Say in a sentence that a load is more than TCP can carry; None if it is not."""
    limit = saturation_rate_bytes(mss_bytes, rtt_s, loss)
    if offered_bytes_per_s <= limit:
        return None
    return (
        f"{offered_bytes_per_s / 1e3:.4g} kB/s is more than TCP carries at a round trip of"
        f" {rtt_s * 1e3:.4g} ms and {loss:.3g} loss ({limit / 1e3:.4g} kB/s): latency will grow"
        " without bound; send less, or use congestion_control='bbr'"
    )


def saturated(conditions: NetworkConditions, offered_bytes_per_s: float) -> str | None:
    """Say that a load is more than TCP carries under these conditions; None if it is not.

    BBR takes little notice of loss and is never said to be saturated by it.
    """
    c = conditions
    if not c.enabled or c.transport != "tcp" or c.congestion_control != "cubic":
        return None
    rtt_s = 2.0 * c.latency_ms / 1e3
    return saturation_warning(offered_bytes_per_s, c.mss_bytes, rtt_s, c.packet_loss_rate)
