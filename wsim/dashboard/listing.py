"""Numbers and lists of a run as text: what stands under the pictures."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.dashboard import curves
from wsim.dashboard.pictures import WATCHDOG_S
from wsim.dashboard.scenes import Scene

NARROW = ("seq", "created_s", "latency_ms", "direction", "event_name", "session", "fate", "cause")
"""Columns of the history that fit beside the controls."""
_LOOK_BACK = 5000
QUANTILES = ("p50 (median)", "p90", "p99")


def numbers(scene: Scene, since_s: float = -math.inf) -> dict[str, str]:
    """Return what an operator would want to know now, as text by name.

    Counted are commands sent at or after `since_s`, and ages from then on.
    """
    window = scene.window
    commands = window.commands() & (window.created_s >= since_s)
    latency = window.latency_ms[commands & np.isfinite(window.latency_ms)]
    total, lost = int(commands.sum()), int((commands & window.lost).sum())
    quantiles = np.percentile(latency, [50, 90, 99]) if len(latency) else [np.nan] * 3
    age = curves.ages(window)[1]
    told = {f"command {name}": _ms(q) for name, q in zip(QUANTILES, quantiles, strict=True)}
    told["commands lost"] = f"{lost} of {total} ({100 * lost / total:.1f} %)" if total else "none"
    told["command age now"] = f"{age[-1]:.2f} s" if len(age) else "–"
    over = 100 * share_over(scene, since_s)
    told["age over 0.5 s"] = f"{over:.1f} %" if len(age) else "–"
    told["measured over"] = f"{min(window.now_s - since_s, window.span_s):.0f} s"
    return told


def share_over(scene: Scene, since_s: float = -math.inf) -> float:
    """Return the share of the time in view in which the command age was over the timeout.

    Time before `since_s` does not count.
    """
    x, y = curves.saw_tooth(scene.window)
    start = np.clip(since_s - scene.window.now_s, x[:-1], x[1:])
    span = x[1:] - start
    # between two points the age grows by one second a second, so the last part is over
    over = np.clip(y[1:] - WATCHDOG_S, 0.0, span)
    return float(over.sum() / span.sum()) if span.sum() > 0 else 0.0


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if np.isfinite(value) else "–"


def number_list(values: Iterable[tuple[str, str]]) -> str:
    """Return names and values as HTML, escaped."""
    cells = (
        f'<div role="listitem"><span>{html.escape(name)}</span><b>{html.escape(value)}</b></div>'
        for name, value in values
    )
    return f'<div role="list" class="wsim-numbers">{"".join(cells)}</div>'


def recent(frame: pd.DataFrame, rows: int = 8) -> str:
    """Return the newest rows of a history as an HTML table, newest first."""
    columns = [name for name in NARROW if name in frame]
    return table(frame[columns].tail(rows).iloc[::-1])


def refused(frame: pd.DataFrame, rows: int = 6) -> str:
    """Return the newest refused messages with their payloads as an HTML table."""
    tail = frame.tail(_LOOK_BACK)
    found = tail[tail["fate"].astype(str) == "refused"].tail(rows).iloc[::-1]
    if not len(found):
        return '<p class="wsim-none">No message has been refused lately.</p>'
    shown = found[["created_s", "event_name", "cause"]].copy()
    shown["payload"] = [repr(value)[:80] for value in found["data"]]
    return table(shown)


def table(frame: pd.DataFrame) -> str:
    """Return a frame as an HTML table with headings; everything in it is escaped."""
    heads = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    body = "".join(_row(row) for row in frame.itertuples(index=False, name=None))
    return f'<table class="wsim-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


WORDS = {
    "mean_ms": "mean latency",
    "p50_ms": "median latency",
    "p90_ms": "90 % arrive within",
    "p95_ms": "95 % arrive within",
    "p99_ms": "99 % arrive within",
    "p999_ms": "99.9 % arrive within",
    "jitter_rfc3550_mean_ms": "jitter (RFC 3550)",
    "drop_rate": "lost",
    "late_share": "later than 0.2 s",
    "stale_share": "older than 0.5 s when heard",
    "age_mean_ms": "mean command age",
    "age_p99_ms": "command age, 99 %",
    "watchdog_trips": "rover stopped by itself (times)",
    "watchdog_trips_per_min": "rover stops by itself",
    "rate_hz": "commands heard",
}
"""Metrics in the words of an operator, for the panel's tables."""


HEADS = {
    "compared": "runs",
    "metric": "what",
    "baseline": "first",
    "candidate": "other",
    "low": "95 % from",
    "high": "to",
}
"""Headings of the comparison."""
MARKS = {"better": "✓ ", "worse": "✗ ", "equivalent": "= "}
"""Marks before verdicts, so that colour is not all that tells them apart."""
TOO_MUCH = ("mean_ms", "p95_ms", "p999_ms")
"""Metrics that the panel leaves out."""


def kept_table(kept: pd.DataFrame) -> str:
    """Return the table of kept runs as HTML."""
    shown = kept.copy()
    heads = {name: f"{WORDS[name]} (ms)" for name in map(str, shown) if name.endswith("_ms")}
    if "drop_rate" in shown:
        shown["drop_rate"] *= 100
        heads["drop_rate"] = "lost (%)"
    heads["watchdog_trips"] = WORDS["watchdog_trips"]
    return table(shown.rename(columns=heads))


def verdicts(comparison: pd.DataFrame) -> str:
    """Return the comparison of kept runs as HTML, shares in percent."""
    parts = comparison["metric"].str.extract(r"^(?P<name>[^ ]+)(?: \((?P<unit>.*)\))?$")
    kept = ~parts["name"].isin(TOO_MUCH)
    shown, parts = comparison[kept].copy(), parts[kept]
    numbers = shown.select_dtypes("number").columns
    share = parts["unit"] == "share"
    shown[numbers] = shown[numbers].mul(share.map({True: 100.0, False: 1.0}), axis=0)
    units = parts["unit"].replace({"share": "%"})
    shown["metric"] = [
        f"{WORDS.get(name, name)} ({unit})" for name, unit in zip(parts["name"], units, strict=True)
    ]
    if "verdict" in shown:
        shown["verdict"] = [MARKS.get(word, "") + word for word in shown["verdict"]]
    return table(shown.rename(columns=HEADS))


def _row(values: Sequence[Any]) -> str:
    return "<tr>" + "".join(map(_data, values)) + "</tr>"


def _data(value: Any) -> str:
    text = _cell(value)
    known = [word for word in ("better", "worse") if text == MARKS[word] + word]
    told = f' class="wsim-{known[0]}"' if known else ""
    return f"<td{told}>{html.escape(text)}</td>"


def _cell(value: Any) -> str:
    if not isinstance(value, float | np.floating):
        return str(value)
    number = float(value)
    if np.isnan(number):
        return "–"
    return f"{number:.2g}" if abs(number) < 1 else f"{number:,.1f}"
