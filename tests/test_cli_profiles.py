"""``wsim profiles``: every profile listed, one shown with its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsim.cli import main
from wsim.conditions import SPEC_FIELDS
from wsim.impairments import kinds
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
    assert ("live use runs 300 times as fast" in printed) == (name == "mars")


def test_what_is_worth_knowing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    main(["profiles", "show", "mars"])
    assert "one-way 750 s exceeds the heartbeat timeout" in capsys.readouterr().out
    main(["profiles", "show", "perfect"])
    assert "Worth knowing" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["lte_driving", "perfect", "rover_24_nlos"])
def test_one_is_drawn(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "show", name, "--out", str(tmp_path / "new")]) == 0
    picture = tmp_path / "new" / f"{name}.png"
    assert f"Wrote {picture}" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_models_are_listed_with_their_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "models"]) == 0
    printed = capsys.readouterr().out
    for field, family in SPEC_FIELDS.items():
        assert f"{field}:" in printed
        for kind, spec in kinds(family).items():
            assert f"  {kind} " in printed
            assert all(f"{each} (" in printed for each, unit in spec.units.items() if unit)
