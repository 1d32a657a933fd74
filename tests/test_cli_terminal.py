"""What commands print: aligned, in units that fit, never controlling the terminal."""

from __future__ import annotations

import io

from wsim.cli.terminal import Progress, clean, share_text, table, time_text


def test_a_table_aligns_its_columns() -> None:
    text = table(["network", "p50"], [["default", "50 ms"], ["mars", "750.0 s"]])
    assert text.splitlines() == [
        "network      p50",
        "-------  -------",
        "default    50 ms",
        "mars     750.0 s",
    ]


def test_units_fit_the_number() -> None:
    assert [time_text(ms) for ms in (0.0, 0.5, 99.96, 1500.0, 10_000.0)] == [
        "0 ms", "0.5 ms", "100 ms", "1500 ms", "10.0 s",
    ]  # fmt: skip
    assert time_text(float("nan")) == "-"
    assert time_text(2.84e-14) == "0 ms"  # rounding of a sum, far below a nanosecond
    assert time_text(1e-6) != "0 ms"
    assert share_text(0.5) == "50.00 %"
    assert share_text(float("nan")) == "-"


def test_names_cannot_control_the_terminal() -> None:
    assert clean("a\x1b[2Jb\n\x07") == "a?[2Jb??"


def test_progress_is_drawn_only_for_a_person() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    watched, piped = Terminal(), io.StringIO()
    for stream in (watched, piped):
        progress = Progress(stream)
        progress(1, 4, "mars")
        progress(0, 0)
        progress.close()
    assert " 25% mars" in watched.getvalue()
    assert "100%" in watched.getvalue()
    assert piped.getvalue() == ""
