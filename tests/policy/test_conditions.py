"""Each condition, on the facts that fit it and on those that nearly do."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from smtpguard.policy.rulebook import ByVerb, Facts, Rule, Rulebook

from .writing import book


def only(rulebook: Rulebook, verb: str = "") -> Rule:
    """The one rule of a rulebook."""
    for rules in (
        rulebook.connect,
        rulebook.greeting,
        rulebook.keyword,
        rulebook.line,
        rulebook.message,
        *rulebook.violation.values(),
    ):
        if rules:
            return rules[0]
    by_verb: ByVerb = rulebook.command or rulebook.reply or rulebook.payload
    return (by_verb.known or next(iter(by_verb.named.values())))[0]


def judged(tmp_path: Path, fields: str, facts: Facts, head: str = "") -> bool:
    rule = only(book(tmp_path, f"{{id: a, {fields}, then: record}}", head=head))
    return all(condition(facts) for condition in rule.conditions)


COMMAND = "on: command"
IN_MAIL = {"state": "mail"}


@pytest.mark.parametrize(
    ("fields", "facts", "expected"),
    [
        ("on: keyword, keyword: xexch50", {"keyword": "XEXCH50"}, True),
        ("on: keyword, keyword: xexch50", {"keyword": "XEXCH500"}, False),
        ("on: keyword, keyword: X-*", {"keyword": "X-EXPS=LOGIN"}, True),
        ("on: keyword, keyword: X-*", {"keyword": "XEXCH50"}, False),
        ("on: keyword, keyword: [x*, TURN]", {"keyword": "XSHADOW"}, True),
        ("on: keyword, keyword: [x*, TURN]", {"keyword": "TURN"}, True),
        ("on: keyword, keyword: [x*, TURN]", {"keyword": "ATRN"}, False),
        (f"{COMMAND}, argument: '^\\s*-\\d'", {"argument": b" -1 2"}, True),
        (f"{COMMAND}, argument: '^\\s*-\\d'", {"argument": b"1 -2"}, False),
        (f"{COMMAND}, argument: 'last'", {"argument": b"5 LAST"}, True),
        (f"{COMMAND}, argument: '\\xff'", {"argument": b"a\xffb"}, True),
        (f"{COMMAND}, sender: '*@spam.example'", {"sender": b"A@Spam.Example"}, True),
        (f"{COMMAND}, sender: '*@spam.example'", {"sender": b"a@spam.example.org"}, False),
        (f"{COMMAND}, sender: 'ü@*'", {"sender": "ü@a.example".encode()}, True),
        (f"{COMMAND}, sender: <>", {"sender": b"", **IN_MAIL}, True),
        (f"{COMMAND}, sender: <>", {"sender": b"", "verb": "MAIL", "state": "helloed"}, True),
        (f"{COMMAND}, sender: <>", {"sender": b"", "verb": "NOOP", "state": "helloed"}, False),
        (f"{COMMAND}, sender: <>", {"sender": b"a@b", **IN_MAIL}, False),
        (f"{COMMAND}, sender: [<>, 'b@*']", {"sender": b"b@c"}, True),
        (f"{COMMAND}, recipient: 'abuse@*'", {"recipient": b"ABUSE@x"}, True),
        (f"{COMMAND}, recipient: '*'", {"recipient": b""}, False),
        (f"{COMMAND}, size: 5", {"size": 5}, True),
        (f"{COMMAND}, size: 5", {"size": 6}, False),
        (f"{COMMAND}, size: 5", {"size": None}, False),
        (f"{COMMAND}, size: '> 5'", {"size": 5}, False),
        (f"{COMMAND}, size: '> 5'", {"size": 6}, True),
        (f"{COMMAND}, size: '>=5'", {"size": 5}, True),
        (f"{COMMAND}, size: '< 5'", {"size": 4}, True),
        (f"{COMMAND}, size: '< 5'", {"size": 5}, False),
        (f"{COMMAND}, size: '<= 5'", {"size": 5}, True),
        (f"{COMMAND}, size: 5..7", {"size": 7}, True),
        (f"{COMMAND}, size: 5..7", {"size": 8}, False),
        (f"{COMMAND}, size: 5..7", {"size": 4}, False),
        (f"{COMMAND}, length: '> 512'", {"length": 512}, False),
        (f"{COMMAND}, length: '> 512'", {"length": 513}, True),
        (f"{COMMAND}, length: 6..7", {"length": 8}, False),
        (f"{COMMAND}, verb: RCPT, recipients: '> 100'", {"recipients": 100}, False),
        (f"{COMMAND}, verb: RCPT, recipients: '> 100'", {"recipients": 101}, True),
        (f"{COMMAND}, verb: RCPT, recipients: 1", {"recipients": 2}, False),
        (f"{COMMAND}, split-verb: true", {"split_verb": True}, True),
        (f"{COMMAND}, split-verb: true", {}, False),
        ("on: line, length: '> 998'", {"length": 999}, True),
        ("on: line, section: header", {"section": "header"}, True),
        ("on: line, section: header", {"section": "body"}, False),
        ("on: line, content: '^x-a:'", {"line": b"X-A: b"}, True),
        ("on: line, content: '^x-a:'", {"line": b"Re: X-A: b"}, False),
        ("on: reply, code: 550", {"code": 550}, True),
        ("on: reply, code: 550", {"code": 551}, False),
        ("on: reply, code: 55x", {"code": 559}, True),
        ("on: reply, code: 55x", {"code": 560}, False),
        ("on: reply, code: [2xx, 354]", {"code": 354}, True),
        ("on: reply, code: [2xx, 354]", {"code": 299}, True),
        ("on: reply, code: [2xx, 354]", {"code": 334}, False),
        (f"{COMMAND}, state: [mail, rcpt]", {"state": "rcpt"}, True),
        (f"{COMMAND}, state: [mail, rcpt]", {"state": "helloed"}, False),
        (f"{COMMAND}, tls: false", {"tls": False}, True),
        (f"{COMMAND}, tls: false", {"tls": True}, False),
        ("on: message, verb: DATA", {"verb": "DATA"}, True),
        ("on: message, verb: DATA", {"verb": "BDAT"}, False),
        ("on: violation, verb: unknown", {"verb": "XFOO"}, True),
        ("on: violation, verb: unknown", {"verb": "MAIL"}, False),
        ("on: violation, verb: unknown", {"verb": ""}, False),
        ("on: violation, verb: [unknown, MAIL]", {"verb": "MAIL"}, True),
    ],
)
def test_condition(tmp_path: Path, fields: str, facts: dict[str, object], expected: bool) -> None:
    assert judged(tmp_path, fields, Facts(**facts)) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "address", "expected"),
    [
        ("internal", "10.1.2.3", True),
        ("internal", "172.32.0.1", False),
        ("internal", "127.0.0.1", True),
        ("internal", "fd00::1", True),
        ("internal", "fe80::1%eth0", True),
        ("internal", "::ffff:192.168.0.1", True),
        ("internal", "2001:db8::1", False),
        ("external", "2001:db8::1", True),
        ("external", "::1", False),
        ("192.0.2.0/24", "192.0.2.77", True),
        ("192.0.2.7", "192.0.2.77", False),
        ("[lab, 192.0.2.7]", "198.51.100.9", True),
        ("[lab, external]", "10.0.0.1", False),
        ("[lab, external]", "203.0.113.5", True),
    ],
)
def test_network(tmp_path: Path, words: str, address: str, expected: bool) -> None:
    head = "networks: {lab: 198.51.100.0/24}"
    for side in ("client", "server"):
        facts = Facts(**{side: ip_address(address)})
        assert judged(tmp_path, f"on: connect, {side}: {words}", facts, head) is expected
        assert judged(tmp_path, f"on: connect, {side}: {words}", Facts(), head) is False, (
            "an unknown address is nowhere"
        )


def test_redefined_internal_redefines_external(tmp_path: Path) -> None:
    head = "networks: {internal: [192.0.2.0/24]}"
    assert judged(tmp_path, "on: connect, client: external", Facts(client=ip_address("10.0.0.1")), head)
    assert not judged(tmp_path, "on: connect, client: external", Facts(client=ip_address("192.0.2.1")), head)
    assert not judged(tmp_path, "on: connect, client: internal", Facts(client=ip_address("10.0.0.1")), head)
