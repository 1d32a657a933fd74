"""The report as Markdown and as a notebook says what the page says."""

import base64
import json
import re

import numpy as np
import pytest
from frames import periodic

from wsim.analysis.report import report
from wsim.analysis.report.markdown import escaped

NAME = "a|b <script> $x$ *c*"


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    near = periodic(20, 10, 50.0)
    far = periodic(20, 10, rng.normal(300, 20, 200), lost=rng.random(200) < 0.1)
    return {"near": near, NAME: far}


@pytest.fixture(scope="module")
def folder(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    report(frames, folder / "my report.md", title="Two", command="wsim compare")
    report(frames, folder / "two.ipynb", title="Two", command="wsim compare")
    return folder


def test_markdown_has_the_verdicts_tables_and_pictures(folder):
    text = (folder / "my report.md").read_text(encoding="utf-8")
    assert text.startswith("# Two\n")
    assert "**near** (direct)" in text
    assert r"| near | 200 | 0 \[0, 1.88\] % |" in text
    links = re.findall(r"\]\((my%20report_files/[^)]+)\)", text)
    assert len(links) >= 10
    for link in links:
        picture = folder / link.replace("%20", " ")
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert "- command: `wsim compare`" in text


def test_markdown_tables_keep_their_columns(folder):
    text = (folder / "my report.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}
        assert len(counts) == 1


def test_markup_in_names_stays_text(folder):
    text = (folder / "my report.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert r"a\|b &lt;script&gt; \$x\$ \*c\*" in text
    assert escaped("a\nb") == "a b"


def test_the_notebook_is_valid_and_holds_its_pictures(folder):
    nbformat = pytest.importorskip("nbformat")
    path = folder / "two.ipynb"
    nbformat.validate(nbformat.read(path, as_version=4))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert "".join(cells[0]["source"]).startswith("# Two")
    for cell in cells:
        wanted = re.findall(r"\(attachment:([^)]+)\)", "".join(cell["source"]))
        assert sorted(wanted) == sorted(cell.get("attachments", {}))
        for data in cell.get("attachments", {}).values():
            assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert cells[-1]["cell_type"] == "code"
    assert not cells[-1]["outputs"]


def test_all_formats_say_the_same(folder, frames):
    markdown = (folder / "my report.md").read_text(encoding="utf-8")
    cells = json.loads((folder / "two.ipynb").read_text(encoding="utf-8"))["cells"]
    for head in re.findall(r"^## .*$", markdown, flags=re.MULTILINE):
        assert any(head in "".join(cell["source"]) for cell in cells)
