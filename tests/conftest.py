"""Shared by all tests: in CI nothing may be skipped for want of a tool."""

from __future__ import annotations

import os

import pytest

_missing: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2])
        if "needs" in reason:
            _missing.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _missing and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _missing and os.environ.get("CI"):
        terminalreporter.section("skipped for want of a tool, which CI must install")
        for line in _missing:
            terminalreporter.line(line)
