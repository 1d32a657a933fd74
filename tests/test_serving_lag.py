"""The lag meter warns when the loop is later than the jitter that was asked for."""

from __future__ import annotations

import logging
import sys

import pytest
from serving_harness import conditions

from wsim.serving.lag import LagMeter


def test_it_warns_once_in_a_while(caplog):
    meter = LagMeter(lambda: conditions(0, jitter_ms=40))
    with caplog.at_level(logging.WARNING, "wsim"):
        for number, lag_ms in enumerate([1, 39, 41, 90, 200]):
            meter.add(lag_ms, now_s=100 + number)
        meter.add(50, now_s=120)
    assert [round(record.args[0]) for record in caplog.records] == [41, 50]
    assert meter.worst_ms == 200
    assert meter.warnings == 2


def test_percentiles():
    meter = LagMeter(lambda: conditions(0))
    assert meter.p99_ms == 0
    for number in range(100):
        meter.add(number / 10, now_s=0)
    assert meter.p99_ms == pytest.approx(9.9)


@pytest.mark.parametrize(
    ("jitter_ms", "words"),
    [(10, "more than 25 ms:"), (40, "more than the 40 ms of jitter in force:")],
)
def test_it_names_the_bound_and_advises_notebooks_only(jitter_ms, words, caplog, monkeypatch):
    meter = LagMeter(lambda: conditions(0, jitter_ms=jitter_ms))
    with caplog.at_level(logging.WARNING, "wsim"):
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
        meter.add(50, now_s=0)
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
        meter.add(50, now_s=20)
    terminal, notebook = (record.getMessage() for record in caplog.records)
    assert words in terminal
    assert "wsim serve" not in terminal
    assert "run `wsim serve` in a terminal" in notebook
