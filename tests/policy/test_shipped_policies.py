"""Each policy that ships says what it does, and does that at the place that its name tells."""

from __future__ import annotations

import pytest

from smtpguard.policy import library
from smtpguard.policy.actions import Close, Eat, Reject, Strip
from smtpguard.policy.loader import load_policy, read_policy
from smtpguard.policy.rulebook import Facts

NAMES = list(library.shipped())


def test_the_seven() -> None:
    assert {
        "pass", "strip-xexch50", "strip-exchange", "refuse-xexch50", "eat-blob", "eat-ack", "close-on-xexch50"
    } <= {*NAMES}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_is_whole_and_says_what_it_is(name: str) -> None:
    policy, problems = read_policy(name)
    assert problems == []
    assert policy is not None
    assert policy.model.summary
    assert policy.model.source
    assert policy.document.text.startswith("# "), "notes on what is known stand at the head"


def test_pass_is_transparent_and_nothing_else_is() -> None:
    assert [name for name in NAMES if load_policy(name).transparent] == ["pass"]


def stripped(name: str, keyword: str) -> bool:
    (rule,) = load_policy(name).keyword
    assert rule.action == Strip()
    return all(condition(Facts(keyword=keyword)) for condition in rule.conditions)


EXCHANGE = ("X-EXPS", "X-EXPS=LOGIN", "X-LINK2STATE", "XEXCH50", "X-ANONYMOUSTLS", "XRDST", "XSHADOW")
OTHERS = ("TURN", "ATRN", "SIZE", "ETRN", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME",
          "CHUNKING", "VRFY", "TLS", "STARTTLS", "AUTH", "AUTH=LOGIN", "OK", "HELP")  # fmt: skip


def test_strip_exchange_takes_every_x_keyword_only() -> None:
    assert [word for word in (*EXCHANGE, *OTHERS) if stripped("strip-exchange", word)] == [*EXCHANGE]


def test_strip_xexch50_takes_that_one() -> None:
    assert [word for word in (*EXCHANGE, *OTHERS) if stripped("strip-xexch50", word)] == ["XEXCH50"]


def test_refuse_answers_500_in_the_40_octets_of_kb812455() -> None:
    rulebook = load_policy("refuse-xexch50")
    (rule,) = rulebook.command.named["XEXCH50"]
    assert isinstance(rule.action, Reject)
    assert (rule.action.code, rule.action.enhanced) == (500, "5.5.1")
    assert len(f"500 5.5.1 {rule.action.text} [{rule.id}]\r\n") <= 40
    assert rulebook.keyword == ()


def test_eat_blob() -> None:
    (rule,) = load_policy("eat-blob").payload.named["XEXCH50"]
    assert (rule.action, rule.conditions, rule.event) == (Eat(), (), 20031)


def test_eat_ack_leaves_the_354() -> None:
    (rule,) = load_policy("eat-ack").reply.named["XEXCH50"]
    assert rule.action == Eat()
    taken = [code for code in (250, 354, 421, 504) if all(condition(Facts(code=code)) for condition in rule.conditions)]
    assert taken == [250]


def test_close_logs_the_event_of_the_box() -> None:
    (rule,) = load_policy("close-on-xexch50").command.named["XEXCH50"]
    assert (rule.action, rule.event) == (Close(), 20031)
