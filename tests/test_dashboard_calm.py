"""While a panel is open threads switch sooner and old objects are spared; after it, as before."""

from __future__ import annotations

import gc
import sys

import pytest

from wsim.dashboard import calm


@pytest.fixture(autouse=True)
def _as_before():
    gc.unfreeze()
    before = sys.getswitchinterval()
    yield
    assert sys.getswitchinterval() == before
    assert gc.get_freeze_count() == 0


def test_the_last_panel_puts_everything_back():
    calm.enter()
    calm.enter()
    assert sys.getswitchinterval() == pytest.approx(calm.SWITCH_S)
    assert gc.get_freeze_count() > 1000
    calm.leave()
    assert gc.get_freeze_count() > 1000
    calm.leave()


def test_what_was_loaded_since_is_spared_too_but_only_while_a_panel_is_open():
    calm.settle()
    assert gc.get_freeze_count() == 0
    calm.enter()
    before = gc.get_freeze_count()
    loaded = [[number] for number in range(1000)]
    calm.settle()
    assert gc.get_freeze_count() >= before + len(loaded)
    calm.leave()


def test_a_program_that_froze_objects_itself_keeps_them_frozen():
    gc.freeze()
    frozen = gc.get_freeze_count()
    calm.enter()
    calm.leave()
    assert gc.get_freeze_count() == frozen
    gc.unfreeze()
