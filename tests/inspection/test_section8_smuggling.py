"""SMTP smuggling and command injection: B1, C1, C2, C3. Facts, section 8."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Close, Mask, Normalise, Record, Reject, Strip, Tunnel
from smtpguard.smtp.line_ends import Normaliser
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import QUEUED, exchange, greeted, helloed, in_text
from tests.inspection.rulebooks import WATCH
from tests.playbook import (
    C,
    Playbook,
    S,
    closed,
    eof_client,
    eof_server,
    finished,
    inspector,
    like,
    no_record,
    own_reply,
    record,
    rule,
    rulebook,
    to_client,
    to_server,
    tunnelled,
)
from tests.smtp.false_ends import FALSE_ENDS

SECOND_MESSAGE = b"MAIL FROM:<admin@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"


@pytest.mark.parametrize("form", FALSE_ENDS)
@pytest.mark.parametrize("policy", ["pass", "watch"])
def test_b1_a_near_end_is_recorded_and_ends_nothing(form: str, policy: str) -> None:
    text = b"Subject: x\r\n\r\nbody" + FALSE_ENDS[form] + SECOND_MESSAGE + b"more\r\n.\r\n"
    assert (
        in_text(inspector(WATCH if policy == "watch" else policy))
        >> C(text)
        << to_server(text)
        << record("violation", violation="smuggling", blame="client", verb="DATA")
        << no_record("command-recorded")
        << no_record("uncertain")
        >> S(QUEUED)
        << to_client(QUEUED)
        << record("message", size=len(text) - 3, accepted=True, recipient_count=1)
    )


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_b1_a_rule_refuses_the_message_at_its_end(form: str) -> None:
    """Nothing from the dot on reaches the server: a server that takes the form for an end never sees one."""
    refuse = rule("no-smuggling", "violation", Reject(554, "5.7.0", "No"), violation="smuggling")
    before = FALSE_ENDS[form].partition(b".")[0]
    size = len(b"body" + SECOND_MESSAGE + b"more" + FALSE_ENDS[form] * 2) + 3
    assert (
        in_text(inspector(rulebook(refuse)))
        >> C(b"body" + FALSE_ENDS[form] + b"x")
        << to_server(b"body" + before)
        << record("violation", violation="smuggling", detail=form_name(FALSE_ENDS[form]))
        << record("violation-rejected", rule="no-smuggling")
        >> C(SECOND_MESSAGE + b"more" + FALSE_ENDS[form])
        >> C(b"\r\n.\r\nQUIT\r\n")
        << to_client(b"554 5.7.0 No [no-smuggling]\r\n")
        << record("message", code=554, accepted=False, size=size)
        << closed()
    )


def form_name(octets: bytes) -> str:
    """The form as the record names it."""
    dot = octets.index(b".")
    names = {13: "CR", 10: "LF", 0: "NUL"}
    before = "CR LF" if octets[:dot].endswith(b"\r\n") else names[octets[dot - 1]]
    return f"{before} . {names[octets[dot + 1]]}"


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_b1_a_rule_can_end_the_session_at_once(form: str) -> None:
    refuse = rule("no-smuggling", "violation", Close(421, "4.7.0", "No"), violation="smuggling")
    assert (
        in_text(inspector(rulebook(refuse)))
        >> C(b"body" + FALSE_ENDS[form] + b"x")
        << to_server(b"body" + FALSE_ENDS[form].partition(b".")[0])
        << to_client(b"421 4.7.0 No [no-smuggling]\r\n")
        << record("violation-closed", rule="no-smuggling")
        << closed()
    )


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_b1_a_rule_can_make_a_tunnel_of_it(form: str) -> None:
    loose = rule("loose", "violation", Tunnel(), violation="smuggling")
    text = b"body" + FALSE_ENDS[form] + b"x"
    assert in_text(inspector(rulebook(loose))) >> C(text) << to_server(text) << tunnelled()


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_b1_a_rule_normalises_the_text(form: str) -> None:
    text = b"Subject: x\r\n\r\nbody" + FALSE_ENDS[form] + SECOND_MESSAGE + b"more\r\n"
    sent = Normaliser().feed(text)
    assert (
        in_text(inspector(rule("one-end", "payload", Normalise(), verb="DATA")))
        >> C(text + b".\r\n")
        << to_server(sent + b".\r\n")
        << record("payload-normalised", rule="one-end", verb="DATA")
        >> S(QUEUED)
        << to_client(QUEUED)
        << record("message", size=len(text), accepted=True, recipient_count=1)
    )


def test_b1_a_dot_at_the_end_of_a_read_is_no_cause_to_lose_it() -> None:
    refuse = rulebook(rule("no-smuggling", "violation", Reject(554, "5.7.0", "No"), violation="smuggling"))
    book = in_text(inspector(refuse)) >> C(b"a\r\n.") << to_server(b"a\r\n") >> C(b".b\r\n.\r") << to_server(b"..b\r\n")
    book = book >> C(b"\n") << to_server(b".\r\n") >> S(QUEUED) << to_client(QUEUED) << record("message", size=8)
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


BAD_TEXTS = {
    "text-line-end": (b"a\r\nb", b"\nc"),
    "text-line-end ": (b"a\r\nb\r", b"c"),
    "text-line-end  ": (b"a\r\n", b"\0c"),
    "long-line": (b"a\r\n" + b"x" * 1000, b"x"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_f_a_text_is_refused_for_its_lines(name: str) -> None:
    good, bad = BAD_TEXTS[name]
    refuse = rule("lines", "violation", Reject(550, "5.6.0", "No"), violation=name.strip())
    assert (
        in_text(inspector(rulebook(refuse)))
        >> C(good + bad)
        << to_server(good)
        << record("violation", violation=name.strip(), blame="client", verb="DATA")
        >> C(bad + b"\r\n.\r\n")
        << to_client(b"550 5.6.0 No [lines]\r\n")
        << record("message", accepted=False)
        << closed()
    )


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_f_without_a_rule_nobody_looks_for_it(name: str) -> None:
    text = b"".join(BAD_TEXTS[name])
    assert in_text(inspector(WATCH)) >> C(text) << to_server(text) << no_record("violation")


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_f_a_rule_that_records_leaves_the_text_alone(name: str) -> None:
    text = b"".join(BAD_TEXTS[name]) + b"\r\n.\r\n"
    see = rule("lines", "violation", Record(), violation=name.strip())
    assert in_text(inspector(rulebook(see))) >> C(text) << to_server(text) << record("violation-recorded", rule="lines")


@pytest.mark.parametrize("text", [b".\r\n", b"\r\n.\r\n", b"..\r\n.\r\n", b"a\r\n..\r\n.b\r\n.\r\n", b"a.\r\n.\r\n"])
def test_b1_honest_dots_are_not_smuggling(text: bytes) -> None:
    assert (
        in_text(inspector(WATCH))
        >> C(text)
        << to_server(text)
        << no_record("violation")
        >> S(QUEUED)
        << to_client(QUEUED)
        << record("message", size=len(text) - 3)
    )


def test_b1_only_crlf_dot_crlf_ends_data() -> None:
    book = in_text(inspector(WATCH)) >> C(b"a\r\n.\r\n") << to_server(b"a\r\n.\r\n") >> S(QUEUED) << to_client(QUEUED)
    assert exchange(book, b"QUIT\r\n", b"221 2.0.0 bye\r\n")


def starttls_sent(policy: object) -> Playbook:
    return helloed(inspector(policy)) >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n")  # type: ignore[arg-type]


READY = b"220 2.0.0 SMTP server ready\r\n"
CLIENT_HELLO = b"\x16\x03\x01\x00\x2eclient hello\r\nRSET\r\n"


def test_starttls_is_a_tunnel_from_the_220_on() -> None:
    assert (
        starttls_sent(WATCH)
        >> S(READY)
        << to_client(READY)
        << record("starttls", outcome="tunnel", code=220)
        >> C(CLIENT_HELLO)
        << to_server(CLIENT_HELLO)
        << tunnelled()
        >> S(b"\x16\x03\x03server hello\n")
        << to_client(b"\x16\x03\x03server hello\n")
        >> eof_server()
        << finished(CLIENT)
        >> eof_client()
        << finished(SERVER)
        << closed()
    )


def test_a_refused_starttls_changes_nothing() -> None:
    book = (
        starttls_sent(WATCH)
        >> S(b"454 4.7.0 TLS not available\r\n")
        << to_client(b"454 4.7.0 TLS not available\r\n")
        << record("starttls", outcome="refused", code=454)
    )
    assert exchange(book, b"MAIL FROM:<a@a.example>\r\n", b"250 2.1.0 OK\r\n")


@pytest.mark.parametrize("behind", [b"MAIL FROM:<evil@a.example>\r\n", b"R", b"\r\n"])
def test_c1_clear_text_behind_starttls_never_reaches_the_server(behind: bytes) -> None:
    """In one read with it, or in a later one, before the 220."""
    held = starttls_sent(WATCH) >> C(behind)
    at_once = helloed(inspector(WATCH)) >> C(b"STARTTLS\r\n" + behind) << to_server(b"STARTTLS\r\n")
    for book in (held, at_once):
        assert (
            book
            >> S(READY)
            << to_client(like(rb"(220 2\.0\.0 SMTP server ready\r\n)?421 [^\r\n]*\r\n"))
            << record("violation", violation="starttls-injection", blame="client")
            << record("uncertain", violation="starttls-injection", then="close")
            << closed()
        )


def test_c1_behind_a_refused_starttls_it_is_a_command() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"STARTTLS\r\nNOOP\r\n")
        << to_server(b"STARTTLS\r\n")
        >> S(b"454 4.7.0 TLS not available\r\n")
        << to_client(b"454 4.7.0 TLS not available\r\n")
        << to_server(b"NOOP\r\n")
        << no_record("uncertain")
    )


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"no line end"])
def test_c2_clear_text_behind_the_220_never_reaches_the_client(behind: bytes) -> None:
    assert (
        starttls_sent(WATCH)
        >> S(READY + behind)
        << to_client(like(rb"(220 2\.0\.0 SMTP server ready\r\n)?(421 [^\r\n]*\r\n)?"))
        << record("violation", violation="starttls-reply-injection", blame="server")
        << record("uncertain", violation="starttls-reply-injection", then="close")
        << closed()
    )


def test_c2_in_a_later_read_too_as_long_as_the_client_is_silent() -> None:
    assert (
        starttls_sent(WATCH)
        >> S(READY)
        << to_client(READY)
        >> S(b"250 injected\r\n")
        << to_client(like(rb"(421 [^\r\n]*\r\n)?"))
        << record("uncertain", violation="starttls-reply-injection")
        << closed()
    )


def test_c2_under_pass_everything_passes_and_is_recorded() -> None:
    assert (
        starttls_sent("pass")
        >> S(READY + b"250 injected\r\n")
        << to_client(READY + b"250 injected\r\n")
        << record("violation", violation="starttls-reply-injection")
        << record("uncertain", then="tunnel")
        << tunnelled()
    )


@pytest.mark.parametrize(
    ("action", "line", "event"),
    [(Strip(), b"", "keyword-stripped"), (Mask("letters"), b"250-XXXXXXXA\r\n", "keyword-masked")],
)
def test_c3_a_box_strips_starttls_and_the_record_says_so(action: object, line: bytes, event: str) -> None:
    box = rule("no-tls", "keyword", action, keyword="STARTTLS")  # type: ignore[arg-type]
    assert (
        greeted(inspector(box))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(b"250-mx.example\r\n250-STARTTLS\r\n250 OK\r\n")
        << to_client(b"250-mx.example\r\n" + line + b"250 OK\r\n")
        << record(event, rule="no-tls", keyword="STARTTLS")
    )


def test_c3_a_box_refuses_starttls_itself() -> None:
    box = rule("no-tls", "command", Reject(454, "4.7.0", "TLS not available"), verb="STARTTLS")
    book = helloed(inspector(box)) >> C(b"STARTTLS\r\n") << own_reply(b"454 4.7.0 TLS not available", rule="no-tls")
    assert exchange(book << no_record("starttls", outcome="tunnel"), b"NOOP\r\n", b"250 2.0.0 OK\r\n")
