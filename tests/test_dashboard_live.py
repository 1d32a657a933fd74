"""Refreshing: one picture a turn, nothing when nothing changed, slower when the kernel is busy."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest
from frames import periodic

from wsim.dashboard.live import Live
from wsim.dashboard.scenes import Scene
from wsim.dashboard.view import window_of
from wsim.errors import UsageError


class Source:
    """Scenes whose time moves on with each asking, unless held."""

    def __init__(self):
        self.shown = Scene(window_of(periodic(20, 20, 80.0)), np.zeros((1, 2)))
        self.moving = True
        self.texts = 0

    def __call__(self):
        if self.moving:
            window = self.shown.window
            moved = dataclasses.replace(window, now_s=window.now_s + 0.1)
            self.shown = self.shown._replace(window=moved)
        return self.shown

    def after(self, scene):
        self.texts += 1


def test_a_round_draws_every_picture_and_the_texts():
    source = Source()
    live = Live(source, source.after)
    live.now()
    assert all(bytes(picture.image.value[:4]) == b"\x89PNG" for picture in live.pictures)
    assert source.texts == live.rounds == 1


def test_nothing_is_drawn_when_nothing_changed():
    source = Source()
    source.moving = False
    live = Live(source, source.after)
    live.now()
    before = [picture.image.value for picture in live.pictures]
    live.now()
    assert (live.rounds, live.skipped) == (1, 1)
    assert all(p.image.value is b for p, b in zip(live.pictures, before, strict=True))


def test_others_get_their_turn_after_each_picture():
    source = Source()
    live = Live(source, source.after)
    turns = []

    async def other():
        while True:
            turns.append(sum(bool(picture.image.value) for picture in live.pictures))
            await asyncio.sleep(0)

    async def main():
        task = asyncio.create_task(other())
        await live.round()
        task.cancel()

    asyncio.run(main())
    assert set(range(len(live.pictures) + 1)) <= set(turns)


def test_a_busy_kernel_gets_fewer_rounds(monkeypatch):
    source = Source()
    live = Live(source, source.after, hz=10, pictures=())
    waits = []

    async def sleep(seconds):
        waits.append(live.wait_s)
        live.lag_ms = (0.0, 200.0, 10_000.0, 0.0)[len(waits) % 4]
        if len(waits) == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(live, "_sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(live.run())
    assert waits == pytest.approx([0.1, 0.8, 2.0, 0.1], rel=0.2)


def test_slow_work_waits_for_a_whole_round():
    source = Source()
    live = Live(source, source.after, hz=10)

    async def main():
        task = asyncio.create_task(live.run())
        await live.seen()
        seen = live.ended
        task.cancel()
        return seen

    assert asyncio.run(main()) == 2
    assert live.worst_ms >= live.turn_ms > 0


def test_others_stand_aside_during_a_turn_and_only_then():
    told = []
    source = Source()
    live = Live(source, lambda scene: told.append("texts"), pictures=(), crowd=told.append)
    asyncio.run(live.round())
    assert told == [True, False, True, "texts", False]


def test_a_rate_beyond_ten_is_refused():
    for nonsense in (0, 11, -5):
        with pytest.raises(UsageError, match="hz="):
            Live(Source(), print, hz=nonsense)
