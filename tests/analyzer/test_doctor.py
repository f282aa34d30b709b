"""The rounds: every probe told of before it runs, within its own time and the run's, and none of them a hang."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.analyzer.analysis import analyze
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.target import Target
from smtpguard.lab.clock import run_virtual
from tests.analyzer.analyzing import DATE, PATIENCE, RCPT, guarded
from tests.lab.hosts import receiving, serving


def looked_at(
    limits: Limits, *, policy: str | None = None, message: bool = True, security: bool = False
) -> tuple[Analysis, list[tuple[int, int, str]], float]:
    """An analysis of an Exchange 2003, the progress that was told, and the seconds that it took."""
    told: list[tuple[int, int, str]] = []

    async def whole() -> tuple[Analysis, float]:
        async with receiving("exchange-2003") as host, guarded(host.port, policy) as port:
            began = asyncio.get_running_loop().time()
            analysis = await analyze(
                Target("127.0.0.1", port, recipient=RCPT, message=message),
                date=DATE,
                number="1",
                limits=limits,
                watch=lambda title, name, step: None,
                security=security,
                progress=lambda number, count, says: told.append((number, count, says)),
            )
            return analysis, asyncio.get_running_loop().time() - began

    analysis, seconds = run_virtual(whole, patience=PATIENCE)
    return analysis, told, seconds


@pytest.mark.parametrize(("message", "security", "count"), [(True, False, 9), (False, False, 8), (True, True, 10)])
def test_each_probe_is_told_of(message: bool, security: bool, count: int) -> None:
    _, told, _ = looked_at(Limits(), message=message, security=security)
    assert [(number, of) for number, of, _ in told] == [(number, count) for number in range(1, count + 1)]
    assert told[0][2] == "unknown verbs: who answers them, and how many"


def test_a_probe_that_takes_too_long_is_cut_and_the_next_one_runs() -> None:
    analysis, told, seconds = looked_at(Limits(step=30, probe=20), policy="bdat-eater")
    late = [step.name for steps in analysis.sessions.values() for step in steps if step.failure == "late"]
    assert late == ["chunk", "chunk without MAIL"]
    assert len(told) == 9
    assert seconds < 30 + 20 + 20 + 10


def test_the_run_has_a_deadline_and_keeps_what_it_saw() -> None:
    analysis, told, seconds = looked_at(Limits(step=30, run=10), policy="eat-blob")
    assert seconds <= 12
    assert "probe: unknown verbs" in analysis.sessions
    assert len(told) == 7
    checks = {check.rule.id: check.verdict for check in analysis.checks}
    assert checks["unknown-verb-closed"].outcome == "passed"
    assert checks["starttls-broken"].outcome == "not-tested"
    assert analysis.acceptance is not None
    assert analysis.acceptance.with_data is True


def test_a_server_that_hangs_up_on_every_further_session_is_no_box() -> None:
    seen = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            return
        writer.write(b"220 mx ESMTP Postfix\r\n")
        while line := await reader.readline():
            writer.write(b"250 ok\r\n" if not line.startswith(b"QUIT") else b"221 bye\r\n")

    async def whole() -> Analysis:
        async with serving(once) as port:
            return await analyze(
                Target("127.0.0.1", port, recipient=RCPT, message=False), date=DATE, number="1", limits=Limits(),
                watch=lambda title, name, step: None,
            )  # fmt: skip

    analysis = run_virtual(whole)
    assert analysis.suspects == ()
    assert [check.rule.id for check in analysis.findings if check.rule.trigger == "probe"] == []
