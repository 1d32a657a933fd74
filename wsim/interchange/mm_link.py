"""mahimahi's ``mm-link`` traces, both ways.

``mm-link UPLINK DOWNLINK`` runs the client inside: its uplink is inbound here, its downlink
outbound. A trace is a rate and nothing else; ``mm-delay`` and ``mm-loss`` do the rest there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.impairments.trace_rate import OPPORTUNITY_BYTES, TraceRate
from wsim.interchange.reporting import Subject, conditions_of, not_carried, report

_NO_WORD = (
    "latency_ms", "jitter_ms", "packet_loss_rate", "disconnect_rate", "outage", "duplicate_rate",
    "corrupt_rate", "overhead_bytes",
)  # fmt: skip


def from_mm_link(uplink: str | Path, downlink: str | Path | None = None) -> NetworkConditions:
    """Return conditions whose rate follows mm-link traces, with no delay and no loss.

    Parameters
    ----------
    uplink, downlink
        Trace files, a whole number of milliseconds per line; without a downlink both
        directions follow the uplink, each with opportunities of its own.

    Raises
    ------
    FormatError
        For a line that is no whole number or is out of order; names the file and the line.
    """
    conditions = NetworkConditions(
        latency_ms=0, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None,
        rate_model=TraceRate.from_file(uplink),
    )  # fmt: skip
    if downlink is None:
        return conditions
    return conditions.replace(outbound={"rate_model": TraceRate.from_file(downlink)})


def to_mm_link(
    subject: Subject,
    *,
    direction: str = "inbound",
    duration_s: float = 60.0,
    notes: list[str] | None = None,
) -> str:
    """Return the rate of a profile or conditions as the text of an mm-link trace.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    direction
        Which direction.
    duration_s
        Length of the trace, after which mm-link repeats it.
    notes
        A list to which is appended what a trace cannot express; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.

    Raises
    ------
    ConditionsError
        If there is no rate, or none within the duration.
    """
    c = conditions_of(subject, direction)
    report(not_carried(c, "an mm-link trace", _NO_WORD), notes)
    if isinstance(c.rate, TraceRate):
        times = list(c.rate.times_ms)
    else:
        times = _opportunities(c, duration_s)
    if not times or times[-1] == 0:
        raise ConditionsError(
            f"no rate to write within {duration_s:g} s: bandwidth_mbps={c.bandwidth_mbps},"
            f" rate_model '{c.rate.kind}'"
        )
    return "\n".join(map(str, times)) + "\n"


def _opportunities(c: NetworkConditions, duration_s: float) -> list[int]:
    """Serve full packets one after another and note the milliseconds at which each is done."""
    end_ns, last_ns = round(duration_s * 1e9), 0
    if c.rate.start(c.bandwidth_mbps, 0).peek(0, OPPORTUNITY_BYTES) == 0:
        return []
    state, times = c.rate.start(c.bandwidth_mbps, 0), []
    while True:
        sizes = np.full(1024, OPPORTUNITY_BYTES)
        finishes = state.finish_many(np.zeros(1024, np.int64), sizes, last_ns)
        inside = finishes[finishes <= end_ns]
        times += (-(-inside // 1_000_000)).tolist()
        if len(inside) < 1024:
            return times
        last_ns = int(finishes[-1])
