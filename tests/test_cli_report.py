"""``wsim report``: recorded files in any format become one page."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import rich_frame

from wsim.cli import main
from wsim.formats import save


@pytest.mark.parametrize("target", ["", "mine.html"])
def test_files_become_one_page(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save(rich_frame(40), tmp_path / f"<b>{n}{s}")) for n, s in
             enumerate((".json", ".csv"))]  # fmt: skip
    out = tmp_path / "out" / target
    assert main(["report", *paths, "--out", str(out), "--title", "<i>Two</i>"]) == 0
    written = out if target else out / "report.html"
    assert capsys.readouterr().out == f"Wrote {written}\n"
    page = written.read_text()
    assert "&lt;i&gt;Two&lt;/i&gt;" in page
    assert "<i>Two" not in page
    assert "<b>0" not in page


def test_a_page_needs_its_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(rich_frame(5), tmp_path / "a.json")
    assert main(["report", str(path), "--out", str(tmp_path / "a.pdf")]) == 2
    assert ".html" in capsys.readouterr().err


def test_promises_are_checked_on_every_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save(rich_frame(40), tmp_path / name)) for name in ("a.json", "b.json")]
    promises = tmp_path / "promises.yaml"
    promises.write_text("objectives:\n  - {kind: drop_rate, limit: 0.5, name: Half arrive}\n")
    out = tmp_path / "out.html"
    assert main(["report", *paths, "--out", str(out), "--objectives", str(promises)]) == 0
    page = out.read_text()
    assert "Half arrive" in page
    assert f"--objectives {promises}" in page
    promises.write_text("objectives: [{kind: drop}]")
    assert main(["report", *paths, "--out", str(out), "--objectives", str(promises)]) == 2
    assert "no kind of objective 'drop'" in capsys.readouterr().err


def test_a_file_without_messages_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(rich_frame(0), tmp_path / "empty.json")
    assert main(["report", str(path), "--out", str(tmp_path / "out.html")]) == 2
    assert f"{path}: no messages to report on" in capsys.readouterr().err
