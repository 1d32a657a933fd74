"""What the commands print: tables, units that fit, a progress bar on a terminal."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO


class Progress:
    """A progress bar on standard error, only where a person watches.

    Parameters
    ----------
    stream
        Where it goes; by default standard error, and nothing is drawn unless that is a terminal.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        utf8 = (getattr(self._stream, "encoding", None) or "").lower().startswith("utf")
        self._marks = "█░" if utf8 else "#."

    def __call__(self, done: float, total: float, what: str = "") -> None:
        """Draw the bar at `done` of `total`."""
        if not self._shown:
            return
        width = max(min(shutil.get_terminal_size().columns - 45, 40), 10)
        share = min(max(done / total if total else 1.0, 0.0), 1.0)
        full = int(share * width)
        bar = self._marks[0] * full + self._marks[1] * (width - full)
        self._stream.write(f"\r{bar} {share:4.0%} {what[:32]:<32}")
        self._stream.flush()

    def close(self) -> None:
        """Wipe the bar."""
        if self._shown:
            self._stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self._stream.flush()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns, the first to the left and the others to the right."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    made = []
    for number, line in enumerate(lines):
        cells = [
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        made.append("  ".join(cells).rstrip())
        if number == 0:
            made.append("  ".join("-" * width for width in widths))
    return "\n".join(made)


_NOISE_MS = 1e-6
"""Times are counted in nanoseconds: what is less is rounding."""


def time_text(ms: float) -> str:
    """Return milliseconds in the unit that reads best, ``-`` if missing.

    Examples
    --------
    >>> [time_text(ms) for ms in (0.123, 52.34, 8123.0, 750000.0, float("nan"))]
    ['0.123 ms', '52.3 ms', '8123 ms', '12.5 min', '-']
    """
    if not math.isfinite(ms):
        return "-"
    if abs(ms) < _NOISE_MS:
        return "0 ms"
    if abs(ms) >= 120_000:
        return f"{ms / 60e3:.1f} min"
    if abs(ms) >= 10_000:
        return f"{ms / 1e3:.1f} s"
    return f"{ms:.0f} ms" if abs(ms) >= 1000 else f"{ms:.3g} ms"


def share_text(share: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return a share in percent, with its interval if there is one.

    Examples
    --------
    >>> share_text(0.1234, 0.11, 0.135)
    '12.34 % [11.00, 13.50]'
    """
    if not math.isfinite(share):
        return "-"
    text = f"{100 * share:.2f} %"
    if math.isfinite(low) and math.isfinite(high):
        text += f" [{100 * low:.2f}, {100 * high:.2f}]"
    return text


def clean(text: object) -> str:
    """Return text without control characters, which could rewrite a terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(text))
