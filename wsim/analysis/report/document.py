"""A report before it has a format: sections of words, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from matplotlib.axes import Axes


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of a row is its header.

    ``about`` explains columns to those who ask: a text for each head, or none.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    about: tuple[str, ...] = ()
    words: bool = False
    """Cells hold words, not numbers: they are aligned left."""


@dataclass(frozen=True)
class Picture:
    """A picture that is drawn when the report is written."""

    title: str
    draw: Callable[[], Axes]
    wide: bool = False


@dataclass
class Section:
    """A chapter: first words, then tables, pictures and remarks."""

    title: str
    lead: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folded: bool = False


@dataclass(frozen=True)
class Verdict:
    """What is said about one network: a grade 0 (good) to 4 (none), its word and a sentence."""

    name: str
    grade: int
    word: str
    sentence: str


@dataclass
class Document:
    """The whole report."""

    title: str
    question: str
    verdicts: list[Verdict]
    main: Table
    sections: list[Section]
    notes: list[str]
    made: list[tuple[str, str]]
