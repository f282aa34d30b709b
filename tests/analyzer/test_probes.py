"""The probes: what each says on the wire, to a real receiver, and what none of them ever does."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.probe_bdat import CHUNK, OUT_OF_TURN
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probe_extensions import EXTENSION_VERBS
from smtpguard.analyzer.probe_lengths import CAPPED, LENGTHS, LONG_SENDER
from smtpguard.analyzer.probe_security import STRANGER
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.probe_xexch50 import BLOB, BLOB_OF_LINES
from smtpguard.analyzer.probes import PROBES
from smtpguard.analyzer.steps import Step
from tests.analyzer.analyzing import Heard, of_profile

SHIPPED = ("exchange-2000", "exchange-2003", "exchange-2010", "exchange-55", "iis", "sbs-2003")


def said(heard: Heard, title: str) -> list[tuple[str, bytes]]:
    return [(step.name, step.sent) for step in heard.analysis.sessions[title] if step.sent]


def step_of(heard: Heard, title: str, name: str) -> Step:
    return next(step for step in heard.analysis.sessions[title] if step.name == name)


def test_each_has_a_name_and_a_progress_line_of_its_own() -> None:
    assert len({probe.id for probe in PROBES}) == len({probe.says for probe in PROBES}) == len(PROBES) == 10
    assert [probe.id for probe in PROBES if probe.message] == ["ending"]
    assert [probe.id for probe in PROBES if probe.security] == ["ms03-046"]


def test_unknown_verbs() -> None:
    names = [name for name, _ in said(of_profile("exchange-2003"), UNKNOWN_VERBS)]
    assert names == ["EHLO", "NOOP", "HELO again", *(f"unknown verb {number}" for number in range(1, 7)), "QUIT"]


def test_verbs_of_extensions_have_no_argument_and_only_those_that_may_be_there() -> None:
    sent = [octets for _, octets in said(of_profile("exchange-2003"), EXTENSION_VERBS)][1:-1]
    assert sent == [b"VRFY\r\n", b"ETRN\r\n", b"AUTH\r\n", b"X-EXPS\r\n", b"X-LINK2STATE\r\n"]
    assert b"TURN\r\n" not in sent
    of_55 = [name for name, _ in said(of_profile("exchange-55"), EXTENSION_VERBS)]
    assert of_55 == ["EHLO", "ETRN", "HELP", "AUTH", "X-EXPS", "QUIT"]


def test_a_typed_command_takes_its_time() -> None:
    heard = of_profile("exchange-2003")
    step = step_of(heard, TYPED, "typed HELO")
    assert step.accepted
    assert step.seconds == pytest.approx(0.02 * (len(step.sent) - 1))


def test_lines_are_over_the_caps_of_boxes_and_within_those_of_smtp() -> None:
    sent = dict(said(of_profile("exchange-2003"), LENGTHS))
    assert len(LONG_SENDER) == 254  # RFC 5321 4.5.3.1.3
    assert len(sent["NOOP of 16 octets"]) == 16  # over ISA 2000's 6
    assert len(sent["MAIL of 266 octets and more"]) == 268  # over ISA 2000's 266
    assert len(sent["line of 520 octets"]) == 520  # over Cisco ASA's 512
    assert [name for name in sent if name != "EHLO" and name != "QUIT"] == [name for name, _ in CAPPED]


def test_a_chunk_is_taken_back() -> None:
    heard = of_profile("exchange-2003", message=False)
    assert [name for name, _ in said(heard, CHUNK)] == ["EHLO", "MAIL", "RCPT", "chunk", "RSET", "QUIT"]
    assert dict(said(heard, CHUNK))["chunk"] == b"BDAT 30\r\n" + b"NOOP\r\n" * 5
    assert dict(said(heard, OUT_OF_TURN))["chunk without MAIL"].startswith(b"BDAT 30 LAST\r\n")
    assert heard.verbs == []


def test_where_chunking_is_not_listed_the_chunk_is_empty_and_none_comes_out_of_turn() -> None:
    heard = of_profile("exchange-55")
    assert dict(said(heard, CHUNK))["chunk"] == b"BDAT 0\r\n"
    assert OUT_OF_TURN not in heard.analysis.sessions


def test_the_blob_follows_a_354_and_is_as_long_as_announced() -> None:
    heard = of_profile("exchange-2003")
    sent = dict(said(heard, BLOB))
    assert sent["XEXCH50"] == b"XEXCH50 1020 2\r\n"
    assert len(sent["blob"]) == 1020
    assert b"\n" not in sent["blob"]
    assert BLOB_OF_LINES not in heard.analysis.sessions
    refused = of_profile("exchange-2003", strangers_may_xexch50=False)
    assert step_of(refused, BLOB, "XEXCH50").last_line == "504 Need to authenticate first"
    assert "blob" not in dict(said(refused, BLOB))
    assert refused.symptoms == set()


def test_a_blob_that_is_lost_is_followed_by_one_of_lines() -> None:
    blob = dict(said(of_profile("exchange-2003", "eat-blob"), BLOB_OF_LINES))["blob"]
    assert (len(blob), blob.count(b"\r\n"), blob[-2:]) == (1020, 51, b"\r\n")


def test_starttls_goes_through_the_handshake() -> None:
    heard = of_profile("sbs-2003")
    names = [step.name for step in heard.analysis.sessions[STARTTLS]]
    assert names == ["connect", "banner", "EHLO", "STARTTLS", "TLS handshake", "EHLO under TLS", "QUIT"]
    assert "STARTTLS" not in step_of(heard, STARTTLS, "EHLO under TLS").received.decode()


def test_the_end_of_the_message_comes_in_two_segments_and_only_with_messages() -> None:
    heard = of_profile("exchange-2003")
    assert step_of(heard, ENDING, "message in two segments").seconds == pytest.approx(0.2)
    assert step_of(heard, ENDING, "message in two segments").accepted
    assert ENDING not in of_profile("exchange-2003", message=False).analysis.sessions


@pytest.mark.parametrize("profile", SHIPPED)
def test_ms03_046_is_asked_for(profile: str) -> None:
    assert STRANGER not in of_profile(profile).analysis.sessions
    asked = of_profile(profile, security=True)
    assert dict(said(asked, STRANGER))["XEXCH50 2 2"] == b"XEXCH50 2 2\r\n"
    assert ("stranger-may-xexch50" in asked.symptoms) is (profile != "iis")


def test_a_server_that_wants_authentication_is_safe_from_strangers() -> None:
    asked = of_profile("exchange-2003", security=True, strangers_may_xexch50=False)
    assert asked.symptoms == set()


@pytest.mark.parametrize("profile", SHIPPED)
def test_nothing_is_an_overflow(profile: str) -> None:
    heard = of_profile(profile, security=True)
    for title, steps in heard.analysis.sessions.items():
        for step in steps:
            assert max(map(len, step.sent.split(b"\r\n"))) <= 1020, (title, step.name)
            if step.name not in ("blob", "message", "BDAT", "message in two segments"):
                assert max(map(len, step.sent.split(b"\r\n"))) <= 518, (title, step.name)
    sent = b"".join(step.sent for steps in heard.analysis.sessions.values() for step in steps)
    assert b"XEXCH50 -" not in sent
    assert b"CHUNK=" not in sent
