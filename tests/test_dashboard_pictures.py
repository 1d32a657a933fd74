"""Live pictures: drawn once, blitted after, never blank, never slow, never leaking."""

from __future__ import annotations

import dataclasses
import io
import time

import numpy as np
import pytest
from frames import make, periodic
from PIL import Image

from wsim.dashboard.canvas import nice_top
from wsim.dashboard.pictures import PICTURES, Latency, Timeline
from wsim.dashboard.scenes import KeptScene, Scene
from wsim.dashboard.view import window_of

PATH = np.column_stack([np.linspace(0, 8, 200), np.sin(np.linspace(0, 8, 200))])


def scene(n_s=30, rate=20, latency=80.0, **columns):
    return Scene(window_of(periodic(rate, n_s, latency, **columns)), PATH)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def later(shown, seconds):
    return shown._replace(
        window=dataclasses.replace(shown.window, now_s=shown.window.now_s + seconds)
    )


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_shows_something_that_moves(kind):
    picture, shown = kind(), scene()
    first = pixels(picture.refresh(shown))
    assert first.shape == (192, 440, 3)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 20
    moved = later(scene(latency=np.linspace(60, 80, 600)), 3.0)._replace(path=PATH[:100])
    assert (pixels(picture.refresh(moved)) != first).any()


@pytest.mark.parametrize("kind", PICTURES)
def test_refreshes_blit_and_new_limits_draw_anew(kind):
    picture, shown = kind(), scene()
    for i in range(10):
        picture.refresh(later(shown, 0.01 * i))
    assert picture.canvas.full_draws == 1
    kept = KeptScene("A: mars", scene(latency=900.0, lost=np.arange(600) % 3 == 0).window, PATH * 9)
    picture.refresh(shown._replace(kept=(kept,)))
    assert picture.canvas.full_draws == 2
    before = pixels(picture.refresh(shown._replace(kept=(kept,))))
    picture.refresh(shown)
    assert picture.canvas.full_draws == 3
    assert (pixels(picture.refresh(shown)) != before).any()


@pytest.mark.parametrize("kind", PICTURES)
def test_an_empty_run_is_drawn_and_described(kind):
    empty = Scene(window_of(make([])), np.empty((0, 2)))
    picture = kind()
    assert pixels(picture.refresh(empty)).size
    assert picture.describe(empty)


def test_descriptions_give_the_numbers():
    shown = scene(n_s=20, lost=np.arange(400) % 10 == 0)
    told = {kind.name: kind().describe(shown) for kind in PICTURES}
    assert told["latency"] == "Latency: median 80 ms, longest 80 ms in view."
    assert told["drops"] == "Drop rate: 40 of 400 messages in view lost (10.0 %)."
    assert told["timeline"] == "In view: driveCommands 400."
    assert "90 % 80 ms" in told["distribution"]
    assert told["path"] == "Rover at x 8.0 m, y 1.0 m."


def test_the_top_comes_down_only_when_most_of_the_picture_is_empty():
    picture = Latency()
    for longest, draws in ((90.0, 1), (60.0, 1), (50.0, 1), (25.0, 2), (28.0, 2)):
        picture.refresh(scene(latency=longest))
        assert picture.canvas.full_draws == draws, longest


def test_an_emergency_stop_is_a_mark_of_its_own_lost_or_not():
    events = np.where(np.arange(600) == 300, "emergencyStop", "driveCommands")
    for lost in (False, True):
        picture = Timeline()
        picture.refresh(scene(event_name=events, lost=(np.arange(600) == 300) & lost))
        assert len(picture._stops.get_xdata()) == 1
        assert len(picture._lost.get_xdata()) == int(lost)


def test_round_tops():
    assert [nice_top(v, 1) for v in (0, 1, 1.2, 2.5, 7, 80, 120, 999)] == [
        1, 1, 1.5, 3, 7.5, 100, 150, 1000,
    ]  # fmt: skip
    assert nice_top(0.08, 0.05) == pytest.approx(0.1)
    assert nice_top(100.0, 1.0) == 100.0


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", PICTURES)
def test_a_refresh_with_a_hundred_thousand_messages_in_view(kind):
    rng = np.random.default_rng(0)
    n = 100_000
    frame = make(
        np.sort(rng.uniform(0, 30, n)),
        rng.normal(100, 20, n),
        lost=rng.random(n) < 0.05,
        event_name=rng.choice(["driveCommands", "cameraFeed", "systemStatus"], n),
        direction=rng.choice(["inbound", "outbound"], n),
    )
    shown = Scene(window_of(frame), PATH)
    picture = kind()
    picture.refresh(shown)
    took = []
    for i in range(20):
        began = time.perf_counter()
        picture.refresh(later(shown, 0.001 * i))
        took.append(1000 * (time.perf_counter() - began))
    print(f"\n{kind.name}: {np.median(took):.1f} ms a refresh, {len(shown.window):,} in view")
    assert picture.canvas.full_draws == 1
    assert len(shown.window) > 0.99 * n
