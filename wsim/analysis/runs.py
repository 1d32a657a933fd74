"""One run of a side: its arrays, its streams and its metrics, each taken once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from wsim.analysis import age
from wsim.analysis.bursts import GMIN
from wsim.analysis.columns import Bools, Codes, Floats, Messages, constant, read, stream_codes
from wsim.analysis.commands import representative
from wsim.analysis.deadlines import row_deadlines
from wsim.analysis.duplicates import note_repeated
from wsim.analysis.intervals import sorted_quantile
from wsim.analysis.metrics import METRICS, Metric
from wsim.analysis.parts import finished
from wsim.analysis.segments import Arrivals, Segments, arrivals, cut
from wsim.analysis.streams import Limits, ages, gaps, jitter, stale
from wsim.analysis.summary import rates


@dataclass
class Run:
    """One recording or replicate; the event whose streams stand for it is `command`."""

    frame: pd.DataFrame
    command: str
    limits: Limits
    seed: object = None
    values: dict[str, float] = field(default_factory=dict)

    @cached_property
    def messages(self) -> Messages:
        """The arrays of the frame."""
        return read(self.frame)

    @cached_property
    def streams(self) -> Codes:
        """The stream of each row."""
        return stream_codes(self.messages)

    @cached_property
    def segments(self) -> Segments:
        """The streams of the command."""
        groups = constant(len(self.messages), ("",))
        chosen = self.messages.original & representative(self.messages, groups, (), self.command)
        return cut(self.messages, groups, self.streams, chosen)

    @cached_property
    def found(self) -> Arrivals:
        """What arrived of the streams."""
        return arrivals(self.segments)

    @cached_property
    def latency(self) -> Floats:
        """The latencies of what arrived, in order of the frame."""
        return self.messages.latency[self.messages.arrived & self.messages.original]

    @cached_property
    def late(self) -> Bools:
        """Which of what arrived came after its deadline, in order of the frame."""
        deadline = row_deadlines(self.messages, self.limits.deadline_ms)
        late = self.messages.latency > deadline
        return np.asarray(late[self.messages.arrived & self.messages.original])

    @cached_property
    def ordered(self) -> Floats:
        """The latencies in ascending order."""
        return np.sort(self.latency)

    def value(self, metric: Metric) -> float:
        """Return `metric` of this run."""
        if metric.kind == "quantile":
            return sorted_quantile(self.ordered, metric.q)
        return self.values[metric.name]

    def episodes(self, level_ms: float) -> int:
        """Return how often latencies rose above `level_ms`, `GMIN` lower ones lying between."""
        above = np.flatnonzero(self.latency > level_ms)
        return int(np.count_nonzero(np.diff(above) > GMIN)) + 1 if len(above) else 0

    @cached_property
    def ages(self) -> age.Ages:
        """The saw-tooth of the streams."""
        return age.pieces(self.segments, self.found, pauses=self.limits.pauses)

    @property
    def schedule(self) -> Floats:
        """Creation times of the messages, in ascending order."""
        return np.sort(self.messages.created[self.messages.original])

    @property
    def notes(self) -> list[str]:
        """What could not be computed."""
        return self.messages.notes

    def compute(self) -> Run:
        """Fill in `values` with every metric but the quantiles, and return the run."""
        note_repeated(self.messages)
        self.values = dict.fromkeys(METRICS, float("nan"))
        for part in (self._counts, self._latencies, self._streams):
            self.values |= part()
        return self

    def _counts(self) -> dict[str, float]:
        messages = self.messages
        sent = int(np.count_nonzero(messages.original))
        known = sent - int(np.count_nonzero(messages.original & messages.fate.where("unknown")))
        dropped = int(np.count_nonzero(messages.original & messages.lost))
        table: dict[str, float] = {"sent": sent, "known": known, "delivered": len(self.latency)}
        table["drop_rate"] = dropped / known if known else float("nan")
        if sent:
            pace = finished(rates(messages, constant(len(messages), ())))
            table |= {name: float(pace[name][0]) for name in ("duration_s", "rate_hz")}
        return {"duration_s": float("nan")} | table

    def _latencies(self) -> dict[str, float]:
        ordered = self.ordered
        if not len(ordered):
            return {}
        late = int(np.count_nonzero(self.late))
        return {"mean_ms": float(ordered.mean()), "late_share": late / len(ordered)}

    def _streams(self) -> dict[str, float]:
        segments, found = self.segments, self.found
        if not segments.groups or not len(segments):
            return {"gap_max_ms": float("nan")}
        group = segments.group[found.segment]
        table = jitter(segments, found, group) | ages(segments, self.ages, self.limits)
        table |= gaps(segments, found, self.limits) | stale(segments, found, self.limits)
        values = {name: float(column[0]) for name, column in finished(table).items()}
        minutes = self.values["duration_s"] / 60.0
        trips = values["watchdog_trips"]
        values["watchdog_trips_per_min"] = trips / minutes if minutes > 0 else float("nan")
        return values
