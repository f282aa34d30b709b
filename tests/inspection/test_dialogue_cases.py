"""Dialogues with a corner in them: EHLO lists, AUTH, resets that the server refuses, TURN, pipelining, LMTP."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Record, Reject, Strip
from smtpguard.smtp.sides import SERVER
from tests.inspection.openings import (
    GO_AHEAD,
    QUEUED,
    RECIPIENT_OK,
    SENDER_OK,
    TEXT,
    ehlo_reply,
    exchange,
    greeted,
    helloed,
    in_transaction,
)
from tests.inspection.rulebooks import WATCH
from tests.playbook import (
    C,
    Playbook,
    S,
    eof_client,
    finished,
    inspector,
    no_record,
    own_reply,
    record,
    rule,
    rulebook,
    to_client,
    to_server,
    tunnelled,
)

OK = b"250 2.0.0 OK\r\n"


def ehlo(book: Playbook, came: bytes, left: bytes) -> Playbook:
    """EHLO, with a reply that may be changed on its way."""
    return book >> C(b"EHLO a.example\r\n") << to_server(b"EHLO a.example\r\n") >> S(came) << to_client(left)


def test_a_keyword_on_the_last_line_is_stripped_and_the_line_before_it_mended() -> None:
    came = b"250-mx.example\r\n250-SIZE\r\n250 XEXCH50\r\n"
    book = ehlo(greeted(inspector("strip-xexch50")), came, b"250-mx.example\r\n250 SIZE\r\n")
    assert exchange(book << record("keyword-stripped", keyword="XEXCH50"), b"NOOP\r\n", OK)


def test_a_list_of_nothing_else_becomes_one_line() -> None:
    assert ehlo(greeted(inspector("strip-xexch50")), b"250-mx.example\r\n250 XEXCH50\r\n", b"250 mx.example\r\n")


def test_the_case_of_a_keyword_does_not_matter_and_others_stay_as_they_are() -> None:
    came = b"250-mx.example\r\n250-xexch50\r\n250-XEXCH50-LOOKALIKE\r\n250-8bitmime  odd\r\n250 ok\r\n"
    left = came.replace(b"250-xexch50\r\n", b"")
    assert ehlo(greeted(inspector("strip-xexch50")), came, left)


def test_the_host_line_is_no_keyword() -> None:
    came = b"250-XEXCH50\r\n250 XEXCH50\r\n"
    assert ehlo(greeted(inspector("strip-xexch50")), came, b"250 XEXCH50\r\n")


@pytest.mark.parametrize("hello", [b"EHLO a.example\r\n", b"LHLO a.example\r\n"])
def test_keywords_are_taken_from_ehlo_and_lhlo_alone(hello: bytes) -> None:
    reply = b"250-mx.example\r\n250 XEXCH50\r\n"
    book = greeted(inspector("strip-xexch50")) >> C(hello) << to_server(hello) >> S(reply)
    assert exchange(book << to_client(b"250 mx.example\r\n"), b"HELP\r\n", b"214-XEXCH50\r\n214 XEXCH50\r\n")


def test_a_refused_ehlo_keeps_its_lines() -> None:
    assert exchange(greeted(inspector("strip-xexch50")), b"EHLO a\r\n", b"550-mx.example\r\n550 XEXCH50\r\n")


def test_a_reply_leaves_whole_or_not_at_all() -> None:
    assert (
        greeted(inspector("strip-xexch50"))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(b"250-mx.example\r\n250-SIZE\r\n")
        >> S(b"250 O")
        >> S(b"K\r\n")
        << to_client(b"250-mx.example\r\n250-SIZE\r\n250 OK\r\n")
    )


def test_auth_in_several_steps_and_no_secret_in_a_record() -> None:
    secrets: list[bytes] = []

    def spy(facts: object) -> bool:
        secrets.append(getattr(facts, "line", b""))
        return True

    watch = rulebook(rule("see", "payload", Record(), when=spy), rule("all", "command", Record()))
    book = exchange(helloed(inspector(watch)), b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n")
    book = exchange(book, b"QUIT\r\n", b"334 UGFzc3dvcmQ6\r\n") << no_record("command-recorded", verb="QUIT")
    book = exchange(book, b"c2VjcmV0\r\n", b"235 2.7.0 Authentication successful.\r\n")
    assert exchange(book, b"NOOP\r\n", OK)
    assert not any(b"c2VjcmV0" in line for line in secrets)


def test_an_early_auth_line_waits_for_its_334() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"X-EXPS LOGIN\r\nUSER\r\nPASS\r\nNOOP\r\n")
        << to_server(b"X-EXPS LOGIN\r\n")
        >> S(b"334 VXNlcm5hbWU6\r\n")
        << to_client(b"334 VXNlcm5hbWU6\r\n")
        << to_server(b"USER\r\n")
        >> S(b"334 UGFzc3dvcmQ6\r\n")
        << to_client(b"334 UGFzc3dvcmQ6\r\n")
        << to_server(b"PASS\r\n")
        >> S(b"535 5.7.3 Authentication unsuccessful.\r\n")
        << to_client(b"535 5.7.3 Authentication unsuccessful.\r\n")
        << to_server(b"NOOP\r\n")
        << record("command-recorded", verb="NOOP")
    )


def test_auth_with_an_initial_response_is_one_exchange() -> None:
    book = exchange(helloed(inspector(WATCH)), b"AUTH PLAIN AGEAYg==\r\n", b"235 2.7.0 Authentication successful.\r\n")
    assert exchange(book, b"NOOP\r\n", OK)


def test_an_initial_response_is_in_no_record() -> None:
    found = helloed(inspector(rulebook(rule("no", "command", Reject(502, "5.5.1", "No"), verb="AUTH"))))
    found = found >> C(b"AUTH PLAIN AHNlY3JldAo=\r\n") << own_reply(b"502 5.5.1 No", rule="no")
    assert (found << record("command-rejected", verb="AUTH")).in_one_read()


@pytest.mark.parametrize("reset", [b"RSET\r\n", b"EHLO b.example\r\n", b"HELO b.example\r\n"])
def test_a_reset_that_the_server_refuses_keeps_the_envelope(reset: bytes) -> None:
    book = exchange(in_transaction(inspector(WATCH)), reset, b"503 5.5.1 not now\r\n")
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert book << record("message", sender="a@a.example", recipients=["b@b.example"], recipient_count=1)


@pytest.mark.parametrize("reset", [b"RSET\r\n", b"EHLO b.example\r\n", b"HELO b.example\r\n"])
def test_a_reset_that_the_server_takes_empties_the_envelope(reset: bytes) -> None:
    book = exchange(in_transaction(inspector(WATCH)), reset, OK)
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert book << record("message", sender="", recipients=[], recipient_count=0)


def test_only_accepted_senders_and_recipients_count() -> None:
    book = exchange(helloed(inspector(WATCH)), b"MAIL FROM:<no@a.example>\r\n", b"550 5.7.1 no\r\n")
    book = exchange(book, b"MAIL FROM:<a@a.example> SIZE=9\r\n", SENDER_OK)
    book = exchange(book, b"RCPT TO:<no@b.example>\r\n", b"550 5.7.1 Unable to relay for no@b.example\r\n")
    book = exchange(book, b"RCPT TO:<b@b.example>\r\n", RECIPIENT_OK)
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(b"554 5.6.0 no\r\n")
    book = book << to_client(b"554 5.6.0 no\r\n")
    assert book << record("message", sender="a@a.example", recipients=["b@b.example"], code=554, accepted=False)


def test_recipients_are_named_up_to_a_hundred_and_counted_beyond() -> None:
    book = exchange(helloed(inspector(WATCH)), b"MAIL FROM:<>\r\n", SENDER_OK)
    lines = b"".join(b"RCPT TO:<r%d@b.example>\r\n" % n for n in range(103))
    book = book >> C(lines) << to_server(lines) >> S(RECIPIENT_OK * 103) << to_client(RECIPIENT_OK * 103)
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    names = [f"r{n}@b.example" for n in range(100)]
    assert book << record("message", sender="", recipients=names, recipient_count=103)


def test_a_refused_data_leaves_the_next_octet_a_command() -> None:
    book = exchange(in_transaction(inspector(WATCH)), b"DATA\r\n", b"554 5.5.1 no valid recipients\r\n")
    assert exchange(book << no_record("message"), b"QUIT\r\n", b"221 2.0.0 bye\r\n")


def test_a_pipelined_group_is_answered_in_one_go() -> None:
    group = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
    answers = SENDER_OK + RECIPIENT_OK + GO_AHEAD
    assert (
        helloed(inspector(WATCH))
        >> C(group)
        << to_server(group)
        << no_record("violation")
        >> S(answers)
        << to_client(answers)
        >> C(TEXT + b"QUIT\r\n")
        << to_server(TEXT + b"QUIT\r\n")
        >> S(QUEUED + b"221 2.0.0 bye\r\n")
        << to_client(QUEUED + b"221 2.0.0 bye\r\n")
        << record("message", accepted=True)
    )


def test_an_own_reply_waits_behind_the_servers() -> None:
    book = inspector(rule("no", "command", Reject(550, "5.7.1", "No"), verb="RCPT"))
    assert (
        helloed(book)
        >> C(b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nRSET\r\nRCPT TO:<c@b.example>\r\n")
        << to_server(b"MAIL FROM:<a@a.example>\r\nRSET\r\n")
        << record("command-rejected", rule="no", verb="RCPT")
        << record("command-rejected", rule="no", verb="RCPT")
        >> S(SENDER_OK)
        << to_client(SENDER_OK)
        << own_reply(b"550 5.7.1 No", rule="no")
        >> S(b"250 2.0.0 Resetting\r\n")
        << to_client(b"250 2.0.0 Resetting\r\n")
        << own_reply(b"550 5.7.1 No", rule="no")
    )


def test_an_own_reply_to_early_talk_waits_for_the_banner() -> None:
    assert (
        Playbook(inspector(rule("no", "command", Reject(550, "5.7.1", "No"), verb="VRFY")))
        >> C(b"VRFY x\r\n")
        << record("violation", violation="early-talk")
        >> S(b"220 mx\r\n")
        << to_client(b"220 mx\r\n")
        << own_reply(b"550 5.7.1 No", rule="no")
    )


TURNS = [b"TURN\r\n", b"ATRN a.example\r\n"]


@pytest.mark.parametrize("line", TURNS)
def test_turn_refused(line: bytes) -> None:
    book = helloed(inspector(WATCH)) >> C(line) << own_reply(b"502 5.5.1 ")
    book = book << record("turn", outcome="refused", verb=line.split()[0].decode())
    assert exchange(book, b"NOOP\r\n", OK)


@pytest.mark.parametrize("line", TURNS)
def test_turn_tunnelled(line: bytes) -> None:
    assert (
        exchange(helloed(inspector("pass")), line, OK)
        << record("turn", outcome="tunnel")
        << tunnelled()
        >> C(b"220 a.example ready\n")
        << to_server(b"220 a.example ready\n")
        >> S(b"DATA\n")
        << to_client(b"DATA\n")
    )


@pytest.mark.parametrize("setting", ["tunnel", "swap"])
@pytest.mark.parametrize("line", TURNS)
def test_turn_that_the_server_refuses_changes_nothing(line: bytes, setting: str) -> None:
    book = helloed(inspector(rulebook(rule("see", "command", Record()), turn=setting)))
    assert exchange(exchange(book, line, b"502 5.5.1 no\r\n"), b"NOOP\r\n", OK)


@pytest.mark.parametrize("line", TURNS)
def test_turn_swapped_is_inspected_the_other_way_round(line: bytes) -> None:
    strip = rulebook(
        rule("strip", "keyword", Strip(), keyword="XEXCH50"), rule("see", "command", Record()), turn="swap"
    )
    assert (
        exchange(greeted(inspector(strip)), line, OK)
        << record("turn", outcome="swap")
        >> C(b"220 a.example ready\r\n")
        << to_server(b"220 a.example ready\r\n")
        >> S(b"EHLO mx.example\r\n")
        << to_client(b"EHLO mx.example\r\n")
        << record("command-recorded", verb="EHLO")
        >> C(b"250-a.example\r\n250 XEXCH50\r\n")
        << to_server(b"250 a.example\r\n")
        << record("keyword-stripped", keyword="XEXCH50")
        >> S(b"DATA\r\nearly")
        << to_client(b"DATA\r\n")
        >> C(b"354 go\r\n")
        << to_server(b"354 go\r\n")
        << to_client(b"early")
    )


@pytest.mark.parametrize(
    ("replies", "accepted", "code"),
    [
        (b"250 2.0.0 b@b.example\r\n550 5.7.1 c@b.example\r\n", True, 250),
        (b"450 4.2.1 b@b.example\r\n250 2.0.0 c@b.example\r\n", True, 250),
        (b"450 4.2.1 b@b.example\r\n550 5.7.1 c@b.example\r\n", False, 550),
    ],
)
def test_lmtp_answers_a_message_once_a_recipient(replies: bytes, accepted: bool, code: int) -> None:
    """One that the server has taken for anybody is accepted."""
    book = exchange(greeted(inspector(WATCH)), b"LHLO a.example\r\n", b"250-mx.example\r\n250 PIPELINING\r\n")
    book = exchange(book, b"MAIL FROM:<a@a.example>\r\n", SENDER_OK)
    book = exchange(book, b"RCPT TO:<b@b.example>\r\n", RECIPIENT_OK)
    book = exchange(book, b"RCPT TO:<c@b.example>\r\n", RECIPIENT_OK)
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT)
    book = book >> S(replies) << to_client(replies) << no_record("uncertain")
    book = book << record("message", accepted=accepted, code=code, recipient_count=2)
    assert exchange(book, b"QUIT\r\n", b"221 2.0.0 bye\r\n")


def test_xclient_resets_when_the_server_takes_it() -> None:
    book = exchange(in_transaction(inspector(WATCH)), b"XCLIENT NAME=a ADDR=192.0.2.1\r\n", b"220 mx.example ESMTP\r\n")
    book = exchange(book, b"EHLO b.example\r\n", ehlo_reply())
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert book << record("message", sender="", recipient_count=0)


def test_a_verb_outside_the_table_is_passed_and_its_reply_paired() -> None:
    assert exchange(exchange(helloed(inspector(WATCH)), b"xyzzy\x80 1\r\n", b"502 5.5.1 no\r\n"), b"NOOP\r\n", OK)


def test_a_refused_connection_banner_passes() -> None:
    assert (
        Playbook(inspector(WATCH))
        >> S(b"554 5.7.1 no\r\n")
        << to_client(b"554 5.7.1 no\r\n")
        >> C(b"QUIT\r\n")
        << to_server(b"QUIT\r\n")
    )


def test_a_client_that_ends_with_an_unfinished_line_sends_none() -> None:
    """Under a policy that alters things half a command is no command."""
    assert (helloed(inspector(WATCH)) >> C(b"RSET\r\nQUI") << to_server(b"RSET\r\n") >> eof_client()) << finished(
        SERVER
    )


def test_a_message_without_mail_took_no_time_that_is_known() -> None:
    book = exchange(helloed(inspector(WATCH)), b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT)
    assert book >> S(QUEUED) << to_client(QUEUED) << record("message", recipient_count=0, seconds=0.0)


def test_a_reply_to_helo_has_no_keywords_however_many_lines_it_has() -> None:
    reply = b"250-mx.example greets you\r\n250-XEXCH50 is not spoken here\r\n250 Welcome\r\n"
    everything = rule("all", "keyword", Strip())
    assert exchange(greeted(inspector(everything)), b"HELO a.example\r\n", reply)
