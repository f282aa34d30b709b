"""Each action of the rule language, as octets."""

from __future__ import annotations

from random import Random

import pytest

from smtpguard.policy.actions import (
    Action,
    Cap,
    Close,
    Delay,
    Drop,
    Eat,
    Mask,
    Pass,
    Record,
    Reject,
    Reset,
    Rewrite,
    Slice,
    Strip,
    Truncate,
    Tunnel,
)
from tests.inspection.openings import (
    BANNER,
    BLOB,
    BLOB_LINE,
    BLOB_OK,
    GO_AHEAD,
    GO_BINARY,
    QUEUED,
    SENDER_OK,
    TEXT,
    blob_awaited,
    ehlo_reply,
    exchange,
    greeted,
    in_text,
    in_transaction,
)
from tests.playbook import (
    UNKNOWN,
    C,
    Playbook,
    S,
    advance,
    closed,
    eof_client,
    eof_server,
    inspector,
    like,
    no_record,
    own_reply,
    record,
    reset,
    rule,
    to_client,
    to_server,
    tunnelled,
)
from tests.playbook.steps import Marked

OK = b"250 2.0.0 OK\r\n"
ANY_421 = like(rb"421 [^\r\n]*\r\n")


def sole(action: Action, where: str = "command", **conditions: object) -> Playbook:
    """A session that has been greeted, under one rule."""
    return greeted(inspector(rule("r", where, action, **conditions)))  # type: ignore[arg-type]


def test_reject_answers_in_the_servers_place() -> None:
    book = sole(Reject(502, "5.5.1", "Not here"), verb="VRFY") >> C(b"VRFY x\r\n")
    assert exchange(book << to_client(b"502 5.5.1 Not here [r]\r\n"), b"NOOP\r\n", OK)


def test_reject_with_an_exact_text_adds_nothing() -> None:
    book = sole(Reject(500, "", "#5.5.1 command not recognized", exact=True), verb=UNKNOWN) >> C(b"FROB x\r\n")
    assert exchange(book << to_client(b"500 #5.5.1 command not recognized\r\n"), b"NOOP\r\n", OK)


def test_reject_of_a_bdat_consumes_its_octets() -> None:
    book = sole(Reject(552, "5.3.4", "No"), verb="BDAT") >> C(b"BDAT 9 LAST\r\nRSET\r\nQUI")
    assert exchange(book << own_reply(b"552 5.3.4 No", rule="r"), b"NOOP\r\n", OK)


def test_reject_of_data_leaves_the_next_octet_a_command() -> None:
    book = sole(Reject(554, "5.7.1", "No"), verb="DATA") >> C(b"DATA\r\n") << own_reply(b"554 5.7.1 No", rule="r")
    assert exchange(book, b"NOOP\r\n", OK)


def test_reject_at_connect_is_the_greeting() -> None:
    book = Playbook(inspector(rule("r", "connect", Reject(554, "5.7.1", "No"))))
    assert book << own_reply(b"554 5.7.1 No", rule="r") << record("connect-rejected", rule="r") << closed()


def test_reject_at_the_end_of_a_message_is_what_the_client_hears() -> None:
    book = in_transaction(inspector(rule("r", "message", Reject(550, "5.7.1", "No"))))
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED)
    assert book << own_reply(b"550 5.7.1 No", rule="r") << record("message-rejected", rule="r")


@pytest.mark.parametrize(
    ("action", "end"), [(Close(after=10), closed()), (Close(421, text="Bye", after=10), closed()), (Reset(10), reset())]
)
def test_an_end_within_a_text(action: Action, end: Marked) -> None:
    book = in_transaction(inspector(rule("r", "payload", action, verb="DATA")))
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(b"0123456789") << to_server(b"0123456789")
    book = book << no_record("payload-closed") << no_record("payload-reset") >> C(b"A")
    if isinstance(action, Close) and action.code:
        book = book << own_reply(b"421 ", rule="r")
    assert book << record(f"payload-{'closed' if isinstance(action, Close) else 'reset'}", rule="r") << end


def test_a_black_hole_within_a_text_swallows_what_would_be_judged_behind_it() -> None:
    book = in_transaction(inspector(rule("r", "payload", Drop(after=1), verb="DATA")))
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(b"a\n.\nb\r\n.\r\nQUIT\r\n") << to_server(b"a")
    assert book << record("payload-dropped", rule="r") << no_record("violation")


@pytest.mark.parametrize("line", [b"BDAT 12 LAST\r\n", b"XEXCH50 12 2\r\n"])
def test_an_end_within_counted_octets(line: bytes) -> None:
    book = in_transaction(inspector(rule("r", "payload", Reset(10))))
    book = book >> C(line) << to_server(line)
    if line.startswith(b"XEX"):
        book = book >> S(GO_BINARY) << to_client(GO_BINARY)
    assert book >> C(b"0123456789AB") << to_server(b"0123456789") << record("payload-reset", rule="r") << reset()


def test_a_payload_that_is_short_enough_passes_whole() -> None:
    book = in_transaction(inspector(rule("r", "payload", Reset(len(TEXT)), verb="DATA")))
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert book << no_record("payload-reset")


def test_a_black_hole_within_a_payload_stays_one() -> None:
    book = in_transaction(inspector(rule("r", "payload", Drop(10))))
    book = book >> C(b"BDAT 12 LAST\r\n0123456789ABQUIT\r\n") << to_server(b"BDAT 12 LAST\r\n0123456789")
    book = book << record("payload-dropped", rule="r") >> C(b"RSET\r\n") >> S(b"250 late\r\n")
    assert book << no_record("violation")


@pytest.mark.parametrize(
    ("action", "event"), [(Close(), "line-closed"), (Reset(), "line-reset"), (Drop(), "line-dropped")]
)
def test_slices_of_what_came_before_a_verdict_have_left_by_then(action: Action, event: str) -> None:
    """However the stream was cut (law 2): what is alone in its read is one slice, and goes at once."""
    book = in_transaction(inspector(rule("s", "payload", Slice(1)), rule("r", "line", action)))
    book = book >> C(b"BDAT 8 LAST\r\nline\r\nXX") << to_server(b"BDAT 8 LAST\r\nline\r")
    book = book << record(event, rule="r")
    assert book if isinstance(action, Drop) else book << (reset() if isinstance(action, Reset) else closed())


@pytest.mark.parametrize("action", [Delay(0.0), Slice(1)])
def test_delay_and_slice_are_no_way_round_a_cap(action: Action) -> None:
    rules = [rule("r", "command", action, verb="XEXCH50"), rule("cap", "payload", Cap(10), verb="XEXCH50")]
    assert greeted(inspector(*rules)) >> C(BLOB_LINE) << own_reply(b"552 ", rule="cap")


def test_mask_of_the_banner_keeps_length_2_0_and_blanks() -> None:
    book = Playbook(inspector(rule("r", "greeting", Mask("banner"))))
    left = b"220 " + bytes(octet if octet in b"20 " else 0x2A for octet in BANNER[4:-2]) + b"\r\n"
    assert book >> S(BANNER) << to_client(left) << record("greeting-masked", rule="r")


def test_mask_with_letters_counts_the_masked_lines_as_the_asa_does() -> None:
    """Facts, section 5; checked there by script."""
    allowed = ("SIZE", "ETRN", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "AUTH")
    mask = rule("asa", "keyword", Mask("letters"), when=lambda facts: facts.keyword not in allowed)
    came = ehlo_reply(without=(b"ATRN",))
    left = came
    for line, masked in {
        b"TURN": b"XXXA",
        b"CHUNKING": b"XXXXXXXB",
        b"VRFY": b"XXXC",
        b"X-EXPS GSSAPI NTLM LOGIN": b"X" * 23 + b"D",
        b"X-EXPS=LOGIN": b"X" * 11 + b"E",
        b"AUTH=LOGIN": b"XXXXXXXXXF",
        b"X-LINK2STATE": b"X" * 11 + b"G",
        b"XEXCH50": b"XXXXXXH",
    }.items():
        left = left.replace(b"250-" + line + b"\r\n", b"250-" + masked + b"\r\n")
    left = left.replace(b"250 OK\r\n", b"250 XI\r\n")
    book = greeted(inspector(mask)) >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n")
    assert book >> S(came) << to_client(left) << record("keyword-masked", keyword="OK")


def test_eat_of_a_command_stalls_behind_the_replies_that_are_owed() -> None:
    book = sole(Eat(), verb="VRFY") >> C(b"NOOP\r\nVRFY x\r\nRSET\r\n") << to_server(b"NOOP\r\n")
    book = book << record("command-eaten", rule="r", verb="VRFY") >> S(OK) << to_client(OK)
    assert book >> S(OK) >> C(b"QUIT\r\n") >> eof_client() << closed()


def test_eat_of_a_reply_lets_no_later_one_take_its_place() -> None:
    book = sole(Eat(), "reply", verb="MAIL") >> C(b"MAIL FROM:<a@a.example>\r\nRSET\r\n")
    book = book << to_server(b"MAIL FROM:<a@a.example>\r\nRSET\r\n") >> S(SENDER_OK + OK)
    assert book << record("reply-eaten", rule="r", verb="MAIL", code=250) >> eof_server() << closed()


def test_eat_of_a_text_and_of_a_chunk() -> None:
    book = in_transaction(inspector(rule("r", "payload", Eat())))
    chunk = book >> C(b"BDAT 5 LAST\r\nHelloQUIT\r\n") << to_server(b"BDAT 5 LAST\r\n")
    assert chunk << record("payload-eaten", verb="BDAT", size=5) >> S(b"221 2.0.0 bye\r\n") >> eof_client() << closed()
    book = in_text(inspector(rule("r", "payload", Eat(), verb="DATA")))
    assert book << record("payload-eaten", verb="DATA") >> C(TEXT) >> S(QUEUED) >> eof_client() << closed()


def test_eat_of_the_greeting() -> None:
    book = Playbook(inspector(rule("r", "greeting", Eat()))) >> S(BANNER) << record("greeting-eaten", rule="r")
    assert book >> C(b"QUIT\r\n") >> eof_client() << closed()


def test_cap_refuses_an_announced_payload_before_an_octet_of_it_moves() -> None:
    book = in_transaction(inspector(rule("r", "payload", Cap(1000))))
    book = book >> C(BLOB_LINE) << own_reply(b"552 ", rule="r") << record("payload-capped", rule="r", size=len(BLOB))
    book = book >> C(b"BDAT 1001\r\n" + b"x" * 1001) << own_reply(b"552 ", rule="r") << record("payload-capped")
    book = exchange(book, b"RSET\r\n", OK)
    assert exchange(book, b"BDAT 1000 LAST\r\n" + b"x" * 1000, QUEUED)


@pytest.mark.parametrize("action", [Reject(552, "5.3.4", "No"), Rewrite("{xverb}")])
def test_a_message_never_ends_without_the_chunk_that_was_refused(action: Action) -> None:
    book = in_transaction(inspector(rule("r", "command", action, verb="BDAT", first=1)))
    book = book >> C(b"BDAT 3\r\nabc")
    if isinstance(action, Reject):
        book = book << own_reply(b"552 ", rule="r")
    else:
        book = book << to_server(b"XXXX\r\n") >> S(b"500 what\r\n") << to_client(b"500 what\r\n")
    book = book >> C(b"BDAT 3 LAST\r\ndef") << own_reply(b"503 5.5.1 ") << no_record("message")
    book = exchange(book, b"RSET\r\n", OK)
    assert exchange(book, b"BDAT 3 LAST\r\nghi", QUEUED)


@pytest.mark.parametrize("refused", [b"MAIL FROM:<b@b.example>\r\n", b"EHLO\r\n", b"RSET now\r\n"])
def test_nor_behind_a_command_that_the_server_refuses(refused: bytes) -> None:
    book = in_transaction(inspector(rule("r", "payload", Cap(10), verb="BDAT")))
    book = book >> C(b"BDAT 11\r\n12345678901") << own_reply(b"552 ", rule="r")
    book = exchange(book, refused, b"503 5.5.1 No\r\n")
    book = book >> C(b"BDAT 3 LAST\r\ndef") << own_reply(b"503 5.5.1 ") << no_record("message")
    book = exchange(book, b"RSET\r\n", OK)
    assert exchange(book, b"BDAT 3 LAST\r\nghi", QUEUED)


def test_a_new_transaction_may_come_in_one_group_with_its_reset() -> None:
    book = in_transaction(inspector(rule("r", "payload", Cap(10), verb="BDAT")))
    book = book >> C(b"BDAT 11\r\n12345678901") << own_reply(b"552 ", rule="r")
    group = b"RSET\r\nMAIL FROM:<b@b.example>\r\nRCPT TO:<c@c.example>\r\nBDAT 3 LAST\r\nghi"
    assert exchange(book, group, OK * 3 + QUEUED)


def test_a_cap_says_nothing_of_an_auth_line_that_is_short_enough() -> None:
    book = exchange(sole(Cap(8), "payload"), b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n")
    book = exchange(book, b"YWJj\r\n", b"334 UGFzc3dvcmQ6\r\n") << no_record("payload-capped")
    assert book >> C(b"c2VjcmV0\r\n") << own_reply(b"552 ", rule="r") << record("payload-capped") << closed()


def test_an_auth_line_is_sliced_and_truncated_as_the_rule_says() -> None:
    book = exchange(sole(Slice(4, 1.0), "payload"), b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n")
    book = book >> C(b"YWJj\r\n") << to_server(b"YWJj") >> advance(seconds=1) << to_server(b"\r\n")
    assert book >> S(b"235 2.7.0 ok\r\n") << to_client(b"235 2.7.0 ok\r\n")
    book = exchange(sole(Truncate(4), "payload"), b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n")
    book = book >> C(b"YWJj\r\nNOOP\r\n") << to_server(b"YWJj") << record("stall", why="payload truncated")
    assert book >> S(b"235 2.7.0 ok\r\n")


def test_cap_cuts_a_text_off() -> None:
    book = in_text(inspector(rule("r", "payload", Cap(100), verb="DATA")))
    book = book >> C(b"x" * 99) << to_server(b"x" * 99)
    book = book >> C(b"xx") << to_server(b"x") << to_client(like(rb"552 [^\r\n]*\[r\]\r\n"))
    assert book << record("payload-capped") << closed()


def test_truncate_passes_the_beginning_and_the_server_waits() -> None:
    book = blob_awaited(inspector(rule("r", "payload", Truncate(10), verb="XEXCH50")))
    book = book >> C(BLOB) << to_server(BLOB[:10])
    assert book >> C(b"QUIT\r\n") >> advance(seconds=300) >> eof_client() << closed()


def test_truncate_beyond_the_end_cuts_nothing() -> None:
    book = blob_awaited(inspector(rule("r", "payload", Truncate(len(BLOB)), verb="XEXCH50")))
    book = book >> C(BLOB) << to_server(BLOB) >> S(BLOB_OK) << to_client(BLOB_OK)
    assert exchange(book, b"NOOP\r\n", OK)


def test_delay_of_a_command_holds_everything_behind_it() -> None:
    book = sole(Delay(5.0), verb="VRFY") >> C(b"NOOP\r\nVRFY x\r\nRSET\r\n") << to_server(b"NOOP\r\n")
    book = book << record("command-delayed", rule="r") >> S(OK) << to_client(OK) >> advance(seconds=4.9)
    assert book >> advance(seconds=0.1) << to_server(b"VRFY x\r\nRSET\r\n")


def test_delay_of_a_reply_holds_the_later_ones_in_order() -> None:
    book = sole(Delay(5.0), "reply", verb="VRFY") >> C(b"VRFY x\r\n") << to_server(b"VRFY x\r\n")
    book = book >> C(b"RSET\r\n") << to_server(b"RSET\r\n") >> S(b"252 2.1.5 x\r\n250 2.0.0 Resetting\r\n")
    assert book >> advance(seconds=5) << to_client(b"252 2.1.5 x\r\n250 2.0.0 Resetting\r\n")


def test_delay_of_the_greeting_and_of_a_payload() -> None:
    book = Playbook(inspector(rule("r", "greeting", Delay(3.0)))) >> S(BANNER) >> advance(seconds=2.9)
    assert book >> advance(seconds=0.2) << to_client(BANNER)
    book = in_text(inspector(rule("r", "payload", Delay(3.0), verb="DATA")))
    assert book >> C(TEXT) >> advance(seconds=3.1) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)


@pytest.mark.parametrize("where", ["command", "reply"])
def test_slice_sends_the_same_octets(where: str) -> None:
    book = sole(Slice(1), where, verb="VRFY")
    assert exchange(exchange(book, b"VRFY x\r\n", b"252 2.1.5 x\r\n"), b"NOOP\r\n", OK)


def test_slice_of_a_blob_sends_the_same_octets() -> None:
    book = blob_awaited(inspector(rule("r", "payload", Slice(7), verb="XEXCH50")))
    assert exchange(book >> C(BLOB) << to_server(BLOB) >> S(BLOB_OK) << to_client(BLOB_OK), b"NOOP\r\n", OK)


def test_slice_and_eat_together_leave_no_timer_that_never_ends() -> None:
    book = greeted(inspector(rule("s", "reply", Slice(1), verb="DATA"), rule("e", "payload", Eat(), verb="DATA")))
    book = exchange(book, b"DATA\r\n", GO_AHEAD) << record("payload-eaten", rule="e")
    assert book >> C(TEXT) >> advance(seconds=60) >> eof_client() << closed()


def test_close_says_its_text_first_where_it_has_one() -> None:
    book = sole(Close(421, "5.5.2", "Syntax error (command line too long)", exact=True), verb=UNKNOWN)
    book = book >> C(b"FROB\r\n") << to_client(b"421 5.5.2 Syntax error (command line too long)\r\n")
    assert book << record("command-closed", rule="r", verb="unknown") << closed()
    assert sole(Close(), verb=UNKNOWN) >> C(b"FROB\r\n") << closed()


def test_reset_and_tunnel() -> None:
    assert sole(Reset(), verb="VRFY") >> C(b"VRFY x\r\n") << record("command-reset", rule="r") << reset()
    book = sole(Tunnel(), verb="VRFY") >> C(b"VRFY x\r\n\x00\n") << to_server(b"VRFY x\r\n\x00\n") << tunnelled()
    assert book >> S(b"x") << to_client(b"x")


@pytest.mark.parametrize("where", ["connect", "command"])
def test_drop_is_a_black_hole(where: str) -> None:
    book = Playbook(inspector(rule("r", where, Drop())))  # type: ignore[arg-type]
    if where == "command":
        book = book >> S(BANNER) << to_client(BANNER)
    else:
        book = book << record("connect-dropped", rule="r") >> S(BANNER)
    assert book >> C(b"QUIT\r\n") >> S(OK) >> advance(seconds=600) >> eof_client() << closed()


def test_observe_says_what_it_would_have_done_and_touches_nothing() -> None:
    watching = [
        rule("a", "keyword", Strip(), keyword="XEXCH50", observe=True),
        rule("b", "command", Reject(), verb="VRFY", observe=True),
        rule("c", "payload", Eat(), verb="XEXCH50", observe=True),
    ]
    book = greeted(inspector(*watching)) >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n")
    book = book >> S(ehlo_reply()) << to_client(ehlo_reply())
    book = book << record("keyword-stripped", rule="a", observed=True)
    book = book >> C(b"VRFY x\r\n") << to_server(b"VRFY x\r\n")
    book = book << record("command-rejected", rule="b", observed=True) >> S(OK) << to_client(OK)
    book = exchange(book, BLOB_LINE, b"354 Send binary data\r\n") << record("payload-eaten", rule="c", observed=True)
    assert book >> C(BLOB) << to_server(BLOB) >> S(BLOB_OK) << to_client(BLOB_OK) << record("xexch50", completed=True)


def test_pass_asks_no_later_rule_and_record_asks_the_next() -> None:
    rules = [
        rule("see", "command", Record(), verb="VRFY"),
        rule("allow", "command", Pass(), when=lambda facts: facts.argument == b"friend"),
        rule("no", "command", Reject(550, "5.7.1", "No"), verb="VRFY"),
    ]
    book = exchange(greeted(inspector(*rules)), b"VRFY friend\r\n", OK)
    book = book >> C(b"VRFY foe\r\n") << record("command-recorded", rule="see") << own_reply(b"550 5.7.1 No", rule="no")
    assert book << record("command-rejected", rule="no")


def verdicts(book: Playbook, refused: list[bool]) -> Playbook:
    for number in refused:
        book = book >> C(b"VRFY x\r\n")
        if number:
            book = book << own_reply(b"550 ", rule="r") << record("command-rejected")
        else:
            book = book << to_server(b"VRFY x\r\n") << no_record("command-rejected") >> S(OK) << to_client(OK)
    return book


def test_nth_and_first_count_the_matches_of_a_session() -> None:
    assert verdicts(sole(Reject(), verb="VRFY", nth=frozenset({2, 4})), [False, True, False, True, False])
    assert verdicts(sole(Reject(), verb="VRFY", first=2), [True, True, False, False])


def test_probability_draws_from_the_seed_given() -> None:
    def drawn(seed: int) -> list[bool]:
        rng = Random(seed)
        return [rng.random() < 0.5 for _ in range(12)]

    assert drawn(1) != drawn(2)
    for seed in (1, 2):
        factory = inspector(rule("r", "command", Reject(), verb="VRFY", probability=0.5), seed=seed)
        assert verdicts(greeted(factory), drawn(seed))
