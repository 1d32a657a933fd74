"""The shift function."""

import frames
import numpy as np
import pytest

import wsim
from wsim.analysis.shift import PROBABILITIES, shift_function


def runs(seeds, scale=1.0):
    made = []
    for seed in seeds:
        frame = frames.periodic(20, 60, scale * frames.ar1(1200, seed, rho=0.5), run=f"r{seed}")
        frame.attrs["wsim"] = {f"r{seed}": {"seed": seed}}
        made.append(frame)
    return made


def test_a_stretch_moves_high_quantiles_more():
    table = shift_function(runs(range(6)), runs(range(6), 1.5))
    assert table["quantile"].tolist() == list(PROBABILITIES)
    assert np.all(np.diff(table["difference"]) > 0)
    assert np.all(table["low"].dropna() > 0)
    assert table.iloc[-1]["why_not"].startswith("p99.9 needs 2,000 messages")
    assert np.isnan(table.iloc[-1]["low"])


def test_single_recordings_take_blocks():
    table = shift_function(runs([1])[0], runs([2])[0], probabilities=[0.5])
    assert table["method"].iloc[0].startswith("block bootstrap")
    assert table["low"].iloc[0] < 0 < table["high"].iloc[0]


def test_probabilities_are_checked():
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        shift_function(runs([1]), runs([2]), probabilities=[95])


def test_the_public_name():
    assert wsim.shift_function is shift_function
