"""``wsim profiles``: every profile listed, one shown with its source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wsim.cli import main
from wsim.conditions import SPEC_FIELDS
from wsim.impairments import kinds
from wsim.profiles import PROFILES, profile


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


def test_latency_from_quantiles_is_the_median(capsys: pytest.CaptureFixture[str]) -> None:
    main(["profiles"])
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("wifi_cafe "))
    assert line.split()[1:3] == ["20", "ms"]


def test_delays_are_those_of_a_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    """A serial radio has no latency of its own: its delay is all rate and slots."""
    main(["profiles", "show", "rover_900_serial"])
    printed = capsys.readouterr().out
    pattern = r"120-byte commands at 50 Hz.*\n  delay of what arrived: p50 ([\d.]+) s"
    median = re.search(pattern, printed)
    assert median is not None
    assert float(median[1]) > 10
    assert "That is more than the 0.024 Mbit/s of the link" in printed
    main(["profiles", "show", "rover_900_serial"])
    assert capsys.readouterr().out == printed


def test_help_shows_a_file_that_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["profiles", "--help"])
    printed = capsys.readouterr().out
    example = [line[2:] for line in printed.split("site.yaml")[1].splitlines()[2:] if line]
    file = tmp_path / "site.yaml"
    file.write_text("\n".join(example))
    made = profile(file).conditions
    assert (made.latency_ms, made.packet_loss_rate) == (60.0, 0.02)


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
