"""A report as one HTML page: nothing is loaded from anywhere, everything is escaped."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from importlib.resources import files

from wsim.analysis.report.document import Document, Picture, Section, Table, Verdict
from wsim.analysis.report.svg import svg
from wsim.errors import WsimError

Progress = Callable[[int, int, str], None]


def text(value: object) -> str:
    """Return any text safe to stand in HTML, characters that no page can hold replaced."""
    words = str(value).encode("utf-8", "replace").decode("utf-8")
    kept = "".join(c if c >= " " or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in words)
    return html.escape(kept)


def as_html(document: Document, step: Callable[[str], None]) -> str:
    """Return the page; `step` is called with the title of each picture before it is drawn."""
    style = files("wsim.analysis.report").joinpath("page.css").read_text(encoding="utf-8")
    body = [
        _header(document),
        '<main id="content">',
        _verdicts(document.verdicts),
        table(document.main),
        _notes(document.notes),
        _contents(document.sections),
        *(_section(part, number, step) for number, part in enumerate(document.sections)),
        "</main>",
        _footer(document),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(document.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _header(document: Document) -> str:
    return (
        '<a class="skip" href="#content">Skip to the verdicts</a>\n'
        f"<header><h1>{text(document.title)}</h1>\n"
        f'<p class="question">{text(document.question)}</p></header>'
    )


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    items = "\n".join(
        f'<li><span class="grade g{v.grade}">{text(v.word)}</span> '
        f"<span><strong>{text(v.name)}</strong>: {text(v.sentence)}</span></li>"
        for v in verdicts
    )
    return f'<ul class="verdicts" aria-label="Verdicts">\n{items}\n</ul>'


def table(given: Table) -> str:
    """Return a table with headers for its columns and rows, scrollable if it is too wide."""
    about = given.about or ("",) * len(given.heads)
    heads = "".join(
        f'<th scope="col"{f" title={chr(34)}{text(why)}{chr(34)}" if why else ""}>{text(head)}</th>'
        for head, why in zip(given.heads, about, strict=True)
    )
    rows = "\n".join(
        f'<tr><th scope="row">{text(row[0])}</th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in given.rows
    )
    kind = ' class="words"' if given.words else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(given.caption)}">'
        f"<table{kind}><caption>{text(given.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<ul class="notes" aria-label="Remarks">{items}</ul>' if items else ""


def _contents(sections: Iterable[Section]) -> str:
    items = " ".join(
        f'<a href="#s{number}">{text(part.title)}</a>' for number, part in enumerate(sections)
    )
    return f'<nav aria-label="Chapters">{items}</nav>'


def _section(part: Section, number: int, step: Callable[[str], None]) -> str:
    lead = "".join(f"<p>{text(words)}</p>" for words in part.lead)
    pictures = "\n".join(
        figure(one, f"p{number}-{place}", step) for place, one in enumerate(part.pictures)
    )
    tables = "\n".join(table(one) for one in part.tables)
    body = f'{lead}\n<div class="pictures">{pictures}</div>' if pictures else lead
    body = f"{body}\n{tables}\n{_notes(part.notes)}"
    if part.folded:
        body = f"<details><summary>Show</summary>{body}</details>"
    return f'<section id="s{number}"><h2>{text(part.title)}</h2>\n{body}</section>'


def figure(picture: Picture, prefix: str, step: Callable[[str], None]) -> str:
    """Return a picture with its caption, or the reason why it is left out."""
    step(picture.title)
    kind = ' class="wide"' if picture.wide else ""
    try:
        drawing = svg(picture.draw(), prefix)
    except WsimError as error:
        drawing = f'<p class="left-out">Left out: {text(error)}</p>'
    return f"<figure{kind}>{drawing}<figcaption>{text(picture.title)}</figcaption></figure>"


def _fact(name: str, value: str) -> str:
    return f"<code>{text(value)}</code>" if name == "command" else text(value)


def _footer(document: Document) -> str:
    facts = "".join(
        f"<dt>{text(name)}</dt><dd>{_fact(name, value)}</dd>" for name, value in document.made
    )
    return f"<footer><h2>How this was made</h2><dl>{facts}</dl></footer>"
