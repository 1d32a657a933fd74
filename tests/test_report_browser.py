"""The report in a real browser: it asks for nothing, fits narrow screens, and turns dark."""

import numpy as np
import pytest
from frames import periodic
from jupyterlab_harness import CHROMIUM_FLAGS, chromium, why_no_browser

from wsim.analysis.report import report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(why_no_browser()), reason=f"needs a browser: {why_no_browser()}"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    near = periodic(20, 10, 50.0)
    far = periodic(20, 10, rng.normal(300, 20, 200), lost=rng.random(200) < 0.1)
    hostile = "<img src=http://example.invalid/x onerror=console.log(1)>" + "long" * 30
    return report({"near": near, hostile: far}, tmp_path_factory.mktemp("r") / "r.html")


@pytest.fixture(scope="module")
def seen(path):
    """What the page does in light and dark, wide and narrow."""
    from playwright.sync_api import sync_playwright

    asked, said, found = [], [], {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        for width in (1280, 700, 380):
            page.set_viewport_size({"width": width, "height": 800})
            found[width] = page.evaluate("document.documentElement.scrollWidth")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found[scheme] = page.evaluate(
                "[getComputedStyle(document.body).backgroundColor,"
                " getComputedStyle(document.querySelector('svg.picture')).fill]"
            )
        page.emulate_media(media="print", color_scheme="dark")
        found["print"] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    return found, asked, said


def test_it_asks_for_nothing_and_runs_nothing(seen, path):
    _, asked, said = seen
    assert asked == [path.as_uri()]
    assert said == []


@pytest.mark.parametrize("width", [1280, 700, 380])
def test_it_never_scrolls_sideways(seen, width):
    assert seen[0][width] <= width


def test_dark_screens_get_dark_paper_and_light_ink_and_prints_stay_light(seen):
    found = seen[0]
    assert found["light"] == ["rgb(255, 255, 255)", "rgb(29, 33, 39)"]
    assert found["dark"] == ["rgb(21, 24, 29)", "rgb(230, 232, 236)"]
    assert found["print"] == "rgb(255, 255, 255)"
