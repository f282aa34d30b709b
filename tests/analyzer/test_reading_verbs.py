"""Verbs: unknown ones, those of extensions, plain ones, lengths, and a guard's own words."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.probe_bdat import CHUNK
from smtpguard.analyzer.probe_extensions import EXTENSION_VERBS
from smtpguard.analyzer.probe_lengths import LENGTHS
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.probe_xexch50 import BLOB
from smtpguard.analyzer.reading_verbs import (
    read_absent,
    read_extensions,
    read_guard,
    read_lengths,
    read_plain_steps,
    read_typing,
    read_unknown_verbs,
)
from smtpguard.analyzer.steps import Step
from tests.analyzer.steps_of import BANNER, step, view

OWN = "500 5.3.3 Unrecognized command"


def tries(*answers: Step | str) -> list[Step]:
    return [
        one if isinstance(one, Step) else step(f"unknown verb {number}", one) for number, one in enumerate(answers, 1)
    ]


def kinds(traces: object) -> list[tuple[str, str]]:
    return [(trace.kind, trace.of) for trace in traces]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], []),
        (tries(*[OWN] * 6), [("unknown-verb", "500")]),
        (tries(*["250 2.0.0 OK"] * 6), [("unknown-verb", "250"), ("unknown-verb-accepted", "")]),
        (tries(*["502 5.5.2 Njet"] * 6), [("unknown-verb", "502"), ("unknown-verb-rewritten", "")]),
        (tries(step("unknown verb 1", failure="closed")), [("unknown-verb-closed", "")]),
        (tries(step("unknown verb 1", failure="silent")), [("unknown-verb-silent", "")]),
        (tries(OWN, OWN, "421 enough"), [("unknown-verb", "500"), ("bad-command-limit", "3")]),
        (
            tries(OWN, OWN, step("unknown verb 3", failure="closed")),
            [("unknown-verb", "500"), ("bad-command-limit", "3")],
        ),
    ],
)
def test_unknown_verbs(steps: list[Step], expected: list[tuple[str, str]]) -> None:
    assert kinds(read_unknown_verbs(view({UNKNOWN_VERBS: steps}))) == expected


def test_the_words_of_a_server_that_is_not_known_are_not_judged() -> None:
    plain = step("EHLO", "250-mx\r\n250 SIZE")
    seen = view({UNKNOWN_VERBS: tries("502 5.5.2 Njet")}, banner="220 mx.example.net ESMTP Haraka", hello=plain)
    assert ("unknown-verb-rewritten", "") not in kinds(read_unknown_verbs(seen))


@pytest.mark.parametrize(
    ("title", "one", "expected"),
    [
        (BLOB, step("XEXCH50", "354 go"), ("verb-answer", "XEXCH50")),
        (BLOB, step("XEXCH50", "504 Need to authenticate first"), ("verb-answer", "XEXCH50")),
        (BLOB, step("XEXCH50", "500 5.5.1 Refused"), ("verb-refused", "XEXCH50")),
        (BLOB, step("XEXCH50", failure="closed"), ("verb-closed", "XEXCH50")),
        (BLOB, step("XEXCH50", failure="silent"), ("verb-silent", "XEXCH50")),
        (CHUNK, step("chunk", "502 no"), ("verb-refused", "BDAT")),
        (STARTTLS, step("STARTTLS", "454 later"), ("verb-answer", "STARTTLS")),
        (EXTENSION_VERBS, step("VRFY", "501 5.5.4 Invalid arguments"), ("keyword-hidden", "VRFY")),
    ],
)
def test_what_became_of_a_verb(title: str, one: Step, expected: tuple[str, str]) -> None:
    found = kinds(read_extensions(view({title: [one], UNKNOWN_VERBS: tries(OWN)})))
    assert found[-1] == expected


def test_a_chunk_that_is_lost_is_for_another_reader_where_chunking_is_listed() -> None:
    assert list(read_extensions(view({CHUNK: [step("chunk", failure="silent")]}))) == []
    bare = step("EHLO", "250-mx\r\n250 SIZE")
    assert kinds(read_extensions(view({CHUNK: [step("chunk", failure="silent")]}, hello=bare))) == [
        ("verb-silent", "BDAT")
    ]


def test_a_verb_that_works_and_is_not_listed_is_hidden_and_certain() -> None:
    bare = step("EHLO", "250-mx\r\n250-TURN\r\n250 OK")
    sessions = {
        BLOB: [step("XEXCH50", "354 go")],
        CHUNK: [step("chunk", "250 ok")],
        STARTTLS: [step("STARTTLS", "220 go")],
        UNKNOWN_VERBS: tries(OWN),
    }
    seen = view(sessions, hello=bare)
    hidden = {trace.of: trace.confidence for trace in read_extensions(seen) if trace.kind == "keyword-hidden"}
    assert hidden == {"CHUNKING": "certain", "XEXCH50": "certain", "STARTTLS": "certain"}
    absent = {trace.of for trace in read_absent(seen)}
    assert "XEXCH50" not in absent
    assert {"X-LINK2STATE", "PIPELINING"} <= absent


def test_a_server_that_accepts_whatever_it_is_told_hides_nothing() -> None:
    sessions = {CHUNK: [step("chunk", "250 OK")], UNKNOWN_VERBS: tries("250 OK")}
    found = kinds(read_extensions(view(sessions, hello=step("EHLO", "250-mx\r\n250 SIZE"))))
    assert ("keyword-hidden", "CHUNKING") not in found


def test_plain_steps_that_end_the_session_or_are_not_answered() -> None:
    sessions = {
        "probe: a": [step("RCPT", "421 4.7.0 enough"), step("QUIT", failure="closed")],
        "probe: b": [step("RCPT", failure="closed"), step("MAIL", failure="silent")],
    }
    assert kinds(read_plain_steps(view(sessions))) == [("early-close", "RCPT"), ("reply-lost", "MAIL")]


def test_typed_and_whole() -> None:
    whole = {UNKNOWN_VERBS: [step("HELO again", "250 mx"), step("NOOP", "250 OK")]}
    assert kinds(read_typing(view({**whole, TYPED: [step("typed HELO", OWN)]}))) == [("segment-matching", "")]
    assert kinds(read_typing(view({**whole, TYPED: [step("typed HELO", "250 mx")]}))) == []
    second = {UNKNOWN_VERBS: [step("HELO again", "503 already"), step("NOOP", "250 OK")]}
    typed = {TYPED: [step("typed HELO", "250 mx"), step("typed NOOP", OWN)]}
    assert kinds(read_typing(view({**second, **typed}))) == [("segment-matching", "")]


def test_only_the_end_of_a_session_is_a_limit() -> None:
    assert kinds(read_lengths(view({LENGTHS: [step("NOOP of 16 octets", "501 no argument")]}))) == []
    closed = {LENGTHS: [step("NOOP of 16 octets", "250 ok"), step("line of 520 octets", "421 5.5.2 too long")]}
    assert kinds(read_lengths(view(closed))) == [("length-limit", "line of 520 octets")]


@pytest.mark.parametrize(("banner", "confidence"), [(BANNER, "likely"), ("220 mx.example.net ESMTP", "possible")])
def test_only_of_a_known_system_is_known_what_it_lists(banner: str, confidence: str) -> None:
    answered = {EXTENSION_VERBS: [step("VRFY", "252 Administrative prohibition")]}
    bare = step("EHLO", "250-mx.example.net\r\n250 SIZE")
    (hidden,) = [
        trace for trace in read_extensions(view(answered, banner=banner, hello=bare)) if trace.kind == "keyword-hidden"
    ]
    assert hidden.confidence == confidence


SILENT_MAIL = step("MAIL of 266 octets and more", failure="silent")
TOO_MANY = "421 4.7.0 too many commands"


@pytest.mark.parametrize(
    ("long", "elsewhere"),
    [
        ([SILENT_MAIL], [step("EHLO", "250 ok"), step("MAIL", failure="silent")]),
        ([step("NOOP of 16 octets", failure="closed")], [step("EHLO", "250 ok"), step("NOOP", failure="closed")]),
        ([step("RSET behind the long MAIL", failure="silent")], []),
        (
            [step("EHLO", "250 ok"), step("NOOP of 16 octets", "250 ok"), step(SILENT_MAIL.name, TOO_MANY)],
            [step("EHLO", "250 ok"), step("MAIL", "250 ok"), step("RCPT", TOO_MANY)],
        ),
    ],
)
def test_what_ends_a_session_anyway_is_no_limit_of_length(long: list[Step], elsewhere: list[Step]) -> None:
    assert kinds(read_lengths(view({LENGTHS: long, BLOB: elsewhere}))) == []


def test_a_limit_of_length_comes_before_the_one_of_commands() -> None:
    elsewhere = [step("EHLO", "250 ok"), step("MAIL", "250 ok"), step("RCPT", TOO_MANY)]
    seen = read_lengths(view({LENGTHS: [step("EHLO", "250 ok"), SILENT_MAIL], BLOB: elsewhere}))
    assert kinds(seen) == [("length-limit", SILENT_MAIL.name)]


def test_a_guard_says_which_rule_it_was() -> None:
    told = [step("XEXCH50", "500 5.5.1 Refused [refuse-xexch50]"), step("RCPT", "451 later [192.0.2.1]")]
    assert kinds(read_guard(view({BLOB: told, CHUNK: told}))) == [("guard-answer", "refuse-xexch50")]
