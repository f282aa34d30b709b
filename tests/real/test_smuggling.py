"""The smuggling matrix before real Postfix, Exim and OpenSMTPD, held to docs/smuggling.md."""

from __future__ import annotations

import pytest

from tests.protection.smuggling import POLICIES, read_page
from tests.real.exim_receiver import PrivateEximReceiver
from tests.real.opensmtpd_instance import PrivateOpenSMTPD
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import PrivateServer
from tests.real.smuggled import attack, version


def hold(server: PrivateServer, kind: str, policy: str) -> None:
    """What the server takes is what the page says of this version, and under harden never two."""
    seen = attack(server, kind, policy)
    if policy != "pass":
        assert {messages for messages, _ in seen.values()} == ({0} if policy == "harden:refuse" else {1})
        assert {code for _, code in seen.values()} == ({550} if policy == "harden:refuse" else {250})
    told = {
        form: cell for (held, form, column), cell in read_page().items() if (held, column) == (policy, version(kind))
    }
    if told:
        assert {form: str(messages) for form, (messages, _) in seen.items()} == told


@pytest.mark.parametrize("policy", POLICIES)
def test_postfix(postfix: PrivatePostfix, policy: str) -> None:
    hold(postfix, "Postfix", policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_exim(exim: PrivateEximReceiver, policy: str) -> None:
    hold(exim, "Exim", policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_opensmtpd(opensmtpd: PrivateOpenSMTPD, policy: str) -> None:
    hold(opensmtpd, "OpenSMTPD", policy)
