"""Writing conditions as options of Linux ``tc ... netem``."""

from __future__ import annotations

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments.constant_rate import ConstantRate
from wsim.impairments.gilbert_elliott import GilbertElliott, GilbertElliottTime
from wsim.impairments.independent_loss import Bernoulli
from wsim.impairments.markov_loss import MarkovLoss
from wsim.impairments.netem_table import SCALE, NetemTable
from wsim.impairments.normal import Normal
from wsim.impairments.uniform import Uniform
from wsim.interchange.reporting import Subject, conditions_of, not_carried, report

_ENTRIES = 4096
_LARGEST = 32_767
_FAST = "100gbit"
_MOST_MS = 274_877.0  # 2^32 ticks of 64 ns
_NO_WORD = (
    "disconnect_rate", "outage", "queue_limit_bytes", "queue_limit_ms", "max_age_ms",
    "priority_events",
)  # fmt: skip


def to_netem(
    subject: Subject,
    *,
    direction: str = "inbound",
    packets_per_s: float = 50.0,
    notes: list[str] | None = None,
) -> str:
    """Return the netem options that come closest to a profile or conditions.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    direction
        Which direction; netem shapes what leaves an interface.
    packets_per_s
        Rate at which bursts given in seconds are turned into packets.
    notes
        A list to which is appended what netem cannot express; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.

    Examples
    --------
    >>> link = {"latency_ms": 100, "jitter_ms": 20, "jitter_model": "uniform", "reorder": True,
    ...         "packet_loss_rate": 0, "disconnect_rate": 0, "bandwidth_mbps": 2}
    >>> to_netem(link)
    'delay 100ms 20ms rate 2mbit'
    """
    c = conditions_of(subject, direction)
    found: list[str] = []
    words = [*_delay(c, found), *_loss(c, packets_per_s, found), *_shares(c, found)]
    words += _rate(c, found)
    found += not_carried(c, "netem", _NO_WORD)
    if c.queue_policy != "tail":
        found.append(f"netem drops at the tail; queue_policy '{c.queue_policy}' is left out")
    report(found, notes)
    return " ".join(words)


def netem_distribution(subject: Subject, *, direction: str = "inbound") -> str:
    """Return the delay's distribution as the text of a ``.dist`` file for netem.

    It goes with the delay and jitter of :func:`to_netem`, is standardised as netem expects,
    and, as every table of netem, cut at four deviations.
    """
    mean, deviation, delays = _moments(conditions_of(subject, direction))
    entries = np.rint((delays - mean) / (deviation or 1.0) * SCALE)
    cut = np.clip(entries, -_LARGEST - 1, _LARGEST).astype(np.int64)
    rows = [" ".join(map(str, row)) for row in cut.reshape(-1, 8).tolist()]
    return "# delays of a wsim profile\n" + "\n".join(rows) + "\n"


def _moments(c: NetworkConditions) -> tuple[float, float, np.ndarray]:
    u = (np.arange(_ENTRIES) + 0.5) / _ENTRIES
    delays = c.jitter.sampler(c.latency_ms, c.jitter_ms)(u)
    return float(delays.mean()), float(delays.std()), delays


def _delay(c: NetworkConditions, found: list[str]) -> list[str]:
    if c.latency_ms > _MOST_MS:
        found.append(f"tc takes no delay above {_MOST_MS / 1e3:g} s: {c.latency_ms:g} ms left out")
        return []
    if c.jitter.is_fixed(c.jitter_ms):
        return ["delay", _ms(c.latency_ms)] if c.latency_ms else []
    if c.jitter_correlation or c.jitter_memory_s:
        found.append("netem's correlation of delays shows no effect; it is left out")
    given = [_ms(c.latency_ms), _ms(c.jitter_ms)]
    if isinstance(c.jitter, Uniform):
        return ["delay", *given]
    if isinstance(c.jitter, NetemTable) and isinstance(c.jitter.table, str):
        return ["delay", *given, "distribution", c.jitter.table]
    if isinstance(c.jitter, Normal) and c.latency_ms >= 4.0 * c.jitter_ms:
        return ["delay", *given, "distribution", "normal"]
    mean, deviation, _ = _moments(c)
    found.append(
        f"netem has no '{c.jitter.kind}' delays like these; save netem_distribution(...) as"
        " wsim.dist among tc's tables"
    )
    return ["delay", _ms(mean), _ms(deviation), "distribution", "wsim"]


def _loss(c: NetworkConditions, packets_per_s: float, found: list[str]) -> list[str]:
    if c.loss.is_off(c.packet_loss_rate):
        return []
    if c.transport == "datagram":
        found.append("netem drops packets below TCP: on a WebSocket its losses become delays")
    if isinstance(c.loss, Bernoulli):
        return ["loss", "random", _percent(c.packet_loss_rate)]
    if isinstance(c.loss, MarkovLoss):
        fields = (c.loss.p13, c.loss.p31, c.loss.p32, c.loss.p23, c.loss.p14)
        return ["loss", "state", *(_percent(value or 0.0) for value in fields)]
    if isinstance(c.loss, GilbertElliott):
        to_bad, to_good = c.loss.transitions(c.packet_loss_rate)
    elif isinstance(c.loss, GilbertElliottTime):
        share = c.loss.bad_share(c.packet_loss_rate)
        decay = 1.0 / (packets_per_s * c.loss.mean_burst_s * (1.0 - share))
        moved = float(-np.expm1(-decay))
        to_bad, to_good = share * moved, (1.0 - share) * moved
        found.append(
            f"netem counts bursts in packets; those given in seconds hold at {packets_per_s:g}"
            " packets a second"
        )
    else:
        found.append(f"netem has no loss by '{c.loss.kind}'; it is left out")
        return []
    states = [_percent(c.loss.loss_in_bad), _percent(c.loss.loss_in_good)]
    return ["loss", "gemodel", _percent(to_bad), _percent(to_good), *states]


def _shares(c: NetworkConditions, found: list[str]) -> list[str]:
    words = []
    if c.corrupt_rate:
        words += ["corrupt", _percent(c.corrupt_rate)]
        if c.corrupt_kinds != ("bitflip",):
            found.append("netem flips a bit of a packet; it knows nothing of JSON")
    if c.duplicate_rate:
        words += ["duplicate", _percent(c.duplicate_rate)]
    if c.reorder and c.reorder_rate:
        words += ["reorder", _percent(c.reorder_rate)]
        words += ["gap", str(c.reorder_gap)] if c.reorder_gap > 1 else []
    return words


def _rate(c: NetworkConditions, found: list[str]) -> list[str]:
    words = []
    if not isinstance(c.rate, ConstantRate):
        found.append(f"netem has no rate by '{c.rate.kind}'; it is left out")
    elif c.bandwidth_mbps is not None:
        words = ["rate", f"{_number(c.bandwidth_mbps)}mbit"]
        words += [str(c.overhead_bytes)] if c.overhead_bytes else []
    if not words and not c.reorder and not c.jitter.is_fixed(c.jitter_ms):
        words = ["rate", _FAST]
        found.append(f"netem keeps the order only with a rate, so that it got {_FAST}")
    if c.queue_limit_messages is not None:
        words += ["limit", str(c.queue_limit_messages)]
        found.append("netem's limit also counts packets that wait for their delay")
    return words


def _number(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _ms(value: float) -> str:
    return f"{_number(value)}ms" if value < 1000.0 else f"{_number(value / 1000.0)}s"


def _percent(share: float) -> str:
    return f"{_number(100.0 * share)}%"
