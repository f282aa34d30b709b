"""A rule that withholds a message must not make the server's 2xx to something else the message's verdict (law 4); and
a FIN behind an eaten payload must not cut off the replies to what came before it."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Eat, Rewrite
from smtpguard.policy.rulebook import ByVerb, Rule, Rulebook
from smtpguard.smtp.sides import SERVER
from tests.playbook import (
    C,
    Playbook,
    S,
    closed,
    eof_client,
    finished,
    inspector,
    like,
    own_reply,
    record,
    to_client,
    to_server,
)


def altering(to: str) -> Rulebook:
    rule = Rule("r", "command", Rewrite(to))
    return Rulebook("test", command=ByVerb(named={"BDAT": (rule,)}))


@pytest.mark.parametrize("chunk", [b"BDAT 5 LAST\r\nhello", b"BDAT 0 LAST\r\n"])
def test_the_reply_to_what_a_bdat_became_is_no_success(chunk: bytes) -> None:
    assert (
        Playbook(inspector(altering("NOOP")))
        >> S(b"220 mx\r\n")
        << to_client(b"220 mx\r\n")
        >> C(chunk)
        << to_server(b"NOOP\r\n")
        >> S(b"250 2.0.0 OK\r\n")
        << to_client(like(rb"451 4\.3\.0 [^\r\n]*\[r\]\r\n"))
    )


def test_a_refusal_of_what_a_bdat_became_passes() -> None:
    assert (
        Playbook(inspector(altering("{xverb}")))
        >> S(b"220 mx\r\n")
        << to_client(b"220 mx\r\n")
        >> C(b"BDAT 5 LAST\r\nhello")
        << to_server(b"XXXX\r\n")
        >> S(b"500 5.3.3 Unrecognized command\r\n")
        << to_client(b"500 5.3.3 Unrecognized command\r\n")
    )


@pytest.mark.parametrize(("to", "chunk"), [("BDAT 5", b"BDAT 5 LAST\r\nhello"), ("BDAT 5 LAST", b"BDAT 5\r\nhello")])
def test_a_bdat_may_not_become_one_that_ends_another_message(to: str, chunk: bytes) -> None:
    """The server's 250 to a chunk in the middle would be the client's verdict on its message."""
    assert (
        Playbook(inspector(altering(to)))
        >> S(b"220 mx\r\n")
        << to_client(b"220 mx\r\n")
        >> C(chunk)
        << own_reply(b"421 4.3.0 ", rule="r")
        << record("rule-crashed", rule="r")
        << closed()
    )


def test_a_fin_behind_an_eaten_payload_leaves_the_earlier_replies_their_time() -> None:
    book = Rulebook("test", payload=ByVerb(named={"BDAT": (Rule("r", "payload", Eat()),)}))
    assert (
        Playbook(inspector(book))
        >> S(b"220 mx\r\n")
        << to_client(b"220 mx\r\n")
        >> C(b"MAIL FROM:<a@a.example>\r\nBDAT 5 LAST\r\nhelloQUIT\r\n")
        << to_server(b"MAIL FROM:<a@a.example>\r\nBDAT 5 LAST\r\n")
        >> eof_client()
        << finished(SERVER)
        >> S(b"250 2.1.0 a@a.example....Sender OK\r\n")
        << to_client(b"250 2.1.0 a@a.example....Sender OK\r\n")
        << closed()
    )
