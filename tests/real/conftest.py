"""A real Postfix for the whole run, and the ways to it: straight, and through ``smtpguard serve``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest

from tests.real import exim_instance, opensmtpd_instance
from tests.real.exim_instance import PrivateExim
from tests.real.exim_receiver import PrivateEximReceiver
from tests.real.guard_process import GuardProcess, Line, select
from tests.real.lab_process import LabProcess
from tests.real.opensmtpd_instance import PrivateOpenSMTPD
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.private_server import DOMAIN

POLICIES = ("pass", "strip-xexch50")


@dataclass
class Route:
    """A way to Postfix. ``guard`` is None on the straight one, which shows what is Postfix's doing and not ours."""

    address: tuple[str, int]
    guard: GuardProcess | None

    def account(self, sessions: int, messages: int) -> list[Line]:
        """Stop the guard and hold its journal against what the test did; its accepted messages, none when straight."""
        if self.guard is None:
            return []
        self.guard.sessions(sessions)
        journal = self.guard.stop()
        assert len(select(journal, "session")) == sessions
        accepted = [line for line in select(journal, "message") if line["accepted"]]
        assert len(accepted) == messages
        assert select(journal, "rule-crashed") == []
        assert select(journal, "violation") == []
        assert [line for line in journal if "rule" in line] == []
        return accepted


@pytest.fixture(scope="session")
def postfix() -> Iterator[PrivatePostfix]:
    """The instance that all tests of the run deliver to."""
    if reason := missing():
        pytest.skip(reason)
    with PrivatePostfix() as instance:
        yield instance


@pytest.fixture
def own_postfix() -> Iterator[PrivatePostfix]:
    """One for a test that breaks it."""
    if reason := missing():
        pytest.skip(reason)
    with PrivatePostfix() as instance:
        yield instance


@pytest.fixture(scope="session")
def opensmtpd() -> Iterator[PrivateOpenSMTPD]:
    """The OpenSMTPD that all tests of the run deliver to."""
    if reason := opensmtpd_instance.missing():
        pytest.skip(reason)
    with PrivateOpenSMTPD() as instance:
        yield instance


@pytest.fixture(scope="session")
def exim() -> Iterator[PrivateEximReceiver]:
    """The Exim that all tests of the run deliver to."""
    if reason := exim_instance.missing():
        pytest.skip(reason)
    with PrivateEximReceiver() as instance:
        yield instance


@pytest.fixture(params=("straight", *POLICIES))
def route(request: pytest.FixtureRequest, postfix: PrivatePostfix) -> Iterator[Route]:
    """The ways to Postfix, one after the other."""
    if request.param == "straight":
        yield Route(postfix.address, None)
        return
    guard = GuardProcess(postfix.address, request.param)
    try:
        yield Route(guard.address, guard)
    finally:
        guard.close()


@pytest.fixture
def mailbox() -> str:
    """A recipient that no other test writes to."""
    return f"{uuid4().hex}@{DOMAIN}"


@pytest.fixture
def start_lab() -> Iterator[Callable[..., LabProcess]]:
    """Starts ``smtpguard lab up`` with the arguments given; whatever the test left running is ended."""
    with ExitStack() as stack:

        def start(*arguments: str) -> LabProcess:
            lab = LabProcess(*arguments)
            stack.callback(lab.close)
            return lab

        yield start


@pytest.fixture
def start_exim() -> Iterator[Callable[[int], PrivateExim]]:
    """Gives an Exim that sends everything to the port given."""
    if reason := exim_instance.missing():
        pytest.skip(reason)
    with ExitStack() as stack:

        def start(port: int) -> PrivateExim:
            exim = PrivateExim(port)
            stack.callback(exim.remove)
            return exim

        yield start
