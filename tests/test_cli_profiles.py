"""``wsim profiles``: every profile listed, one shown with its source."""

from __future__ import annotations

import pytest

from wsim.cli import main
from wsim.profiles import PROFILES


def test_the_catalogue_lists_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles"]) == 0
    printed = capsys.readouterr().out
    for name in PROFILES:
        assert f"\n{name} " in printed
    line = next(line for line in printed.splitlines() if line.startswith("stressed "))
    assert line.split() == ["stressed", "200", "ms", "50", "ms", "10.00", "%", "10", "Mbit/s",
                            "datagram"]  # fmt: skip


@pytest.mark.parametrize("name", ["wifi_home", "mars"])
def test_one_is_shown_with_its_source(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "show", name]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(name)
    assert "Source: " in printed
    assert ("(assumed)" in printed) == bool(PROFILES[name].assumed)
    assert ("live clocks run 300 x faster" in printed) == (name == "mars")
