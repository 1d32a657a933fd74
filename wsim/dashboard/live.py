"""Live pictures: drawn at home, one in a turn of the loop, slower when the kernel is busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import ipywidgets as w

from wsim.dashboard.pictures import PICTURES
from wsim.dashboard.scenes import Picture, Scene
from wsim.errors import UsageError

T = TypeVar("T")
FASTEST_HZ = 10.0
SLOWEST_S = 2.0
_SHARE = 0.25
"""The most of the kernel's time that pictures take; beyond it they come less often."""


class LivePicture:
    """A picture in an image widget, with a sentence for those who do not see it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.image = w.Image(format="png", layout=w.Layout(width="100%", height="auto"))
        self.image.add_class("wsim-plot")
        self.image.add_class(f"wsim-{picture.name}")
        self.caption = w.HTML(layout=w.Layout(margin="0"))
        self.caption.add_class("wsim-described")
        self.box = w.VBox([self.image, self.caption])
        self.box.add_class("wsim-picture")

    def refresh(self, scene: Scene) -> None:
        """Draw the scene and show it."""
        self.image.value = self.picture.refresh(scene)

    def describe(self, scene: Scene) -> None:
        """Update the sentence."""
        self.caption.value = self.picture.describe(scene)


class Live:
    """Refreshes pictures and texts while it runs.

    Parameters
    ----------
    scene : callable
        Gives the scene of now.
    after : callable
        Called with the scene after the pictures of a round, for texts.
    hz : float
        Rounds a second while nothing else is to be done; at most 10.
    crowd : callable
        Told True when a turn begins and False when it ends, so that others can stand aside.

    Attributes
    ----------
    rounds, skipped, ended
        Rounds drawn, those left out because nothing had changed, and all that have ended.
    lag_ms, turn_ms, worst_ms
        How late the loop came back from its last sleep, the longest turn of the last round, and
        of every round so far.
    """

    def __init__(
        self, scene: Callable[[], Scene], after: Callable[[Scene], None], *, hz: float = 5.0,
        pictures: Sequence[type[Picture]] = PICTURES,
        crowd: Callable[[bool], object] = bool,
    ) -> None:  # fmt: skip
        if not 0 < hz <= FASTEST_HZ:
            raise UsageError(f"hz={hz!r} is not a number from 0 to {FASTEST_HZ:g}")
        self.period_s = 1.0 / hz
        self.pictures = [LivePicture(kind()) for kind in pictures]
        self._scene = scene
        self._after = after
        self._crowd = crowd
        self._last: Any = None
        self.rounds = self.skipped = self.ended = 0
        self.lag_ms = self.turn_ms = self.worst_ms = 0.0
        self._longest_s = 0.0
        self.wait_s = self.period_s

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            began = time.perf_counter()
            await self.round()
            busy = time.perf_counter() - began
            wanted = max(self.period_s, busy / _SHARE, self.lag_ms / 1000 / _SHARE)
            self.wait_s = min(wanted, SLOWEST_S)
            await self._sleep(max(0.0, self.wait_s - busy))

    async def _sleep(self, seconds: float) -> None:
        due = time.perf_counter() + seconds
        await asyncio.sleep(seconds)
        self.lag_ms = 1000 * max(0.0, time.perf_counter() - due)

    async def round(self) -> None:
        """Draw every picture of the scene of now, giving way to others after each."""
        self._longest_s = 0.0
        for step in self._turn(self.steps):
            await asyncio.sleep(0)
            self._turn(step)
        self.turn_ms = 1000 * self._longest_s
        self.worst_ms = max(self.worst_ms, self.turn_ms)
        self.ended += 1

    async def seen(self) -> None:
        """Return when a round that begins after this call has ended.

        New frames take many times as long to draw while another thread computes, so slow work
        begins when they have been drawn.
        """
        wanted = self.ended + 2
        while self.ended < wanted:
            await asyncio.sleep(0.02)

    def _turn(self, work: Callable[[], T]) -> T:
        """Do what one turn of the loop is for, and take its time."""
        self._crowd(True)
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._longest_s = max(self._longest_s, time.perf_counter() - began)
            self._crowd(False)

    def now(self) -> None:
        """Draw everything at once, where no loop runs."""
        for step in self.steps():
            step()

    def steps(self) -> list[Callable[[], None]]:
        """Return what a round consists of; empty if nothing has changed."""
        scene = self._scene()
        key = (scene.window.now_s, len(scene.window), tuple(kept.name for kept in scene.kept))
        if key == self._last:
            self.skipped += 1
            return []
        self._last = key
        self.rounds += 1
        drawn = [_bind(picture.refresh, scene) for picture in self.pictures]
        return [*drawn, _bind(self._after, scene)]


def _bind(function: Callable[[Scene], None], scene: Scene) -> Callable[[], None]:
    return lambda: function(scene)
