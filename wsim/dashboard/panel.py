"""The panel: controls left, live pictures right, numbers and tables below.

It only arranges widgets and passes what they say to a :class:`~wsim.dashboard.lab.LabSession`.
"""

from __future__ import annotations

import asyncio
import html
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from wsim.dashboard import again, calm, listing, page
from wsim.dashboard.bar import Bar
from wsim.dashboard.controls import DESCRIBED, NetworkControls
from wsim.dashboard.home import HomeLoop
from wsim.dashboard.lab import LabSession
from wsim.dashboard.live import Live
from wsim.dashboard.scenes import Scene
from wsim.dashboard.settings import TrafficSettings
from wsim.dashboard.shelf import Shelf
from wsim.dashboard.style import STYLE
from wsim.dashboard.traffic import TrafficControls
from wsim.errors import WsimError
from wsim.profiles import PROFILES

_OPEN: dict[str, Dashboard] = {}
_SLOW_TEXTS = 5
"""Tables are rewritten in every fifth round of pictures."""


class Dashboard:
    """An interactive network laboratory for a notebook; leave it as a cell's last line.

    Parameters
    ----------
    network : str or Profile or NetworkConditions or mapping
        Where to start.
    seed : int
        Seed of the simulation.
    traffic : TrafficSettings, optional
        What operator and rover send.
    hz : float
        Refreshes of the pictures a second, at most 10.
    run : bool
        Whether time passes from the start.
    name : str
        A panel made under a name closes the one made before under the same.
    folder : str or Path
        Where exports and reports go.

    Attributes
    ----------
    lab : LabSession
        Everything the panel does, as calls.
    box : ipywidgets.VBox
        The widgets.
    """

    def __init__(
        self, network: Any = "default", *, seed: int = 0, traffic: TrafficSettings | None = None,
        hz: float = 5.0, run: bool = True, name: str = "lab", folder: str | Path = "wsim-output",
    ) -> None:  # fmt: skip
        if (before := _OPEN.pop(name, None)) is not None:
            before.close()
        self.name = name
        self.home = HomeLoop(self.report)
        self.lab = LabSession(network, seed=seed, traffic=traffic)
        calm.enter()
        self.live = Live(self.lab.scene, self._texts, hz=hz, crowd=self.lab.stand_aside)
        self._make_texts()
        self._make_controls(Path(folder))
        self.box = self._arranged()
        _OPEN[name] = self
        if run:
            self.lab.run()
        self.show()
        if self.home.loop is None:
            self.live.now()
        else:
            self.home.spawn(self.live.run())
            self.home.spawn(self._watch_gamepad())
            self.home.spawn(self._load_the_rest())
        self._warn_of_old_kernel()

    # Making

    def _make_texts(self) -> None:
        self._problem = ""
        self.error, self.note, self.status, self.advice = _text(), _text(), _text(), _text()
        self.numbers, self.history, self.refused = _text(), _text(), _text()
        self.kept_table, self.verdicts = _text(), _text()
        for name in (
            "error", "note", "status", "advice", "numbers", "history", "refused", "kept_table",
            "verdicts",
        ):  # fmt: skip
            getattr(self, name).add_class(f"wsim-text-{name.replace('_', '-')}")

    def _make_controls(self, folder: Path) -> None:
        lab = self.lab
        self.shelf = Shelf(
            lab, self.act, self.later, say=self.say, kept_changed=self._kept_changed, folder=folder
        )
        self.bar = Bar(lab, self.home, self.act, self.shelf.keep)
        self.profile = w.Dropdown(
            options=list(PROFILES), description="profile", style=DESCRIBED,
            tooltip="a network by name", layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.profile.add_class("wsim-profile")
        self.network = NetworkControls(self.home, self.act(lab.set_condition), lab.conditions)
        self.traffic = TrafficControls(
            self.home, self.act(self._set_traffic), self.act(lab.drive), lab.traffic
        )
        self._showing = False
        self.profile.observe(self._profile_chosen, "value")

    def _arranged(self) -> Any:
        shelf = self.shelf
        parts = {
            "Network": w.VBox([self.profile, self.network.box]),
            "Driving and traffic": self.traffic.box,
            "Compare": shelf.compare,
            "Load and save": shelf.files,
            "Code": shelf.code,
            "Serve": shelf.serve,
        }
        left = w.Accordion(list(parts.values()), titles=tuple(parts), selected_index=0)
        left.layout = w.Layout(
            width="374px", min_width="374px", max_height="760px", overflow="hidden auto"
        )
        left.add_class("wsim-left")
        pictures = w.Box(
            [picture.box for picture in self.live.pictures],
            layout=w.Layout(flex_flow="row wrap", flex="1 1 auto", align_content="flex-start"),
        )
        for picture in self.live.pictures:
            picture.box.layout = w.Layout(width="49%", min_width="250px")
        pictures.add_class("wsim-pictures")
        tables = {
            "Kept runs": w.VBox([self.kept_table, self.verdicts]),
            "History": self.history,
            "Refused messages": self.refused,
        }
        right = w.VBox(
            [pictures, self.numbers, w.Tab(list(tables.values()), titles=tuple(tables))],
            layout=w.Layout(flex="1 1 0", min_width="260px"),
        )
        whole = w.VBox(
            [
                w.HTML(STYLE + page.NAMES),
                self.bar.box,
                self.status,
                self.error,
                self.advice,
                self.note,
                w.HBox([left, right]),
            ]
        )
        whole.add_class("wsim-panel")
        return whole

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        return self.box._repr_mimebundle_(**keywords)

    def __repr__(self) -> str:
        state = "running" if self.lab.running else "paused"
        return f"<Dashboard '{self.name}' on {self.lab.network_name}, {state}>"

    # Callbacks

    def act(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Return a callback that runs `function` at home, then shows the state of the lab."""

        def at_home(*arguments: Any) -> None:
            function(*arguments)
            self.error.value = ""
            self.show()

        return self.home.callback(at_home)

    def later(self, work: Callable[[], Any], then: Callable[[Any], None], words: str) -> None:
        """Do slow work in a thread, then go on at home; without a loop, do it now."""
        if self.home.loop is None:
            then(work())
            return
        if words:
            self.say(words)
        self.home.spawn(self._later(work, then))

    async def _later(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        await self.live.seen()
        then(await asyncio.to_thread(work))
        self.show()

    def _profile_chosen(self, change: Any) -> None:
        if not (self._showing and self.home.here()):
            self.home.call(self.act(self._set_profile), change["new"])

    def _set_profile(self, name: str) -> None:
        if name in PROFILES:
            self.lab.set_profile(name)

    def _set_traffic(self, name: str, value: float) -> None:
        self.lab.set_traffic(**{name: value})

    def _kept_changed(self) -> None:
        self.verdicts.value = ""
        self.later(self.lab.kept.table, self._show_kept, "")
        if len(self.lab.kept) > 1:
            self.later(self.lab.comparison, self._show_verdicts, "")

    def _show_kept(self, table: Any) -> None:
        self.kept_table.value = listing.kept_table(table)

    def _show_verdicts(self, verdicts: Any) -> None:
        self.verdicts.value = listing.verdicts(verdicts)

    async def _load_the_rest(self) -> None:
        """Import what comparing needs, before someone waits for it."""
        await self.live.seen()
        await asyncio.to_thread(again.load)
        calm.settle()

    async def _watch_gamepad(self) -> None:
        while True:
            self.traffic.read_gamepad()
            await asyncio.sleep(0.1)

    # Showing

    def show(self) -> None:
        """Put the state of the lab into the controls."""
        self._showing = True
        try:
            name = self.lab.profile.name
            if name not in self.profile.options:
                self.profile.options = [*PROFILES, name]
            self.profile.value = name
        finally:
            self._showing = False
        self.network.show(self.lab.conditions)
        self.traffic.show(self.lab.traffic)
        self.bar.show()
        self.shelf.show()
        advice = self.lab.advice()
        self.advice.value = f'<div class="wsim-advice">⚠ {html.escape(advice)}</div>' * bool(advice)

    def say(self, words: str) -> None:
        """Show a sentence under the bar."""
        self.note.value = html.escape(words)

    def report(self, error: BaseException) -> None:
        """Show an exception; what a person can mend is said without the name of its class."""
        words = str(error) if isinstance(error, WsimError) else f"{type(error).__name__}: {error}"
        self.error.value, self.note.value = _alert(words), ""
        self.show()

    def _show_problem(self, words: str) -> None:
        if words != self._problem:
            self._problem = words
            self.error.value = _alert(words) if words else ""

    def _texts(self, scene: Scene) -> None:
        self.numbers.value = listing.number_list(self.lab.numbers(scene).items())
        self.status.value = html.escape(self._status(scene))
        self._show_problem(self.lab.newest_problem())
        if not self.lab.running or self.live.rounds % _SLOW_TEXTS == 1:
            frame = self.lab.frame
            self.history.value = listing.recent(frame)
            self.refused.value = listing.refused(frame)
            for picture in self.live.pictures:
                picture.describe(scene)

    def _status(self, scene: Scene) -> str:
        live = self.live
        return (
            f"{self.lab.network_name} · seed {self.lab.seed}"
            f" · {scene.window.now_s:,.1f} s simulated"
            f" · pictures every {1000 * live.wait_s:.0f} ms · longest turn {live.turn_ms:.0f} ms,"
            f" so far {max(live.worst_ms, self.home.longest_ms):.0f} ms"
            f" · loop late by {live.lag_ms:.1f} ms"
        )

    def _warn_of_old_kernel(self) -> None:
        try:
            version = importlib.metadata.version("ipykernel")
        except importlib.metadata.PackageNotFoundError:
            return
        if version == "7.4.0":
            self.say(
                "ipykernel 7.4.0 loses touch with a slider that is moved while a cell awaits:"
                " pip install 'ipykernel!=7.4.0'"
            )

    def close(self) -> None:
        """Stop the simulation and every task of the panel, and take it off the page."""
        if _OPEN.get(self.name) is self:
            del _OPEN[self.name]
        if not self.home.closed:
            calm.leave()
        self.home.close()
        self.lab.close()
        self.box.close()


def _alert(words: str) -> str:
    return f'<div class="wsim-error" role="alert">{html.escape(words)}</div>'


def _text() -> Any:
    return w.HTML(layout=w.Layout(width="99%", margin="0 2px"))
