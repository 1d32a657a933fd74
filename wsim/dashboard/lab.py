"""Everything the panel does, one public call each, without a widget in sight.

A :class:`LabSession` runs an operator and a rover over a simulated network while a person
changes the network, keeps runs, and compares them. It can be used as it is, from a script.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from wsim.dashboard import again
from wsim.dashboard.drivers import Run
from wsim.dashboard.kept import Kept, Slots
from wsim.dashboard.running import MAX_ROWS, SPEEDS, RunningLab
from wsim.dashboard.scenes import Scene
from wsim.dashboard.settings import TrafficSettings
from wsim.errors import WsimError
from wsim.profiles import profile

__all__ = ["SPEEDS", "LabSession"]


class LabSession(RunningLab):
    """An operator drives a rover over a simulated network, at the pace of your choice.

    Parameters
    ----------
    network : str or Profile or NetworkConditions or mapping
        Where to start: whatever :func:`wsim.profile` takes.
    seed : int
        Same seed and same actions at the same simulated times: same history.
    traffic : TrafficSettings, optional
        What operator and rover send.
    max_rows : int or None
        The most messages kept of the current run; older ones are evicted, and counted.

    Notes
    -----
    Paused at first: call :meth:`run`. The simulation has a thread of its own; close it with
    :meth:`close`, or use the session as a context manager.

    Examples
    --------
    >>> with LabSession("stressed", seed=1) as lab:
    ...     lab.step(20)
    ...     lab.keep().name
    'A'
    """

    def __init__(
        self,
        network: Any = "default",
        *,
        seed: int = 0,
        traffic: TrafficSettings | None = None,
        max_rows: int | None = MAX_ROWS,
    ) -> None:
        self.kept = Slots()
        self._marks: dict[str, tuple[Run, int]] = {}
        super().__init__(network, seed=seed, traffic=traffic, max_rows=max_rows)

    def scene(self) -> Scene:
        """Return what the live pictures show now, kept runs included."""
        return super().scene()._replace(kept=self.kept.scenes())

    def keep(self) -> Kept:
        """Freeze the current run under the next letter."""
        mark = self._mark()
        kept = self.kept.add(
            self.frame, self.span_s, self.scene().window, profile=self.network_words,
            conditions=self.conditions, source=f"seed {self.seed}, {self.now_s:.1f} s",
            path=self._run.rover.points(),
        )  # fmt: skip
        self._marks[kept.name] = mark
        return kept

    def _kept_as_it_is(self) -> Kept | None:
        """Return the kept run that this run, with nothing sent since, already is."""
        now = self._mark()
        same = [name for name, mark in self._marks.items() if mark == now and name in self.kept]
        return self.kept[same[0]] if same else None

    def _mark(self) -> tuple[Run, int]:
        return self._run, self._run.sim.recorder.recorded

    def load(self, path: str | Path) -> Kept:
        """Put a history from a file under the next letter."""
        from wsim.formats import load

        return self._keep_loaded(load(path), Path(path).name)

    def load_bytes(self, name: str, content: bytes) -> Kept:
        """Put an uploaded history under the next letter; the suffix of `name` says what it is."""
        from wsim.formats import load

        with tempfile.TemporaryDirectory(prefix="wsim-") as folder:
            path = Path(folder) / (Path(name).name or "upload")
            path.write_bytes(content)
            try:
                frame = load(path)
            except WsimError as error:
                # whoever uploaded it knows the file by its name, not by where it lay for a moment
                error.args = tuple(str(part).replace(f"{path.parent}/", "") for part in error.args)
                raise
            return self._keep_loaded(frame, path.name)

    def _keep_loaded(self, frame: pd.DataFrame, name: str) -> Kept:
        used = [str(value) for value in frame["profile"].unique()] if "profile" in frame else []
        return self.kept.add(
            frame, self.span_s, profile=" + ".join(filter(None, used)) or name, conditions=None,
            source=name,
        )  # fmt: skip

    def repeat_under(self, network: str) -> Kept:
        """Send what was sent in this run again, same seed, over another profile.

        Takes computing time only. Both runs are kept, this one first, unless it already is.
        """
        other = profile(network)
        frame = self.frame
        repeated = again.repeat(frame, other, seed=self.seed, duration_s=self.now_s)
        first = self._kept_as_it_is() or self.keep()
        return self.kept.add(
            repeated, self.span_s, profile=other.name, conditions=other.conditions,
            source=again.paired_words(first, other.name, repeated),
        )  # fmt: skip

    def comparison(self) -> pd.DataFrame:
        """Return differences of the kept runs from the first one, with verdicts."""
        return again.compare_kept(self.kept)

    # Out

    def save_report(self, path: str | Path = "wsim-output/report.html") -> Path:
        """Write one HTML file about the kept runs, or the current one if none is kept."""
        from wsim.analysis.report import report

        frames = self.kept.frames() or {self.network_name: self.frame}
        return Path(report(frames, path))

    def export(self, path: str | Path = "wsim-output/history.json") -> Path:
        """Write the current history; the suffix says how (.json, .csv, .parquet, .jsonl)."""
        from wsim.formats import save

        return Path(save(self.frame, path))

    def as_code(self) -> str:
        """Return Python that makes a panel like this one, and the same experiment as a batch."""
        return again.as_code(self)
