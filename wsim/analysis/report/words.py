"""Verdicts in words: what an operator would have felt on each network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wsim.analysis.one_end import round_trips
from wsim.analysis.plots.path import STOPS
from wsim.analysis.plots.style import UNITS, duration
from wsim.analysis.report.document import Verdict
from wsim.analysis.report.reach import Reach
from wsim.analysis.report.study import Study
from wsim.analysis.saturation import CONSEQUENCE


class Band(NamedTuple):
    """Driving feels like this if nine in ten commands reach the rover within this time."""

    up_to_ms: float
    word: str


BANDS = [
    Band(200.0, "direct"),
    Band(400.0, "sluggish"),
    Band(1000.0, "hard to drive"),
    Band(10_000.0, "move and wait"),
    Band(np.inf, "plans only"),
]
"""The grades of a report. 200 ms: tasks suffer; 400 ms: the upper limit in planning (see the
presets of ``THRESHOLDS``); about a second: operators move and wait (Ferrell 1965); beyond ten
seconds nobody closes the loop by hand. Edit the list to suit the vehicle."""

CAMERAS = ("cameraFeed",)
FREEZES = 0.01
"""With a larger share of commands half a second late a grade is called ``with freezes``."""


def verdict(study: Study, name: str) -> Verdict:
    """Return the verdict on one network."""
    row = study.row(name)
    if not row["sent"] > 0:
        return Verdict(name, 4, "no data", "no messages were recorded.")
    if not row["delivered"] > 0 and row["unknown"] > 0:
        return _unknown(study, name, row)
    if not row["delivered"] > 0:
        count = int(row["sent"])
        return Verdict(name, 4, "cut off", f"none of {count:,} messages arrived.")
    command = study.event_row(name, study.command)
    said = [_latency(command if command is not None else row, command is not None)]
    reach, camera = study.reach.get(name), study.event_row(name, *CAMERAS, direction="outbound")
    said += [_lost(row), _freezes(reach), _emergency(study, name), _pictures(camera)]
    if name in study.saturation:
        said.append("more is sent than TCP carries, so " + CONSEQUENCE)
    sentence = "; ".join(words for words in said if words) + "."
    if reach is None:
        return Verdict(name, 3, "not rated", f"no {study.command} to rate it by: {sentence}")
    return Verdict(name, *grade(reach, camera), sentence)


def _unknown(study: Study, name: str, row: Mapping[str, Any]) -> Verdict:
    """Return what is known where nobody recorded arrivals: a network is not judged by that."""
    runs = next(entry.runs for entry in study.entries if entry.name == name)
    said = ["arrivals unknown (recorded at one end)", str(round_trips(runs))]
    if row["dropped"] > 0:
        said.append(f"{int(row['dropped']):,} of {int(row['sent']):,} messages known to be lost")
    return Verdict(name, 3, "arrivals unknown", "; ".join(said) + ".")


def grade(reach: Reach, camera: Mapping[str, Any] | None = None) -> tuple[int, str]:
    """Return the grade of a network and its word; who drives by old pictures drives late."""
    pictures = 0.0
    if camera is not None and not camera["delivered"] > 0:
        return 4, "blind"
    if camera is not None:
        pictures = float(camera["p90_ms"])
    worse = np.fmax(reach.p90_ms, pictures)
    level = next(i for i, band in enumerate(BANDS) if worse <= band.up_to_ms)
    if level < 2 and reach.freeze_share > FREEZES:
        return 2, f"{BANDS[level].word}, freezes"
    return level, BANDS[level].word


def _latency(row: Mapping[str, Any], is_command: bool) -> str:
    what = "commands" if is_command else "messages"
    if not np.isfinite(row["p50_ms"]):
        return f"no {what} arrived with a usable time"
    p50, p99 = duration(row["p50_ms"]), duration(row["p99_ms"])
    if p50 == p99:
        return f"{what} arrive after {p50}"
    return f"{what} arrive after {p50}, 99 % of them within {p99}"


def _lost(row: Mapping[str, Any]) -> str:
    if not row["dropped"] > 0:
        return "none lost"
    return f"{percent(row['drop_rate'])} of all messages lost"


def _freezes(reach: Reach | None) -> str:
    if reach is None:
        return ""
    if reach.freeze_share == 0:
        return "no command was half a second late"
    return f"{percent(reach.freeze_share)} of the commands took effect over half a second late"


def _pictures(camera: Mapping[str, Any] | None) -> str:
    if camera is None:
        return ""
    if not camera["delivered"] > 0:
        return "no picture of the camera arrived"
    return f"nine in ten pictures of the camera arrive within {duration(camera['p90_ms'])}"


def _emergency(study: Study, name: str) -> str:
    row = study.event_row(name, *STOPS)
    if row is None:
        return ""
    sent, arrived = int(row["sent"]), int(row["delivered"])
    if arrived < sent:
        return f"{sent - arrived} of {sent} emergency stops never arrived"
    return f"emergency stops took at most {duration(row['max_ms'])}"


def percent(share: float) -> str:
    """Return a share in percent with three digits at most."""
    return f"{100 * share:.3g} %" if np.isfinite(share) else "–"


def interval(value: float, low: float, high: float, unit: str = "%", sign: str = "") -> str:
    """Return a value with its interval, if it has one, all in one unit.

    `unit` is ``%`` for shares, ``points`` for their differences, ``ms`` for times, which are
    put into the unit that suits them, or anything else.
    """
    if not np.isfinite(value):
        return "–"
    scale, word = _scaled(max(abs(v) for v in (value, low, high) if np.isfinite(v)), unit)
    texts = [f"{v * scale:{sign}.3g}" if v else "0" for v in (value, low, high)]
    span = f" [{texts[1]}, {texts[2]}]" if np.isfinite(low) and np.isfinite(high) else ""
    return f"{texts[0]}{span} {word}".strip()


def _scaled(size: float, unit: str) -> tuple[float, str]:
    if unit in ("%", "points"):
        return 100.0, unit
    if unit != "ms":
        return 1.0, unit
    scale, word = next(
        ((s, w) for s, w in UNITS if size >= s or (size == 0 and w == "ms")), UNITS[-1]
    )
    return 1.0 / scale, word
