"""Pictures as inline SVG whose colours follow the page: light, dark or printed."""

from __future__ import annotations

import html
import io
import re

from matplotlib.axes import Axes

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
_NAME = re.compile(r'((?:\s|xlink:)(?:id|href)=")(#?)([^"]+)(")|(url\(#)([^)]+)(\))')


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
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return themed(target.getvalue(), prefix, description(ax))


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
    book: dict[str, str] = {}

    def name(old: str) -> str:
        return book.setdefault(old, f"{prefix}-{len(book)}")

    def replace(match: re.Match[str]) -> str:
        if match[5]:
            return f"{match[5]}{name(match[6])}{match[7]}"
        if "href" in match[1] and not match[2]:
            return match[0]  # a picture inside, as data
        return f"{match[1]}{match[2]}{name(match[3])}{match[4]}"

    return _NAME.sub(replace, text)
