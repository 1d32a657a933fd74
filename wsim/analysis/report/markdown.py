"""A report as Markdown, with its pictures in a folder beside it."""

from __future__ import annotations

import re
from collections.abc import Callable

from wsim.analysis.plots.style import description, png
from wsim.analysis.report.document import Document, Picture, Section, Table
from wsim.errors import WsimError

Place = Callable[[str, bytes], str]
"""Takes a picture's file name and its PNG, keeps it, and returns what a link points to."""


def escaped(value: object) -> str:
    """Return any text as Markdown that shows it, in one line."""
    words = str(value).encode("utf-8", "replace").decode("utf-8")
    words = "".join(c if c >= " " else " " for c in words)
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|$#~])", r"\\\1", words)


def blocks(document: Document, place: Place, step: Callable[[str], None]) -> list[str]:
    """Return the chapters of a report as Markdown, in order.

    Parameters
    ----------
    document
        The report.
    place
        Keeps a picture and says where it is.
    step
        Called with the title of each picture before it is drawn.
    """
    verdicts = "\n".join(
        f"- **{escaped(v.name)}** ({escaped(v.word)}): {escaped(v.sentence)}"
        for v in document.verdicts
    )
    first = "\n\n".join(
        [
            f"# {escaped(document.title)}",
            escaped(document.question),
            verdicts,
            table(document.main),
            _bullets(document.notes),
        ]
    )
    numbered = enumerate(document.sections)
    return [
        first,
        *(_section(part, number, place, step) for number, part in numbered),
        "## How this was made\n\n" + "\n".join(_fact(*fact) for fact in document.made),
    ]


def as_markdown(document: Document, place: Place, step: Callable[[str], None]) -> str:
    """Return the whole report as one Markdown text."""
    return "\n\n".join(part for part in blocks(document, place, step) if part) + "\n"


def table(given: Table) -> str:
    """Return a table with its caption."""
    heads = "| " + " | ".join(map(escaped, given.heads)) + " |"
    side = ":---" if given.words else "---:"
    rule = "|" + "|".join([":---", *[side] * (len(given.heads) - 1)]) + "|"
    rows = ["| " + " | ".join(map(escaped, row)) + " |" for row in given.rows]
    return "\n".join([f"**{escaped(given.caption)}**", "", heads, rule, *rows])


def _section(part: Section, number: int, place: Place, step: Callable[[str], None]) -> str:
    pieces = [f"## {escaped(part.title)}", *map(escaped, part.lead)]
    for count, picture in enumerate(part.pictures):
        pieces.append(_picture(picture, f"picture-{number + 1}-{count + 1}.png", place, step))
    pieces += [table(one) for one in part.tables]
    pieces.append(_bullets(part.notes))
    return "\n\n".join(piece for piece in pieces if piece)


def _picture(picture: Picture, name: str, place: Place, step: Callable[[str], None]) -> str:
    step(picture.title)
    title = escaped(picture.title)
    try:
        ax = picture.draw()
    except WsimError as error:
        return f"*{title}* Left out: {escaped(error)}"
    return f"![{escaped(description(ax))}]({place(name, png(ax))})\n\n*{title}*"


def _bullets(words: list[str]) -> str:
    return "\n".join(f"- {escaped(word)}" for word in words)


def _fact(name: str, value: str) -> str:
    if name == "command":
        return f"- {name}: `{' '.join(value.split()).replace('`', chr(39))}`"
    return f"- {escaped(name)}: {escaped(value)}"
