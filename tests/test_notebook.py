"""Nested loops, only where they are asked for."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wsim import notebook
from wsim.errors import UsageError


def in_a_process(code):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_synchronous_calls_inside_a_running_loop():
    said = in_a_process(
        """
        import asyncio
        from wsim import create_websocket_simulator
        from wsim.notebook import call, enable_nested

        async def cell():
            enable_nested()
            enable_nested()
            sim = create_websocket_simulator("perfect", seed=1, latency_ms=5)
            client = call(sim.connect())
            print(call(sim.receive("x", 1, client)), len(sim.history))

        asyncio.run(cell())
        """
    )
    assert said.split() == ["True", "1"]


def test_without_a_loop_a_call_is_a_run_and_nesting_is_refused():
    async def answer():
        return 42

    assert notebook.call(answer()) == 42
    with pytest.raises(UsageError, match=r"wsim\.run"):
        notebook.enable_nested()


def test_a_call_before_enabling_says_what_to_do():
    async def answer():
        return 42

    async def cell():
        notebook.call(answer())

    with pytest.raises(UsageError, match="enable_nested"):
        asyncio.run(cell())


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(notebook.importlib, "import_module", missing)

    async def cell():
        notebook.enable_nested()

    with pytest.raises(UsageError, match=r"wsim\[lab\]"):
        asyncio.run(cell())


def test_nothing_else_touches_nested_loops():
    root = Path(notebook.__file__).parent
    users = [
        path.name
        for path in root.rglob("*.py")
        if any(
            (isinstance(node, ast.Constant) and str(node.value).startswith("nest_asyncio"))
            or (isinstance(node, ast.Import) and "nest_asyncio" in ast.unparse(node))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]  # fmt: skip
    assert users == ["notebook.py"]
