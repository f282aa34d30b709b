"""Why a run ended as it did, in a word."""

from __future__ import annotations

from typing import Any

import pytest

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.matrix.cause import cause
from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.file import load_scenario

KB818222 = load_scenario("kb818222")
GONE = Zones(
    mx={"example.net": (Exchanger(preference=1, host="gone.example.net"),)}, a={"gone.example.net": ("127.0.0.1",)}
)


def word(firewall: str, *, sender: dict[str, Any] | None = None, receiver: dict[str, Any] | None = None) -> str:
    scenario = KB818222.model_copy(
        update={
            "sender": KB818222.sender.model_copy(update=sender or {}),
            "receiver": KB818222.receiver.model_copy(update=receiver or {}),
        }
    )
    return cause(run_scenario(scenario, firewall, sample()))


@pytest.mark.parametrize(
    ("firewall", "expected"),
    [("none", ""), ("strip-xexch50", "stripped"), ("close-on-xexch50", "closed"), ("line-oriented", "misread")],
)
def test_what_the_firewall_did(firewall: str, expected: str) -> None:
    assert word(firewall) == expected


def test_what_the_sender_saw_of_a_delivery() -> None:
    assert word("none", receiver={"strangers_may_xexch50": False}) == "504"
    assert word("none", sender={"starttls": "offered"}) == "clear"


def test_why_the_sender_gave_up() -> None:
    assert word("none", sender={"starttls": "required"}) == "unencrypted"
    assert word("none", receiver={"domains": ("elsewhere.example",)}) == "refused"
    for dns, expected in ((Zones(), "unresolved"), (GONE, "unreachable")):
        scenario = KB818222.model_copy(update={"dns": dns})
        assert cause(run_scenario(scenario, "none", sample())) == expected
