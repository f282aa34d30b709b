"""Rulebooks for the laws: the transparent one, one that only looks, and others at random."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from smtpguard.policy.actions import (
    Action,
    Advertise,
    Cap,
    Close,
    Delay,
    Drop,
    Eat,
    Mask,
    Normalise,
    Pass,
    Record,
    Reject,
    Reset,
    Rewrite,
    Slice,
    Strip,
    Truncate,
    Where,
)
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import ByVerb, Condition, Rulebook, Rules
from tests.playbook import UNKNOWN, rule, rulebook
from tests.playbook.rulebooks import Draft

PASS = rulebook(name="pass", on_uncertain="tunnel", on_crash="pass", turn="tunnel", transparent=True)

# Alters something, so that nothing uncertain may pass, and says of every command that it saw it.
WATCH = rulebook(rule("see", "command", Record()), rule("hide", "keyword", Strip(), keyword="NO-SUCH-KEYWORD"))


def observing(book: Rulebook) -> Rulebook:
    """``book`` as ``compile_policy`` makes it in observe mode."""

    def watched(rules: Rules) -> Rules:
        return tuple(replace(one, observe=True) for one in rules)

    def by_verb(rules: ByVerb) -> ByVerb:
        named = {verb: watched(of_verb) for verb, of_verb in rules.named.items()}
        return ByVerb(named, watched(rules.known), watched(rules.unknown))

    return replace(
        book,
        on_uncertain="tunnel",
        on_crash="pass",
        turn="tunnel",
        transparent=True,
        meant={"on_uncertain": book.on_uncertain, "on_crash": book.on_crash, "turn": book.turn},
        connect=watched(book.connect),
        greeting=watched(book.greeting),
        keyword=watched(book.keyword),
        command=by_verb(book.command),
        reply=by_verb(book.reply),
        payload=by_verb(book.payload),
        line=watched(book.line),
        message=watched(book.message),
        violation={name: watched(rules) for name, rules in book.violation.items()},
    )


HARDEN = tuple(load_policy(name) for name in ("harden:refuse", "harden:normalise", "harden-strict"))

VERBS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "XEXCH50", "AUTH", "X-EXPS", "RSET", "NOOP", "QUIT", UNKNOWN)
PAYLOAD_VERBS = ("DATA", "BDAT", "XEXCH50", "AUTH", "X-EXPS")

_reject = st.builds(Reject, code=st.sampled_from([450, 502, 550, 554]), exact=st.just(False))
_patient = st.builds(Delay, seconds=st.sampled_from([0.5, 2.0]))
_slice = st.builds(Slice, octets=st.integers(1, 9))
_small = st.integers(0, 40)
_ends: st.SearchStrategy[Action] = st.sampled_from([Close(), Close(code=421, text="Go away"), Reset(), Drop()])
_mild: st.SearchStrategy[Action] = st.sampled_from([Pass(), Record()])

_ACTIONS: dict[Where, st.SearchStrategy[Action]] = {
    "connect": _mild | _reject | _ends,
    "greeting": _mild | _patient | _slice | st.just(Eat()),
    "keyword": st.sampled_from([Strip(), Mask("letters"), Mask("star"), Rewrite("XYZZY"), Pass(), Record()]),
    "command": _mild
    | _reject
    | _patient
    | _slice
    | _ends
    | st.sampled_from([Rewrite("NOOP"), Rewrite("{xverb}"), Rewrite("NOOP {argument}"), Rewrite("{xline}"), Eat()]),
    "line": _mild | _ends,
    "reply": _mild | _patient | _slice | st.sampled_from([Rewrite("550 5.0.0 changed"), Eat(), Close()]),
    "payload": _mild | _reject | _patient | _slice | _ends | st.sampled_from([Eat(), Normalise()])
    | st.builds(Cap, _small) | st.builds(Truncate, _small) | st.builds(Close, after=_small)
    | st.builds(Reset, _small) | st.builds(Drop, _small),
    "message": _mild | _reject | _patient | st.just(Eat()),
    "violation": _mild | _reject | _ends,
}  # fmt: skip


_advertise = st.builds(
    Advertise, st.sampled_from([("CHUNKING",), ("SIZE 5", "X-OURS"), ("8BITMIME",)]), instead=st.booleans()
)
# What a rule looks for in a line of a message; all of it depends on nothing but the octets of the message.
_LINES: tuple[Condition | None, ...] = (
    None,
    lambda facts: facts.length > 12,
    lambda facts: facts.section == "header",
    lambda facts: facts.section == "body" and b"PAYLOAD" in facts.line,
)


@st.composite
def _drafts(draw: st.DrawFn, number: int, wheres: tuple[Where, ...]) -> Draft:
    where = draw(st.sampled_from(wheres))
    counted = draw(
        st.sampled_from([{}, {}, {}, {"nth": frozenset({2})}, {"first": 1}, {"probability": 0.5}, {"observe": True}])
    )
    conditions: dict[str, object] = {}
    if where in ("command", "reply", "payload"):
        verbs = PAYLOAD_VERBS if where == "payload" else VERBS
        conditions["verb"] = draw(st.sampled_from([(), *((verb,) for verb in verbs)]))
    if where == "line":
        conditions["when"] = draw(st.sampled_from(_LINES))
    if where == "keyword":
        conditions["keyword"] = draw(st.sampled_from(["XEXCH50", "CHUNKING", "OK", "SIZE", "MX.EXAMPLE"]))
    action = draw(_ACTIONS[where])
    if where == "reply" and draw(st.booleans()) and not draw(st.integers(0, 3)):
        action = draw(_advertise)
        conditions |= {"verb": ("EHLO",), "code": 250}
    if where == "reply" and isinstance(action, Rewrite):
        # A go-ahead turned into a refusal sets server and client at odds by itself: a case of its own.
        conditions["when"] = lambda facts: facts.code is not None and facts.code // 100 != 3
    return rule(f"r{number}", where, action, **conditions, **counted)  # type: ignore[arg-type]


@st.composite
def rulebooks(draw: st.DrawFn, wheres: tuple[Where, ...] = tuple(_ACTIONS), **settings: object) -> Rulebook:
    """One to four rules at random places, or one of the policies that protect; never a lie, so law 4 holds for all."""
    if wheres == tuple(_ACTIONS) and not settings and not draw(st.integers(0, 9)):
        return draw(st.sampled_from(HARDEN))
    count = draw(st.integers(1, 4))
    return rulebook(*(draw(_drafts(number, wheres)) for number in range(count)), **settings)
