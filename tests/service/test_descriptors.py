"""As many sessions as descriptors: a client too many hears 421, and none is closed without a word."""

from __future__ import annotations

import re
import resource
from contextlib import ExitStack
from pathlib import Path

from smtpguard.service.descriptors import A_SESSION, BESIDES
from tests.real.guard_process import select
from tests.real.raw_client import RawClient
from tests.service.conftest import Start

FIT = 20
TOO_MANY = 12  # each has the guard's 421, and a while to read it, on a descriptor that no session has
NARROW = ("prlimit", f"--nofile={BESIDES + A_SESSION * FIT}:{BESIDES + A_SESSION * FIT}")


def test_no_more_sessions_than_fit(start: Start) -> None:
    guard = start(before=NARROW)
    [warning] = guard.wait_for(lambda lines: select(lines, "few-descriptors"), 20, "the warning")
    assert (warning["max_sessions"], warning["wanted"], warning["level"]) == (FIT, 1000, "warning")
    with ExitStack() as stack:
        codes = [stack.enter_context(RawClient(guard.address)).code() for _ in range(FIT + TOO_MANY)]
    assert codes == [220] * FIT + [421] * TOO_MANY
    guard.wait_for(lambda lines: len(select(lines, "session")) == FIT + TOO_MANY, 20, "the end of all")
    assert {line["limit"] for line in select(guard.journal, "session-refused")} == {"max_sessions"}
    with RawClient(guard.address) as client:
        assert client.code() == 220
    guard.stop()


def test_workers_say_it_once(start: Start) -> None:
    guard = start("--workers", "2", before=NARROW)
    [warning] = guard.wait_for(lambda lines: select(lines, "few-descriptors"), 20, "the warning")
    assert warning["max_sessions"] == FIT
    guard.stop()
    assert len(select(guard.journal, "few-descriptors")) == 1


def test_a_low_limit_of_our_own_is_raised(start: Start) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    guard = start(before=("prlimit", f"--nofile=100:{hard}"))
    limits = Path(f"/proc/{guard.process}/limits").read_text()
    found = re.search(r"Max open files\s+(\d+)", limits)
    assert found is not None
    assert int(found[1]) == BESIDES + A_SESSION * 1000
    guard.stop()
    assert select(guard.journal, "few-descriptors") == []


def test_a_reload_asks_for_more_than_fit(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "guard.yaml"
    config.write_text(f"max_sessions: {FIT}\n")
    guard = start("--config", str(config), before=NARROW)
    config.write_text(f"max_sessions: {FIT + 1}\n")
    guard.reload()
    [warning] = guard.wait_for(lambda lines: select(lines, "few-descriptors"), 20, "the warning")
    assert (warning["max_sessions"], warning["wanted"]) == (FIT, FIT + 1)
    guard.stop()
