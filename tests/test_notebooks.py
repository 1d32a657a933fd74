"""The notebooks run from top to bottom, are small, and are kept without outputs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path, kind):
    content = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def test_there_are_six():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent)]))
    content = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        content, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()
    errors = [o for c in content.cells for o in c.get("outputs", []) if o["output_type"] == "error"]
    assert errors == []
    complaints = [
        output["text"]
        for cell in content.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stderr"
    ]
    assert [text for text in complaints if "Warning" in text] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_kept_without_outputs(path):
    code = cells(path, "code")
    assert len(code) + len(cells(path, "markdown")) <= 16
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert not any(re.search(r"^\s*(async )?def ", "".join(cell["source"]), re.M) for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_answers_and_shows_a_picture_that_is_there(path):
    text = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    assert re.search(r"\*\*[^*]+\?\*\*", text), "the question, in bold, under the title"
    pictures = re.findall(r"!\[(.+?)\]\((figures/.+?)\)", text)
    assert pictures
    for words, name in pictures:
        assert words
        assert (FOLDER / name).stat().st_size < 200_000
    for name in re.findall(r"\]\(([^)#]+\.(?:ipynb|md))\)", text):
        assert (FOLDER / name).exists()
