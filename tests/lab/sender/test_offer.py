"""What an EHLO reply offers."""

from __future__ import annotations

from smtpguard.lab.sender.offer import Offer
from smtpguard.smtp.replies import Reply

RAW = b"250-mx X-FAKE\r\n250-X-EXPS GSSAPI NTLM\r\n240-X-EXPS=LOGIN *\r\n250-auth login\r\n250 OK\r\n"


def test_keywords_but_not_the_greeting() -> None:
    offer = Offer(Reply(RAW, 250))
    assert "X-EXPS" in offer
    assert "MX" not in offer
    assert "XEXCH50" not in offer


def test_mechanisms_new_and_old_form() -> None:
    offer = Offer(Reply(RAW, 250))
    assert offer.mechanism("X-EXPS", "NTLM")
    assert offer.mechanism("X-EXPS", "LOGIN")
    assert offer.mechanism("AUTH", "LOGIN")
    assert not offer.mechanism("AUTH", "NTLM")


def test_helo_offers_nothing() -> None:
    assert "CHUNKING" not in Offer()
    assert not Offer().mechanism("AUTH", "LOGIN")
