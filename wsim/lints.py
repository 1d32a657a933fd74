"""What is surprising about conditions: settings without effect, means that move, timeouts.

Each check is a small function that yields findings; :func:`lint` runs them all, for both
directions. Nothing is changed and nothing refused: what is contradictory never gets this far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments.clipped_normal import ClippedNormal
from wsim.impairments.gilbert_elliott import GilbertElliott, GilbertElliottTime
from wsim.impairments.markov_loss import MarkovLoss
from wsim.impairments.quantiles import Quantiles
from wsim.impairments.renewal_outage import RenewalOutage
from wsim.impairments.rule_loss import RuleLoss
from wsim.impairments.samples import Samples
from wsim.impairments.scheduled_rate import ScheduledRate
from wsim.impairments.trace_rate import TraceRate
from wsim.impairments.window_outage import PeriodicOutage, WindowOutage
from wsim.profiles import Profile, profile

_COMMANDS_HZ = 50.0
_FRAME_BYTES = 12_500
_STRATIFIED = (np.arange(4096) + 0.5) / 4096


class Finding(NamedTuple):
    """One thing worth knowing.

    ``level`` is ``warning`` (probably not meant) or ``note`` (true, and often overlooked);
    ``field`` the condition it is about; ``direction`` is empty if it holds both ways.
    """

    level: str
    field: str
    message: str
    direction: str = ""

    def __str__(self) -> str:
        where = f" ({self.direction})" if self.direction else ""
        return f"{self.level}: {self.field}{where}: {self.message}"


Check = Callable[[NetworkConditions], Iterator[Finding]]


def lint(
    subject: str | Path | Profile | NetworkConditions | Mapping[str, Any],
) -> list[Finding]:
    """Return what is surprising about a profile or conditions, warnings first.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.

    Examples
    --------
    >>> for finding in lint({"latency_ms": 10, "jitter_ms": 20, "jitter_model": "clipped_normal"}):
    ...     if finding.field == "jitter_model":
    ...         print(finding.message)
    10 +- 20 ms clipped at zero averages 13.96 ms, with 31 % of the messages at zero
    """
    chosen = profile(subject)
    inbound = chosen.conditions.for_direction("inbound")
    outbound = chosen.conditions.for_direction("outbound")
    findings = list(_of_profile(chosen))
    if not inbound.enabled:
        text = "off: nothing is delayed or lost, whatever the other conditions say"
        return [*findings, Finding("note", "enabled", text)]
    for check in _CHECKS:
        there, back = list(check(inbound)), list(check(outbound))
        findings += [f if f in back else f._replace(direction="inbound") for f in there]
        findings += [f._replace(direction="outbound") for f in back if f not in there]
    return sorted(findings, key=lambda finding: finding.level != "warning")


def _of_profile(chosen: Profile) -> Iterator[Finding]:
    for field in chosen.assumed:
        yield Finding("note", field, f"assumed; '{chosen.name}' has no source for it")
    wait_s = chosen.conditions.latency_ms / 1e3 / chosen.time_scale
    if wait_s > 10.0:
        text = f"a live run waits {wait_s:.4g} s for every crossing; use virtual time or time_scale"
        yield Finding("warning", "latency_ms", text)


def _moved_mean(c: NetworkConditions) -> Iterator[Finding]:
    if c.jitter.is_fixed(c.jitter_ms) or isinstance(c.jitter, Quantiles | Samples):
        return
    delays = c.jitter.sampler(c.latency_ms, c.jitter_ms)(_STRATIFIED)
    said = f"{c.latency_ms:g} +- {c.jitter_ms:g} ms"
    if isinstance(c.jitter, ClippedNormal) and (delays == 0.0).any():
        share = f"{(delays == 0.0).mean():.0%}".replace("%", " %")
        text = f"averages {delays.mean():.2f} ms, with {share} of the messages at zero"
        yield Finding("warning", "jitter_model", f"{said} clipped at zero {text}")
    elif delays.mean() > 1.02 * c.latency_ms + 1e-9:
        text = f"a delay of {said} cannot be negative, so that it averages {delays.mean():.2f} ms"
        yield Finding("note", "jitter_ms", text)


def _unused(c: NetworkConditions) -> Iterator[Finding]:
    """Find settings that another one leaves without effect."""
    has_rate = _has_rate(c)
    queue_fields = ("queue_limit_bytes", "queue_limit_messages", "queue_limit_ms", "max_age_ms")
    cases = [
        (isinstance(c.jitter, Quantiles | Samples) and c.jitter_ms > 0, "jitter_ms",
         f"not used: jitter_model '{c.jitter.kind}' has its own spread"),
        (isinstance(c.loss, MarkovLoss | RuleLoss) and c.packet_loss_rate > 0, "packet_loss_rate",
         f"not used: loss_model '{c.loss.kind}' has its own"),
        (isinstance(c.rate, ScheduledRate | TraceRate) and c.bandwidth_mbps is not None,
         "bandwidth_mbps", f"not used: rate_model '{c.rate.kind}' has its own"),
        (c.jitter_correlation > 0 and c.jitter_memory_s > 0, "jitter_correlation",
         "not used: jitter_memory_s comes before it"),
        (c.reorder_rate > 0 and not c.reorder, "reorder_rate",
         "not used: messages stay in order unless reorder is True"),
        (bool(c.priority_events) and not has_rate, "priority_events",
         "not used: without a rate there is no queue to go to the front of"),
        (c.reorder and c.transport == "tcp", "reorder", "not used: TCP delivers in order"),
        (c.corrupt_rate > 0 and c.transport == "tcp", "corrupt_rate",
         "a real TCP discards damaged segments and sends them again"),
        *((getattr(c, field) is not None and not has_rate, field,
           "not used: without a rate nothing queues") for field in queue_fields),
    ]  # fmt: skip
    for found, field, text in cases:
        if found:
            yield Finding("warning", field, text)


def _has_rate(c: NetworkConditions) -> bool:
    return c.bandwidth_mbps is not None or isinstance(c.rate, ScheduledRate | TraceRate)


def _heartbeat(c: NetworkConditions) -> Iterator[Finding]:
    round_trip_s, timeout_s = 2.0 * c.latency_ms / 1e3, c.heartbeat_timeout_s
    if round_trip_s > timeout_s:
        text = (
            f"one-way {c.latency_ms / 1e3:g} s exceeds the heartbeat timeout: a pong takes"
            f" {round_trip_s:g} s, and a real Socket.IO server hangs up after {timeout_s:g} s"
        )
        yield Finding("warning", "latency_ms", text)


def _netem(c: NetworkConditions) -> Iterator[Finding]:
    """Say where Linux netem, asked for the same, would do something else."""
    if isinstance(c.loss, GilbertElliott | GilbertElliottTime) and c.packet_loss_rate > 0:
        text = (
            "netem's own correlation ('loss 0.3% 25%') would lose next to nothing here;"
            " its 'loss gemodel' can say this"
        )
        yield Finding("note", "loss_model", text)
    if c.jitter_correlation > 0 or c.jitter_memory_s > 0:
        text = "netem accepts a correlation of delays and shows none"
        yield Finding("note", "jitter_correlation", text)
    fixed = c.jitter.is_fixed(c.jitter_ms)
    if not fixed and not c.reorder and not _has_rate(c):
        yield Finding("note", "jitter_ms", "netem would let messages overtake here; this does not")


def _loss(c: NetworkConditions) -> Iterator[Finding]:
    if c.transport == "datagram" and not c.loss.is_off(c.packet_loss_rate):
        text = (
            "a WebSocket runs over TCP, where loss becomes delay and no message goes missing;"
            " transport='tcp' shows it"
        )
        yield Finding("note", "packet_loss_rate", text)
    if c.transport == "tcp" and 0 < c.packet_loss_rate < 1 and c.latency_ms > 0:
        bound = 1.22 * c.mss_bytes * 8 / (2 * c.latency_ms / 1e3 * c.packet_loss_rate**0.5) / 1e6
        text = (
            f"one TCP connection carries about {bound:.3g} Mbit/s at most here"
            " (1.22 MSS / (RTT sqrt(p)))"
        )
        yield Finding("note", "packet_loss_rate", text)
    if c.transport == "tcp" and isinstance(c.loss, GilbertElliott) and c.packet_loss_rate > 0:
        text = (
            "a burst counted in messages lasts 20 ms for each of them under TCP;"
            " 'gilbert_elliott_time' says how long directly"
        )
        yield Finding("note", "loss_model", text)


def _disconnects(c: NetworkConditions) -> Iterator[Finding]:
    if c.disconnect_rate > 0:
        every_s = 1.0 / (c.disconnect_rate * _COMMANDS_HZ)
        text = f"per message: at {_COMMANDS_HZ:g} commands a second a cut every {every_s:.3g} s"
        yield Finding("note", "disconnect_rate", text)
    cuts = c.disconnect_rate > 0 or getattr(c.outages, "effect", "") in ("close", "half_open")
    if cuts and not c.auto_reconnect:
        yield Finding("warning", "auto_reconnect", "off: after the first cut the client stays away")
    if cuts and c.client_buffer:
        text = "what a cut client sends is flushed on reconnection: old commands, all at once"
        yield Finding("note", "client_buffer", text)


def _queue(c: NetworkConditions) -> Iterator[Finding]:
    if c.bandwidth_mbps is None:
        return
    frame_ms = _FRAME_BYTES * 8 / c.bandwidth_mbps / 1e3
    if frame_ms >= 20.0:
        text = f"a camera frame of 12.5 kB takes {_round(frame_ms)} ms, and commands wait behind it"
        yield Finding("note", "bandwidth_mbps", text)
    commands_mbps = _COMMANDS_HZ * 120 * 8 / 1e6
    if commands_mbps > c.bandwidth_mbps:
        text = (
            f"{_COMMANDS_HZ:g} commands of 120 B a second are {commands_mbps:g} Mbit/s; the queue"
            " would grow without end"
        )
        yield Finding("warning", "bandwidth_mbps", text)


def _outages(c: NetworkConditions) -> Iterator[Finding]:
    share = down_share(c)
    if share > 0.2:
        text = f"the link is out {share:.0%} of the time".replace("%", " %")
        yield Finding("note", "outage", text)


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


_CHECKS: tuple[Check, ...] = (
    _moved_mean,
    _unused,
    _heartbeat,
    _netem,
    _loss,
    _disconnects,
    _queue,
    _outages,
)


def down_share(conditions: NetworkConditions) -> float:
    """Return the share of time the link is out in the long run, 0 for windows that end."""
    outage = conditions.outages
    if isinstance(outage, RenewalOutage):
        return outage.mean_down_s / (outage.mean_up_s + outage.mean_down_s)
    if isinstance(outage, PeriodicOutage):
        return outage.down_s / outage.every_s
    if isinstance(outage, WindowOutage) and outage.period_s:
        return sum(end - start for start, end in outage.windows_s) / outage.period_s
    return 0.0
