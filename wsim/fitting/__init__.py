"""From a log to a profile: delays, correlation, bursts of loss, outages and rate.

Each direction is fitted by itself, in the order in which a message meets them: outages are found
first and set apart, then losses, then the rate of the bottleneck, then what is left of the
delays. A message that arrives together with the one before it was held back by it: of its own
delay only the upper bound is known, and the distribution is estimated from such left-censored
values by the product-limit method (Kaplan and Meier 1958, with time reversed).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.errors import ColumnsError
from wsim.fitting.delays import fit_delays, fit_rate
from wsim.fitting.logs import (
    LEAST_MESSAGES,
    Log,
    mean_run,
    one_way_from_round_trips,
    read_logs,
)
from wsim.fitting.outages import disconnects_per_message, find_outages, fit_renewal
from wsim.impairments import Loss
from wsim.impairments.gilbert_elliott import GilbertElliott
from wsim.impairments.independent_loss import Bernoulli
from wsim.profiles import Profile
from wsim.randomness import BoolArray, FloatArray
from wsim.schema import DIRECTIONS


def fit_profile(frame: Any, *, name: str = "fitted") -> Profile:
    """Return a profile that behaves like a recorded history.

    Parameters
    ----------
    frame
        A history, or any frame with ``sent_s``, ``latency_ms`` (NaN where lost) and
        ``direction``; ``size_bytes``, ``client_id``, ``run``, ``copy``, ``cause`` and ``fate``
        are used if they are there. A log of one side, where no message's fate is known, is
        fitted from its ``round_trip_ms``: the least one is split evenly between the two ways,
        and what is more is taken for the way there.
    name
        Name of the profile.

    Returns
    -------
    A profile whose ``source`` states the goodness of the fit: for each direction the
    Kolmogorov-Smirnov distance between logged and simulated delays, and both losses and mean
    bursts, from one simulation of the same messages.

    Raises
    ------
    ColumnsError
        If columns are missing, or fewer than 50 messages have a known fate or a round trip.
    """
    if not hasattr(frame, "columns"):
        raise ColumnsError(f"fit_profile takes a history such as sim.history, not {frame!r}")
    logs = {direction: read_logs(frame, direction) for direction in DIRECTIONS}
    fitted = {
        direction: _fit(streams)
        for direction, streams in logs.items()
        if sum(len(log.sent_s) for log in streams) >= LEAST_MESSAGES
    }
    if fitted:
        return _profile(name, _joined(fitted), "fitted; ", fitted, logs)
    found = one_way_from_round_trips(frame)
    if found is None:
        raise ColumnsError(
            f"too few messages to fit a profile: of {len(frame)}, at least {LEAST_MESSAGES} must"
            " have a known fate in one direction, or a round trip"
        )
    half_ms, logs["inbound"] = found
    there = _fit(logs["inbound"])
    back = NetworkConditions(latency_ms=half_ms, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0)
    said = "fitted to round trips: half of the least is the way back, the rest the way there; "
    both = {"inbound": there, "outbound": back.replace(bandwidth_mbps=there.bandwidth_mbps)}
    return _profile(name, _joined(both), said, {"inbound": there}, logs)


def _profile(
    name: str,
    conditions: NetworkConditions,
    said: str,
    fitted: dict[str, NetworkConditions],
    logs: dict[str, list[Log]],
) -> Profile:
    goodness = [
        f"{direction}: {_sentence(goodness_of_fit(each, logs[direction]))}"
        for direction, each in fitted.items()
    ]
    count = sum(len(log.sent_s) for direction in fitted for log in logs[direction])
    sentence = f"Fitted to a log of {count} messages."
    return Profile(name, conditions, sentence=sentence, source=said + "; ".join(goodness))


def goodness_of_fit(conditions: NetworkConditions, logs: list[Log]) -> dict[str, float]:
    """Simulate the messages of `logs` and compare.

    Returns
    -------
    ``messages``, ``ks`` (distance between the distributions of the delay), and ``loss_log``,
    ``loss_model``, ``burst_log``, ``burst_model``.
    """
    delays: list[FloatArray] = []
    model_lost, log_lost = [], []
    for client, log in enumerate(logs):
        channel = Channel(conditions, seed=1, client=client)
        times = np.rint((log.sent_s - log.sent_s[0]) * 1e9).astype(np.int64)
        transits = channel.send_many(times, log.size)
        model_lost.append(transits.dropped)
        log_lost.append(np.isnan(log.delay_ms))
        delays.append((transits.delivered_ns - times)[~transits.dropped] / 1e6)
    logged = np.concatenate([log.delay_ms[~np.isnan(log.delay_ms)] for log in logs])
    return {
        "messages": float(sum(len(log.sent_s) for log in logs)),
        "ks": _ks(logged, np.concatenate(delays)),
        "loss_log": float(np.concatenate(log_lost).mean()),
        "loss_model": float(np.concatenate(model_lost).mean()),
        "burst_log": mean_run(log_lost),
        "burst_model": mean_run(model_lost),
    }


def _joined(fitted: dict[str, NetworkConditions]) -> NetworkConditions:
    """Make one of the two directions: what differs outbound becomes an override."""
    if len(fitted) == 1:
        return next(iter(fitted.values()))
    inbound, outbound = fitted["inbound"], fitted["outbound"]
    differ = {
        field.name: getattr(outbound, field.name)
        for field in dataclasses.fields(outbound)
        if getattr(outbound, field.name) != getattr(inbound, field.name) and field.name != "outage"
    }
    return inbound.replace(outbound=differ or None, outage=inbound.outage or outbound.outage)


def _fit(logs: list[Log]) -> NetworkConditions:
    outages = find_outages(logs)
    up = [~inside for inside in outages.inside]
    rate, loss = _loss(logs, up)
    mbps = fit_rate(logs, up)
    latency, jitter, correlation = fit_delays(logs, up, mbps)
    return NetworkConditions(
        latency_ms=latency,
        jitter_ms=0.0,
        jitter_model=jitter,
        packet_loss_rate=rate,
        loss_model=loss,
        disconnect_rate=disconnects_per_message(logs),
        bandwidth_mbps=mbps,
        outage=fit_renewal(logs, outages),
    ).replace(**correlation)


def _loss(logs: list[Log], up: list[BoolArray]) -> tuple[float, Loss]:
    """Return the loss rate and its model: in bursts only if they are longer than by chance."""
    offline = ("disconnected", "not_connected", "queue_full", "expired", "outage")
    flags = [
        np.isnan(log.delay_ms[use & ~np.isin(log.causes, offline)])
        for log, use in zip(logs, up, strict=True)
    ]
    lost = np.concatenate(flags)
    rate = float(lost.mean()) if len(lost) else 0.0
    if rate == 0.0 or rate > 0.95:
        return min(rate, 1.0), Bernoulli()
    burst, by_chance = mean_run(flags), 1.0 / (1.0 - rate)
    count = rate * len(lost) / burst
    error = np.sqrt(by_chance * (by_chance - 1.0) / max(count, 1.0)) + 1e-9
    if burst <= by_chance + 3.0 * error + 0.05:
        return rate, Bernoulli()
    return rate, GilbertElliott(mean_burst=burst)


def _ks(first: FloatArray, second: FloatArray) -> float:
    """Return the two-sample Kolmogorov-Smirnov distance."""
    if not len(first) or not len(second):
        return 1.0
    at = np.concatenate([first, second])
    there = np.searchsorted(np.sort(first), at, side="right") / len(first)
    here = np.searchsorted(np.sort(second), at, side="right") / len(second)
    return float(np.abs(there - here).max())


def _sentence(found: dict[str, float]) -> str:
    return (
        f"{found['messages']:.0f} messages, Kolmogorov-Smirnov distance of the delays"
        f" {found['ks']:.3f}, loss {found['loss_log']:.2%} (simulated {found['loss_model']:.2%}),"
        f" mean burst {found['burst_log']:.2f} ({found['burst_model']:.2f})"
    )
