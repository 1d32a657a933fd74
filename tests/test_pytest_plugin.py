"""The pytest plugin, alone and beside pytest-asyncio."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUITE = """
import asyncio, time
import pytest
from wsim import create_websocket_simulator

async def test_without_configuration():
    sim = create_websocket_simulator("perfect")
    received = []
    sim.on("testEvent", lambda data: received.append(data))
    client = await sim.connect()
    await sim.receive("testEvent", {"value": 42}, client)
    await asyncio.sleep(0.01)
    assert received[0]["value"] == 42

async def test_the_fixture_is_perfect_seeded_and_strict(websocket_sim):
    assert websocket_sim.seed == 0 and websocket_sim.settings.strict
    assert websocket_sim.network_conditions.latency_ms == 0
    websocket_sim.on("x", lambda data: 1 / 0)
    client = await websocket_sim.connect()
    with pytest.raises(ZeroDivisionError):
        await websocket_sim.receive("x", 1, client)

@pytest.mark.wsim("mars", seed=3, packet_loss_rate=0.5)
async def test_the_marker_sets_network_and_clock(websocket_sim):
    client = await websocket_sim.connect()
    await websocket_sim.emit("x", 1, client)
    assert websocket_sim.now_s == 1500 and websocket_sim.seed == 3
    assert websocket_sim.network_conditions.packet_loss_rate == 0.5

@pytest.mark.wsim
class TestInAClass:
    async def test_method(self, make_websocket_sim):
        one, two = make_websocket_sim(), make_websocket_sim("stressed", strict=False)
        assert not one.settings.strict is two.settings.strict
        await one.connect()
        assert not one.clock.live

@pytest.mark.wsim(clock="real")
async def test_real(websocket_sim):
    await websocket_sim.connect()
    assert websocket_sim.clock.live

@pytest.mark.wsim
@pytest.mark.parametrize("number", [1, 2])
async def test_parametrized(number, websocket_sim, tmp_path):
    assert number in (1, 2) and tmp_path.exists()

def test_plain(websocket_sim):
    assert len(websocket_sim.history) == 0

async def test_a_failure_nobody_awaits_fails_the_test(websocket_sim):
    websocket_sim.on("x", lambda data: 1 / 0)
    client = await websocket_sim.connect()
    websocket_sim.receive_nowait("x", 1, client)
"""
BESIDE = """
import asyncio
import pytest, pytest_asyncio

@pytest_asyncio.fixture
async def connected(websocket_sim):
    return websocket_sim, await websocket_sim.connect()

@pytest.mark.asyncio
async def test_of_pytest_asyncio(connected):
    sim, client = connected
    assert await sim.receive("x", 1, client)

@pytest.mark.asyncio
@pytest.mark.wsim
async def test_of_both_is_virtual(websocket_sim):
    await websocket_sim.connect()
    await asyncio.sleep(3600)
"""


UNSEEN = """
import asyncio
import pytest
from wsim.errors import UsageError

KEPT = []

async def failing(sim):
    sim.on("x", lambda data: 1 / 0)
    return await sim.connect()

async def test_bad_task(websocket_sim):
    client = await failing(websocket_sim)
    task = asyncio.create_task(websocket_sim.receive("x", 1, client))
    await asyncio.sleep(0.01)

async def test_bad_task_that_is_kept(websocket_sim):
    client = await failing(websocket_sim)
    KEPT.append(asyncio.create_task(websocket_sim.receive("x", 1, client)))
    await asyncio.sleep(0.01)

async def test_bad_task_of_the_tests_own(websocket_sim):
    client = await failing(websocket_sim)
    async def drive():
        await websocket_sim.receive("x", 1, client)
    task = asyncio.create_task(drive())
    await asyncio.sleep(0.01)

@pytest.mark.wsim("default", packet_loss_rate=0)
async def test_bad_gathered_values(websocket_sim):
    client = await failing(websocket_sim)
    sends = [websocket_sim.receive("x", n, client) for n in range(2)]
    await asyncio.gather(*sends, return_exceptions=True)

async def test_bad_second_handler(websocket_sim):
    client = await failing(websocket_sim)
    websocket_sim.on("x", lambda data: {}["y"])
    with pytest.raises(ZeroDivisionError):
        await websocket_sim.receive("x", 1, client)

async def test_good_awaited_task(websocket_sim):
    client = await failing(websocket_sim)
    task = asyncio.create_task(websocket_sim.receive("x", 1, client))
    with pytest.raises(ZeroDivisionError):
        await task

async def test_good_gathered_raise(websocket_sim):
    client = await failing(websocket_sim)
    with pytest.raises(ZeroDivisionError):
        await asyncio.gather(websocket_sim.receive("x", 1, client))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(websocket_sim.receive("x", 1, client), 5)

async def test_good_helper(websocket_sim):
    client = await failing(websocket_sim)
    async def expect():
        with pytest.raises(ZeroDivisionError):
            await websocket_sim.call("x", 1, client)
    await asyncio.gather(expect(), expect())

async def test_good_acknowledged(websocket_sim):
    client = await failing(websocket_sim)
    websocket_sim.receive_nowait("x", 1, client)
    with pytest.raises(UsageError, match="1 failures"):
        websocket_sim.raise_errors()

async def test_good_lenient(make_websocket_sim):
    sim = make_websocket_sim(strict=False)
    client = await failing(sim)
    assert await sim.receive("x", 1, client)
    assert len(sim.errors) == 1
"""


def suite(tmp_path, files, *options):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    return result.stdout


@pytest.mark.parametrize("mode", ["none", "strict", "auto"])
def test_suites_run_alone_and_beside_pytest_asyncio(tmp_path, mode):
    files = {"test_own.py": SUITE}
    if mode == "none":
        options = ["-p", "no:asyncio"]
    else:
        files["test_beside.py"] = BESIDE
        options = ["-o", f"asyncio_mode={mode}"]
        options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    said = suite(tmp_path, files, *options)
    passed = 9 if mode == "none" else 11
    assert f"{passed} passed, 1 error" in said, said
    assert "1 failures in handlers that nobody awaited" in said


@pytest.mark.parametrize("mode", ["none", "auto"])
def test_failures_that_the_test_did_not_see_fail_it(tmp_path, mode):
    options = ["-p", "no:asyncio"]
    if mode == "auto":
        options = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    said = suite(tmp_path, {"test_unseen.py": UNSEEN}, "-rE", *options)
    assert "10 passed, 5 errors" in said, said
    failed = {
        line.split("::")[1].split()[0]
        for line in said.splitlines()
        if line.startswith("ERROR test_unseen.py::")
    }
    assert failed == {
        "test_bad_task", "test_bad_task_that_is_kept", "test_bad_task_of_the_tests_own",
        "test_bad_gathered_values", "test_bad_second_handler",
    }  # fmt: skip
    assert "2 failures in handlers that nobody awaited" in said
    assert "1 failures in handlers whose task nobody awaited" in said


def test_the_marker_is_declared_and_checked(tmp_path):
    text = """
import pytest
@pytest.mark.wsim("perfect", "mars")
def test_two_profiles(websocket_sim):
    pass
@pytest.mark.wsim("mras")
def test_unknown_profile(websocket_sim):
    pass
"""
    said = suite(tmp_path, {"test_bad.py": text}, "--strict-markers", "-p", "no:asyncio")
    assert "takes one profile" in said
    assert "did you mean 'mars'" in said


def test_the_plugin_loads_nothing_heavy():
    code = (
        "import sys, wsim.pytest_plugin;"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'wsim.simulator'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
