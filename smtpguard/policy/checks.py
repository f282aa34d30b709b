"""What must make sense together in one rule: the action at its place, the conditions at theirs, and law 4.

Law 4 is "no invented success": a policy that answers for a server that said nothing, or says 2xx where the server said
no, must own up to it with ``lies: true``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from smtpguard.policy.actions import (
    ACTIONS,
    Advertise,
    Close,
    Drop,
    Mask,
    Misread,
    Normalise,
    Reject,
    Reset,
    Rewrite,
    Where,
    lets_pass,
)
from smtpguard.policy.errors import suggestion
from smtpguard.policy.matchers import read_network
from smtpguard.policy.model import RuleModel
from smtpguard.policy.networks import PREDEFINED, looks_like_network
from smtpguard.policy.positions import Path
from smtpguard.smtp.verbs import VERBS

_ENVELOPE = frozenset(("sender", "recipient"))
_ALWAYS = frozenset(("client", "server", "tls", "nth", "first", "scope", "probability"))

CONDITIONS: dict[Where, frozenset[str]] = {
    "connect": _ALWAYS - {"tls"},
    "greeting": _ALWAYS | {"code"},
    "keyword": _ALWAYS | {"keyword"},
    "command": _ALWAYS | _ENVELOPE | {"verb", "argument", "size", "length", "recipients", "split_verb", "state"},
    "reply": _ALWAYS | _ENVELOPE | {"verb", "argument", "size", "code", "state"},
    "payload": _ALWAYS | _ENVELOPE | {"verb", "argument", "size"},
    "line": _ALWAYS | _ENVELOPE | {"verb", "length", "section", "content"},
    "message": _ALWAYS | _ENVELOPE | {"verb", "size", "code", "split_end"},
    "violation": _ALWAYS | _ENVELOPE | {"violation", "verb", "argument", "state"},
}
"""Which conditions can be judged at which place; the names are those of ``RuleModel``."""

PAYLOAD_VERBS = tuple(name for name, verb in VERBS.items() if verb.payload not in ("", "tls"))
TEXT_VERBS = tuple(name for name, verb in VERBS.items() if verb.payload == "text")
MESSAGE_VERBS = tuple(name for name, verb in VERBS.items() if verb.payload in ("text", "chunk"))
SASL_VERBS = tuple(name for name, verb in VERBS.items() if verb.payload == "sasl")
ANNOUNCING = tuple(name for name, verb in VERBS.items() if verb.payload in ("chunk", "blob"))
SIZED: dict[Where, tuple[str, ...]] = {
    "command": (*(name for name, verb in VERBS.items() if verb.change == "mail"), *ANNOUNCING),
    "payload": (*ANNOUNCING, *SASL_VERBS),  # a line of AUTH has a length; text after DATA is counted by `message`
}
SIZED["reply"] = SIZED["command"]
_RECIPIENT_VERBS = frozenset(name for name, verb in VERBS.items() if verb.change == "rcpt")
_MASKS = {"greeting": ("banner",), "keyword": ("letters", "star")}
PLACEHOLDERS = ("verb", "argument", "line", "x", "xverb", "xline")
_HELLO = frozenset(name for name, verb in VERBS.items() if verb.change == "hello" and name != "HELO")


_LIST_CODE = frozenset((250,))


class Finding(NamedTuple):
    """One thing wrong with a rule, at a ``path`` inside it; ``key`` points at the field's name."""

    path: Path
    message: str
    hint: str = ""
    key: bool = False


def findings(rule: RuleModel, *, lies: bool, networks: Collection[str]) -> Iterator[Finding]:
    """Everything that makes no sense in ``rule``, in a policy with these settings."""
    yield from _conditions(rule)
    yield from _verbs(rule)
    yield from _networks(rule, networks)
    yield from _action(rule)
    if not lies:
        yield from _lies(rule)


def _conditions(rule: RuleModel) -> Iterator[Finding]:
    possible = CONDITIONS[rule.where]
    every = frozenset().union(*CONDITIONS.values())
    for name in RuleModel.model_fields:
        if name in every and name in rule.model_fields_set and name not in possible:
            places = ", ".join(where for where, names in CONDITIONS.items() if name in names)
            yield Finding((name,), f"nothing to judge at `on: {rule.where}`", f"possible at: {places}", key=True)
    if "scope" in rule.model_fields_set and not rule.nth and rule.first is None:
        yield Finding(
            ("scope",), "says over what `nth` or `first` count, but there is neither", "add `first: 1`", key=True
        )
    elif rule.scope in _ENVELOPE and rule.scope not in possible:
        places = ", ".join(where for where, names in CONDITIONS.items() if rule.scope in names)
        yield Finding(("scope",), f"no {rule.scope} is known at `on: {rule.where}`", f"possible at: {places}")


def _verbs(rule: RuleModel) -> Iterator[Finding]:
    if not rule.verb or "verb" not in CONDITIONS[rule.where]:
        return
    kind = {"payload": PAYLOAD_VERBS, "line": MESSAGE_VERBS, "message": MESSAGE_VERBS}.get(rule.where)
    if kind is not None:
        for index, verb in enumerate(rule.verb):
            if verb not in kind:
                hint = "one of: " + ", ".join(kind)
                what = "line of a message" if rule.where == "line" else rule.where
                yield Finding(_element(rule, "verb", index), f"{verb} has no {what}", hint)
    if rule.recipients is not None and set(rule.verb) - _RECIPIENT_VERBS:
        yield Finding(("recipients",), "counts the RCPT commands of a transaction", "say `verb: RCPT`", key=True)
    sized = SIZED.get(rule.where)
    if rule.size is not None and sized is not None and not set(rule.verb) & {*sized}:
        problem = f"no size is known when {' or '.join(rule.verb)} is judged at `on: {rule.where}`"
        yield Finding(("size",), problem, "it is for: " + ", ".join(sized), key=True)


def _element(rule: RuleModel, name: str, index: int) -> Path:
    return (name, index) if len(getattr(rule, name)) > 1 else (name,)


def _networks(rule: RuleModel, networks: Collection[str]) -> Iterator[Finding]:
    known = [*PREDEFINED, *(name for name in networks if name not in PREDEFINED)]
    for field in ("client", "server"):
        words: tuple[str, ...] = getattr(rule, field)
        for index, word in enumerate(words):
            if word in known:
                continue
            place = _element(rule, field, index)
            if looks_like_network(word):
                yield from _cidr(word, place)
            else:
                yield Finding(place, f"unknown network '{word}'", suggestion(word, known))


def _cidr(word: str, place: Path) -> Iterator[Finding]:
    try:
        read_network(word)
    except PydanticCustomError as error:
        context = error.context or {}
        yield Finding(place, context["message"], context["hint"])


def _action(rule: RuleModel) -> Iterator[Finding]:
    action = rule.then
    if rule.where not in action.wheres:
        possible = [name for name, cls in ACTIONS.items() if rule.where in cls.wheres]
        yield Finding(
            ("then",),
            f"'{action.name}' does nothing at `on: {rule.where}`",
            f"'{action.name}' works at: {', '.join(action.wheres)}; here: {', '.join(possible)}",
        )
    elif isinstance(action, Mask) and action.style not in _MASKS[rule.where]:
        styles = " or ".join(f"`mask: {style}`" for style in _MASKS[rule.where])
        yield Finding(("then",), f"the mask '{action.style}' is not for a {rule.where}", f"write {styles}")
    elif isinstance(action, Advertise) and (not rule.verb or set(rule.verb) - _HELLO or rule.code != (_LIST_CODE,)):
        yield Finding(("then",), "'advertise' is for a list of keywords", "say `verb: EHLO` and `code: 250`")
    elif isinstance(action, Rewrite):
        yield from _rewrite(rule, action)
    elif isinstance(action, Misread) and (not rule.verb or set(rule.verb) - {*ANNOUNCING}):
        hint = f"add `verb:` with one of: {', '.join(ANNOUNCING)}"
        yield Finding(("then",), "'misread' is for payloads whose octets are counted", hint)
    elif isinstance(action, Normalise) and set(rule.verb) != {*TEXT_VERBS}:
        yield Finding(("then",), "'normalise' is for text, not for octets that are counted", "add `verb: DATA`")
    elif isinstance(action, Misread):
        yield from _misread(action)
    elif isinstance(action, Close | Reset | Drop) and action.after is not None and rule.where != "payload":
        problem = f"there are no octets to count at `on: {rule.where}`"
        yield Finding(("then", action.name, "after"), problem, "`after` is for: payload")
    elif lets_pass(action) is not None and set(rule.verb) & {*SASL_VERBS}:
        yield Finding(
            ("then",),
            f"'{action.name}' counts the octets of a message or a blob, AUTH sends lines",
            "take AUTH and X-EXPS out of `verb`",
        )


def _rewrite(rule: RuleModel, action: Rewrite) -> Iterator[Finding]:
    for word in re.findall(r"\{([A-Za-z_]*)\}", action.to):
        if word not in PLACEHOLDERS:
            yield Finding(("then", "rewrite", "to"), f"unknown word '{{{word}}}'", suggestion(word, PLACEHOLDERS))
    first = action.to.split(maxsplit=1)[0].upper() if action.to.strip() else ""
    if rule.where == "command" and first in VERBS and VERBS[first].payload and (first,) != rule.verb:
        problem = f"{first} begins a payload that the client does not send: guard and server would disagree"
        yield Finding(("then", "rewrite", "to"), problem, "such as 'NOOP' or '{xverb} {argument}'")
    if rule.where in ("greeting", "reply") and not re.match(r"[2-5][0-9][0-9](?: |$)|\{line\}", action.to):
        hint = "such as '550 No' or '{line}'"
        yield Finding(("then", "rewrite", "to"), "a reply begins with a code and a blank", hint)


def _misread(action: Misread) -> Iterator[Finding]:
    for field, reply in (("reply", action.reply), ("last", action.last)):
        if not re.match(r"[45][0-9][0-9] ", reply):
            yield Finding(("then", "misread", field), f"'{reply[:20]}' is no refusal", "such as '500 Unknown command'")


def _lies(rule: RuleModel) -> Iterator[Finding]:
    action = rule.then
    if isinstance(action, Reject) and action.code < 300:
        hint = "a code from 400 to 599, or say `lies: true` at the top"
        yield Finding(("then", "reject", "code"), f"{action.code} is a success that no server gave", hint)
    if isinstance(action, Rewrite) and rule.where in ("greeting", "reply") and action.to[:1] in ("2", "3"):
        first = int(action.to[0])
        codes = frozenset().union(*rule.code)
        if not codes or any(code // 100 != first for code in codes):
            hint = f"add `code: {first}xx` to the conditions, or say `lies: true` at the top"
            yield Finding(("then", "rewrite", "to"), f"'{action.to[:3]}' may replace a refusal", hint)
