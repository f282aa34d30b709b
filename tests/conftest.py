"""What every test shares: hypothesis profiles, and the switch that makes a skip an error.

HYPOTHESIS_PROFILE picks ``default`` (100 examples), ``ci`` (the same examples in every run) or ``deep`` (100,000).
With SMTPGUARD_REQUIRE_SERVERS=1 a test marked ``real`` or ``corpora`` must run: its skip is a failure, and so is the
skip of a whole test file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "deep", max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

SERVERS_REQUIRED = os.environ.get("SMTPGUARD_REQUIRE_SERVERS", "") not in ("", "0")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The words of a skip."""
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Turn the skip of a test that must run here into a failure."""
    report = yield
    must_run = any(item.iter_markers("real")) or any(item.iter_markers("corpora"))
    if SERVERS_REQUIRED and must_run and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"SMTPGUARD_REQUIRE_SERVERS is set, so this may not be skipped: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """The same for a file that skips itself as a whole."""
    report = yield
    if SERVERS_REQUIRED and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"SMTPGUARD_REQUIRE_SERVERS is set, so this may not be skipped: {_reason(report)}"
    return report


def _ignored() -> list[bool]:
    return [signal.getsignal(number) is signal.SIG_IGN for number in _ENDS]


@pytest.fixture(autouse=True)
def _ends_when_told() -> Generator[None]:
    """No test leaves this process deaf to a signal: every process that a later one starts would be, too."""
    before = _ignored()
    yield
    assert _ignored() == before
