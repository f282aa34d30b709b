"""The conditions of a rule as small functions of the facts, the cheap ones first.

A verb is no condition where rules are sorted by verb; ``nth``, ``first`` and ``probability`` are counted and drawn by
the rule itself, after these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate

from smtpguard.policy.matchers import ANY_UNKNOWN, SizeRange
from smtpguard.policy.model import RuleModel
from smtpguard.policy.networks import Membership, membership
from smtpguard.policy.rulebook import Condition, Facts
from smtpguard.smtp.verbs import VERBS

_WITH_ENVELOPE = frozenset(("mail", "rcpt", "payload"))
_OPENS_ENVELOPE = frozenset(name for name, verb in VERBS.items() if verb.change == "mail")


def conditions(rule: RuleModel, groups: Mapping[str, tuple[str, ...]], *, by_verb: bool) -> tuple[Condition, ...]:
    """The conditions of ``rule``; ``by_verb`` says that the verb has been judged already."""
    made: list[Condition] = []
    if rule.verb and not by_verb:
        made.append(_verb(rule.verb))
    if rule.tls is not None:
        made.append(_tls(rule.tls))
    if rule.split_end is not None:
        made.append(_split_end(rule.split_end))
    if rule.split_verb is not None:
        made.append(_split_verb(rule.split_verb))
    if rule.section is not None:
        made.append(_section(rule.section))
    if rule.state:
        made.append(_state(frozenset(rule.state)))
    if rule.code:
        made.append(_code(frozenset().union(*rule.code)))
    if rule.size is not None:
        made.append(_size(rule.size))
    if rule.length is not None:
        made.append(_length(rule.length))
    if rule.recipients is not None:
        made.append(_recipients(rule.recipients))
    if rule.keyword:
        made.append(_keyword(rule.keyword))
    if rule.client:
        made.append(_client(membership(rule.client, groups)))
    if rule.server:
        made.append(_server(membership(rule.server, groups)))
    if rule.sender:
        made.append(_sender(_addresses(rule.sender)))
    if rule.recipient:
        made.append(_recipient(_addresses(rule.recipient)))
    if rule.argument is not None:
        made.append(_argument(re.compile(rule.argument.encode("latin-1"), re.IGNORECASE)))
    if rule.content is not None:
        made.append(_content(re.compile(rule.content.encode("latin-1"), re.IGNORECASE)))
    return tuple(made)


def _verb(verbs: tuple[str, ...]) -> Condition:
    named = frozenset(verbs)
    if ANY_UNKNOWN not in named:
        return lambda facts: facts.verb in named
    return lambda facts: facts.verb in named or (facts.verb != "" and facts.verb not in VERBS)


def _tls(wanted: bool) -> Condition:
    return lambda facts: facts.tls is wanted


def _split_end(wanted: bool) -> Condition:
    return lambda facts: facts.split_end is wanted


def _split_verb(wanted: bool) -> Condition:
    return lambda facts: facts.split_verb is wanted


def _section(section: str) -> Condition:
    return lambda facts: facts.section == section


def _state(states: frozenset[str]) -> Condition:
    return lambda facts: facts.state in states


def _code(codes: frozenset[int]) -> Condition:
    return lambda facts: facts.code in codes


def _size(size: SizeRange) -> Condition:
    low, high = size
    if high is None:
        return lambda facts: facts.size is not None and facts.size >= low
    return lambda facts: facts.size is not None and low <= facts.size <= high


def _length(length: SizeRange) -> Condition:
    low, high = length
    if high is None:
        return lambda facts: facts.length >= low
    return lambda facts: low <= facts.length <= high


def _recipients(count: SizeRange) -> Condition:
    low, high = count
    if high is None:
        return lambda facts: facts.recipients >= low
    return lambda facts: low <= facts.recipients <= high


def _keyword(globs: tuple[str, ...]) -> Condition:
    exact = frozenset(glob.upper() for glob in globs)
    if not any(set(glob) & set("*?[") for glob in globs):
        return lambda facts: facts.keyword in exact
    pattern = re.compile("|".join(translate(glob) for glob in globs), re.IGNORECASE)
    return lambda facts: pattern.match(facts.keyword) is not None


def _client(inside: Membership) -> Condition:
    return lambda facts: facts.client is not None and inside(facts.client)


def _server(inside: Membership) -> Condition:
    return lambda facts: facts.server is not None and inside(facts.server)


def _addresses(globs: tuple[str, ...]) -> re.Pattern[bytes]:
    # In UTF-8, as SMTPUTF8 sends them (RFC 6531 3.3); letters beyond ASCII are compared as they stand.
    return re.compile("|".join(translate(glob) for glob in globs).encode(), re.IGNORECASE)


def _sender(pattern: re.Pattern[bytes]) -> Condition:
    def judge(facts: Facts) -> bool:
        # Without an envelope the sender is empty too, but no null sender.
        known = facts.sender != b"" or facts.state in _WITH_ENVELOPE or facts.verb in _OPENS_ENVELOPE
        return known and pattern.match(facts.sender) is not None

    return judge


def _recipient(pattern: re.Pattern[bytes]) -> Condition:
    return lambda facts: facts.recipient != b"" and pattern.match(facts.recipient) is not None


def _argument(pattern: re.Pattern[bytes]) -> Condition:
    return lambda facts: pattern.search(facts.argument) is not None


def _content(pattern: re.Pattern[bytes]) -> Condition:
    return lambda facts: pattern.search(facts.line) is not None
