"""The folded part of the controls: compare, load, save, code, serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from wsim.dashboard import page
from wsim.dashboard.bar import Act, button
from wsim.dashboard.lab import LabSession
from wsim.errors import UsageError
from wsim.profiles import PROFILES

Later = Callable[[Callable[[], Any], Callable[[Any], None], str], None]
"""Runs slow work away from home: ``later(work, then, words)``."""
SUFFIXES = (".json", ".csv", ".parquet", ".jsonl")
WIDE = {"description_width": "84px"}


class Shelf:
    """Controls that work on whole runs.

    Parameters
    ----------
    later : callable
        Runs slow work in a thread and its continuation at home.
    say : callable
        Shows a sentence.
    kept_changed : callable
        Called when runs were kept or let go.
    folder : Path
        Where files go.
    """

    def __init__(
        self, lab: LabSession, act: Act, later: Later, *, say: Callable[[str], None],
        kept_changed: Callable[[], None], folder: Path,
    ) -> None:  # fmt: skip
        self.lab, self.later, self.say = lab, later, say
        self.kept_changed, self.folder = kept_changed, folder
        self._opening = False
        self._make_compare(act)
        self._make_files(act)
        self._make_code(act)
        self._make_serve(act)

    def _make_compare(self, act: Act) -> None:
        self.other = w.Dropdown(
            options=list(PROFILES), description="other profile", style=WIDE,
            tooltip="the network to run again under", layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.again = button(
            "Same seed, other profile", "send the same messages over that network", "again", "100%"
        )
        self.again.on_click(act(lambda _: self._repeat()))
        self.forget = w.Dropdown(
            options=[("", "")], description="forget", style=WIDE,
            tooltip="let go of a kept run", layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.forget.observe(act(self._forget), "value")
        self.forget.add_class("wsim-forget")
        self.other.add_class("wsim-other")
        self.compare = w.VBox([self.other, self.again, self.forget])

    def _repeat(self) -> None:
        name = self.other.value
        self.later(
            lambda: self.lab.repeat_under(name),
            lambda kept: self._kept(f"Kept {kept.label}. {kept.source}"),
            f"running the same messages over {name} ...",
        )

    def _forget(self, change: Any) -> None:
        if change["new"]:
            self.lab.kept.forget(change["new"])
            self._kept(f"Forgot {change['new']}.")

    def keep(self) -> None:
        """Keep the current run."""
        kept = self.lab.keep()
        self._kept(f"Kept this run as {kept.label}.")

    def _kept(self, words: str) -> None:
        self.say(words)
        self.forget.options = [
            ("", ""),
            *((run.label, name) for name, run in self.lab.kept.items()),
        ]
        self.forget.value = ""
        self.kept_changed()

    def _make_files(self, act: Act) -> None:
        self.path = w.Text(
            description="history file", style=WIDE, placeholder="drive.json, .csv, .parquet, .har",
            tooltip="path of an exported history", layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.load = button("Load file", "put that history into the next slot", "load", "48%")
        self.load.on_click(act(lambda _: self._load()))
        self.upload = w.FileUpload(
            accept=".json,.jsonl,.csv,.parquet,.har", description="Upload",
            tooltip="upload a history into the next slot", layout=w.Layout(width="48%"),
        )  # fmt: skip
        self.upload.observe(act(self._uploaded), "value")
        self.suffix = w.Dropdown(
            options=SUFFIXES, description="as", style=WIDE, layout=w.Layout(width="48%"),
            tooltip="format of the exported history",
        )  # fmt: skip
        self.export = button("Export history", "write this run's history", "export", "48%")
        self.export.on_click(act(lambda _: self._export()))
        self.report = button("Save report", "one HTML file about the kept runs", "report", "98%")
        self.report.on_click(act(lambda _: self._report()))
        self.profile_file = w.Text(
            description="own profile", style=WIDE, placeholder="ours.yaml", continuous_update=False,
            tooltip="path of a profile file of your own (YAML or JSON)",
            layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.profile_file.observe(act(self._use_profile), "value")
        self.path.add_class("wsim-path-field")
        self.suffix.add_class("wsim-suffix")
        rows = [w.HBox([self.load, self.upload]), w.HBox([self.suffix, self.export]), self.report]
        self.files = w.VBox([self.path, *rows, self.profile_file])

    def _use_profile(self, change: Any) -> None:
        path = change["new"].strip()
        if path:
            self.lab.set_profile(path)
            self.say(f"The network is now {self.lab.network_name}, from {path}.")

    def _load(self) -> None:
        path = self.path.value.strip()
        if not path:
            raise UsageError("no file named: write the path of an exported history above")
        self.later(
            lambda: self.lab.load(path),
            lambda kept: self._kept(f"Loaded {kept.source} as {kept.label}."),
            f"loading {path} ...",
        )

    def _uploaded(self, change: Any) -> None:
        files = change["new"]
        if not files:
            return
        name, content = files[0]["name"], bytes(files[0]["content"])
        self.upload.value = ()
        self.later(
            lambda: self.lab.load_bytes(name, content),
            lambda kept: self._kept(f"Loaded {kept.source} as {kept.label}."),
            f"reading {name} ...",
        )

    def _export(self) -> None:
        target = self.folder / f"history{self.suffix.value}"
        self.later(
            lambda: self.lab.export(target), lambda path: self.say(f"Wrote {path}."), "writing ..."
        )

    def _report(self) -> None:
        target = self.folder / "report.html"
        self.later(
            lambda: self.lab.save_report(target), lambda path: self.say(f"Wrote {path}."),
            "writing the report ...",
        )  # fmt: skip

    def _make_code(self, act: Act) -> None:
        self.as_code = button("Show the code", "Python that makes this panel again", "as-code")
        self.as_code.on_click(act(lambda _: self._show_code()))
        self.text = w.Textarea(
            rows=9, disabled=False, description="", placeholder="Python appears here",
            tooltip="select all and copy", layout=w.Layout(width="98%"),
        )  # fmt: skip
        self.text.add_class("wsim-code")
        self.code = w.VBox([w.HBox([w.HTML(page.COPY), self.as_code]), self.text])

    def _show_code(self) -> None:
        self.text.value = ""  # so that the page sees it come, also if it is the same
        self.text.value = self.lab.as_code()

    def _make_serve(self, act: Act) -> None:
        self.port = w.IntText(
            value=8765, description="port", style=WIDE, layout=w.Layout(width="48%"),
            tooltip="where real Socket.IO clients connect",
        )  # fmt: skip
        self.door = w.ToggleButton(
            description="Serve real clients", tooltip="open or close the door for real clients",
            layout=w.Layout(width="48%"),
        )  # fmt: skip
        self._toggled = act(self._serve)
        self.door.observe(self._door_moved, "value")
        self.door.add_class("wsim-serve")
        self.serve = w.VBox([w.HBox([self.port, self.door])])

    def _door_moved(self, change: Any) -> None:
        """Hand on what a person did; what :meth:`show` did is so already."""
        if change["new"] != bool(self.lab.url):
            self._toggled(change)

    def _serve(self, change: Any) -> None:
        if change["new"]:
            self._opening = True
            self.later(
                self._open_the_door,
                lambda url: self.say(f"Real Socket.IO clients can connect to {url}"),
                "opening the door ...",
            )
        else:
            self.lab.stop_serving()
            self.say("The door for real clients is closed.")

    def _open_the_door(self) -> str:
        """Serve; slow the first time, because it loads a web server."""
        try:
            return self.lab.serve(self.port.value)
        finally:
            self._opening = False

    def show(self) -> None:
        """Show whether real clients can connect."""
        if not self._opening:
            self.door.value = bool(self.lab.url)
