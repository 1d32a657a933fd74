"""Reports: one self-contained file that answers on its first screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wsim.analysis.report.document import Document
from wsim.analysis.report.markdown import as_markdown
from wsim.analysis.report.notebook import as_notebook
from wsim.analysis.report.page import Progress, as_html
from wsim.analysis.report.sections import document
from wsim.analysis.report.study import Frames, Study, entries
from wsim.errors import FormatError, nearest
from wsim.formats.files import replacing
from wsim.schema import COMMAND_EVENT

Step = Callable[[str], None]


def report(
    frames: Frames,
    path: str | PathLike[str],
    *,
    title: str = "Network report",
    baseline: str | None = None,
    command: str | None = None,
    objectives: Any = None,
    tcp_counterparts: Mapping[str, Any] | None = None,
    command_event: str = COMMAND_EVENT,
    progress: Progress | None = None,
) -> Path:
    """Write a report on one or several networks and return its path.

    Parameters
    ----------
    frames
        A history, a list of them, or names mapped to a history or a list of replicates. One
        frame or a list is split by its column ``profile``; rows of one profile in several
        runs are replicates.
    path
        File to write: ``.html`` is one page that needs no network, ``.ipynb`` a notebook,
        ``.md`` Markdown with its pictures in a folder beside it. Folders are created, and the
        file appears only when it is complete.
    title
        Heading of the report.
    baseline
        The network that the others are compared with; by default the first.
    command
        The command line or code that repeats the report, printed in it.
    objectives
        Objectives to check on every network (a YAML file or a list, as `check` takes them),
        or a frame of results to show.
    tcp_counterparts
        For names of lossy networks the history, or replicates, of the same traffic over TCP.
    command_event
        The event that stands for the commands of the operator.
    progress
        Called as ``progress(done, total, what)`` before each step and once at the end.

    Returns
    -------
    Path
        Where the report is.

    Raises
    ------
    FormatError
        If the suffix is unknown or the file cannot be written.
    ColumnsError
        If `frames` holds no history.
    UnknownNameError
        If `baseline` or a TCP counterpart names no network of the report.
    """
    target = Path(path)
    writer = _writer(target)
    tell = progress or (lambda done, total, what: None)
    study = Study(entries(frames), command_event)
    tell(0, 1, "summarising")
    made = document(
        study,
        title=title,
        baseline=baseline,
        command=command,
        objectives=objectives,
        tcp_counterparts=tcp_counterparts,
    )
    total = 2 + sum(len(section.pictures) for section in made.sections)
    done = iter(range(1, total))
    text = writer(made, target, lambda what: tell(next(done), total, what))
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    tell(total, total, "written")
    return target


def _writer(target: Path) -> Callable[[Document, Path, Step], str]:
    suffix = target.suffix.lower()
    if suffix not in WRITERS:
        hint = nearest(suffix, WRITERS) or ";"
        raise FormatError(
            f"cannot write a report as '{target.name}'{hint} suffixes: {', '.join(WRITERS)}"
        )
    return WRITERS[suffix]


def _html(made: Document, target: Path, step: Step) -> str:
    return as_html(made, step)


def _markdown(made: Document, target: Path, step: Step) -> str:
    folder = target.with_name(f"{target.stem}_files")

    def place(name: str, picture: bytes) -> str:
        with replacing(folder / name) as temporary:
            temporary.write_bytes(picture)
        return quote(f"{folder.name}/{name}")

    return as_markdown(made, place, step)


def _notebook(made: Document, target: Path, step: Step) -> str:
    return as_notebook(made, step)


WRITERS = {".html": _html, ".htm": _html, ".md": _markdown, ".ipynb": _notebook}


__all__ = ["report"]
