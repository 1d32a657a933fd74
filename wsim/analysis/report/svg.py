"""Pictures as inline SVG whose colours follow the page: light, dark or printed."""

from __future__ import annotations

import html
import io
import re

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from wsim.analysis.plots.style import COLOURS, INK, QUIET, SHADE, description, figure_of

THEME = {
    "#000000": "var(--ink)",
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    SHADE: "var(--shade)",
    "#ffffff": "var(--paper)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(COLOURS)},
}
_COLOUR = re.compile("|".join(THEME))
_NAME = re.compile(r'\sid="([^"]+)"|href="#([^"]+)"|url\(#([^)]+)\)')


def svg(ax: Axes, prefix: str) -> str:
    """Return the figure of `ax` as an SVG element for an HTML page.

    Parameters
    ----------
    ax
        Axes of a figure that is not needed any more: its background is taken away.
    prefix
        Put before every id, so that several pictures can share a page.
    """
    figure = figure_of(ax)
    figure.patch.set_visible(False)
    for each in figure.axes:
        each.patch.set_visible(False)
        each.tick_params(which="both", colors=INK)
        for spine in each.spines.values():
            spine.set_edgecolor(INK)
    _ink(figure)
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return themed(target.getvalue(), prefix, description(ax))


def _ink(figure: Figure) -> None:
    """Give texts that follow the user's own matplotlib style the ink of the page."""
    given = [rcParams["text.color"], rcParams["axes.labelcolor"], rcParams["axes.titlecolor"]]
    usual = {to_hex(colour) for colour in given if is_color_like(colour)}
    for words in figure.findobj(Text):
        if isinstance(words, Text) and to_hex(words.get_color()) in usual:
            words.set_color(INK)


def themed(text: str, prefix: str, alt: str) -> str:
    """Return matplotlib's SVG text made fit for a page; ids are renamed, colours made names."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = _renamed(text, prefix)
    text = _COLOUR.sub(lambda match: THEME[match[0]], text)
    box = re.search(r'viewBox="[^"]+"', text)
    head = (
        f'<svg class="picture" role="img" aria-label="{html.escape(alt)}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""}>'
    )
    return head + text[text.index(">") + 1 :].strip()


def _renamed(text: str, prefix: str) -> str:
    """Give ids that are referred to short names of their own, and drop the others."""
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
    names = dict.fromkeys(a or b for a, b in used)
    book = {old: f"{prefix}-{number}" for number, old in enumerate(names)}

    def replace(match: re.Match[str]) -> str:
        if match[1] is not None:
            return f' id="{book[match[1]]}"' if match[1] in book else ""
        if match[2] is not None:
            return f'href="#{book[match[2]]}"'
        return f"url(#{book[match[3]]})"

    return _NAME.sub(replace, text)
