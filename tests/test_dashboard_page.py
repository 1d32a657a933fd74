"""What the page does by itself: fragments that press the panel's own buttons, well formed."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from wsim.dashboard import Dashboard, page


class Parts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def classes(tmp_path):
    panel = Dashboard(run=False, folder=tmp_path)
    found, todo = set(), [panel.box]
    while todo:
        widget = todo.pop()
        found |= set(widget._dom_classes)
        todo += getattr(widget, "children", ())
    panel.close()
    return found


@pytest.mark.parametrize(
    ("fragment", "event"),
    [(page.COPY, "onclick"), (page.KEYS, "onkeydown"), (page.NAMES, "onerror")],
)
def test_a_fragment_is_one_element_with_its_script(fragment, event):
    [(_, attributes)] = Parts(fragment).found
    assert "'.wsim-panel'" in attributes[event]
    assert attributes[event].count("{") == attributes[event].count("}")


def test_what_the_page_looks_for_is_in_the_panel(classes):
    assert {"wsim-panel", "wsim-code", "wsim-as-code", "wsim-left", "wsim-plot"} <= classes
    assert {
        f"wsim-pad-{name}" for name in ("faster", "slower", "left", "right", "still")
    } <= classes
