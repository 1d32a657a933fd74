"""A report as a Jupyter notebook: a cell a chapter, pictures attached to their cells."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from wsim.analysis.report.document import Document
from wsim.analysis.report.markdown import blocks


def as_notebook(document: Document, step: Callable[[str], None]) -> str:
    """Return the report as the text of a notebook (nbformat 4.5).

    Every chapter is a Markdown cell that holds its own pictures, so that the file needs
    nothing beside it; the last cell is an empty one to go on from.
    """
    attached: dict[str, bytes] = {}

    def place(name: str, picture: bytes) -> str:
        attached[name] = picture
        return f"attachment:{name}"

    texts = blocks(document, place, step)
    cells = [_cell(text, number, attached) for number, text in enumerate(texts)]
    more = (
        "import wsim\n\n# wsim.load reads exported histories; wsim.plot_* and wsim.compare go on."
    )
    cells.append(
        {"cell_type": "code", "id": "go-on", "metadata": {}, "source": more.splitlines(True),
         "outputs": [], "execution_count": None}
    )  # fmt: skip
    language = {"name": "python", "pygments_lexer": "ipython3"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": language},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _cell(text: str, number: int, attached: dict[str, bytes]) -> dict[str, Any]:
    own = {name: data for name, data in attached.items() if f"(attachment:{name})" in text}
    cell: dict[str, Any] = {
        "cell_type": "markdown",
        "id": f"chapter-{number}",
        "metadata": {},
        "source": text.splitlines(True),
    }
    if own:
        cell["attachments"] = {
            name: {"image/png": base64.b64encode(data).decode("ascii")}
            for name, data in own.items()
        }
    return cell
