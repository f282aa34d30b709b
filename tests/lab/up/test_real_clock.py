"""The real clock: which loop runs, and that results and errors pass through."""

from __future__ import annotations

import asyncio
import sys

import pytest

from smtpguard.lab.up.real_clock import run_real


async def loop_of() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_uvloop_where_the_platform_has_it() -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = run_real(loop_of)
    assert isinstance(loop, uvloop.Loop)
    assert loop.is_closed()


def test_asyncios_own_loop_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert type(run_real(loop_of)).__module__.startswith("asyncio.")


def test_errors_pass_through() -> None:
    async def fail() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        run_real(fail)
