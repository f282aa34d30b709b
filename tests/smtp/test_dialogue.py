"""The dialogue: what replies change, and what they are owed to."""

from __future__ import annotations

import pytest

from smtpguard.smtp.commands import Command
from smtpguard.smtp.dialogue import RECIPIENTS_KEPT, Dialogue, Exchange


def heard(*lines: bytes) -> Dialogue:
    """A greeted dialogue in which the server has accepted ``lines``."""
    dialogue = Dialogue()
    dialogue.greeted = True
    for line in lines:
        dialogue.accepted(Command(line))
    return dialogue


MAIL = b"MAIL FROM:<a@a.example>\r\n"
RCPT = b"RCPT TO:<b@b.example>\r\n"


def test_a_session_begins_with_the_greeting_owed() -> None:
    dialogue = Dialogue()
    assert [exchange.stage for exchange in dialogue.pending] == ["greeting"]
    assert dialogue.state == "connect"


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ((), "greeted"),
        ((b"EHLO a\r\n",), "helloed"),
        ((b"EHLO a\r\n", MAIL), "mail"),
        ((b"EHLO a\r\n", b"MAIL FROM:<>\r\n"), "mail"),
        ((b"EHLO a\r\n", MAIL, RCPT), "rcpt"),
        ((b"EHLO a\r\n", MAIL, RCPT, b"RSET\r\n"), "helloed"),
        ((b"EHLO a\r\n", MAIL, RCPT, b"NOOP\r\n"), "rcpt"),
        ((b"EHLO a\r\n", MAIL, RCPT, b"XCLIENT A=b\r\n"), "greeted"),
    ],
)
def test_the_state_follows_what_was_accepted(lines: tuple[bytes, ...], state: str) -> None:
    assert heard(*lines).state == state


@pytest.mark.parametrize("reset", [b"RSET\r\n", b"EHLO b\r\n", b"HELO b\r\n", b"LHLO b\r\n", b"XCLIENT A=b\r\n"])
def test_what_resets_empties_the_envelope(reset: bytes) -> None:
    envelope = heard(MAIL, RCPT, reset).envelope
    assert (envelope.sender, envelope.recipients, envelope.count) == (None, [], 0)


def test_a_new_sender_begins_a_new_envelope() -> None:
    envelope = heard(MAIL, RCPT, b"MAIL FROM:<c@c.example>\r\n").envelope
    assert (envelope.sender, envelope.recipients) == (b"c@c.example", [])


def test_an_address_is_read_once_however_often_it_is_asked_for() -> None:
    envelope = heard(MAIL, RCPT).envelope

    assert (envelope.sender, envelope.recipient) == (b"a@a.example", b"b@b.example")
    assert envelope.sender is envelope.sender
    assert envelope.recipient is envelope.recipient


def test_the_recipient_asked_for_is_the_last_one() -> None:
    dialogue = heard(MAIL, RCPT)

    assert dialogue.envelope.recipient == b"b@b.example"
    dialogue.accepted(Command(b"RCPT TO:<c@c.example>\r\n"))
    assert dialogue.envelope.recipient == b"c@c.example"


def test_recipients_are_kept_by_name_up_to_a_bound() -> None:
    envelope = heard(MAIL, *[RCPT] * (RECIPIENTS_KEPT + 5)).envelope
    assert (len(envelope.recipients), envelope.count) == (RECIPIENTS_KEPT, RECIPIENTS_KEPT + 5)


def test_the_end_of_a_message_gives_its_envelope_and_starts_afresh() -> None:
    dialogue = heard(b"EHLO a\r\n", MAIL, RCPT)
    assert dialogue.end_message().recipients == [b"b@b.example"]
    assert dialogue.state == "helloed"


def test_lmtp_owes_one_reply_a_recipient_and_smtp_one() -> None:
    assert heard(b"LHLO a\r\n", MAIL, RCPT, RCPT).message_replies() == 2
    assert heard(b"LHLO a\r\n", MAIL).message_replies() == 1
    assert heard(b"EHLO a\r\n", MAIL, RCPT, RCPT).message_replies() == 1


def test_exchanges_are_owed_in_the_order_in_which_they_were_pushed() -> None:
    dialogue = Dialogue()
    own = dialogue.push(Exchange("command", Command(b"VRFY x\r\n"), own=b"550 no\r\n"))
    asked = dialogue.push(Exchange("command", Command(b"NOOP\r\n")))
    assert list(dialogue.pending)[1:] == [own, asked]
    assert (own.own, asked.own, asked.complete, asked.eaten) == (b"550 no\r\n", None, True, False)
