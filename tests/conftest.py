"""Shared by all tests: the JavaScript client, and that in CI nothing may be skipped."""

from __future__ import annotations

import os

import pytest
import pytest_asyncio
from js_harness import JsClient

_missing: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _missing.append(f"{report.nodeid}: {report.longrepr[2]}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _missing and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missing and os.environ.get("CI"):
        terminalreporter.section("skipped, though CI must install all that tests need")
        for line in _missing:
            terminalreporter.line(line)


@pytest_asyncio.fixture
async def js():
    """Give a real JavaScript client that does what it is told."""
    client = await JsClient.start()
    yield client
    await client.stop()
