"""What is offered with sinks unregistered, keywords switched off, or TLS already there."""

from __future__ import annotations

import pytest

from smtpguard.lab.receiver.offer import Offer
from smtpguard.lab.receiver.profile import load_profile
from smtpguard.lab.receiver.settings import Sink

EXCHANGE = load_profile("exchange-2003")
SINKS: tuple[Sink, ...] = ("peexch50.dll", "xlsasink.dll", "exps")


def test_without_the_sinks_the_list_is_that_of_the_plain_service() -> None:
    plain = [line.replace("SIZE 5242880", "SIZE") for line in load_profile("iis").ehlo]
    assert Offer(EXCHANGE, frozenset(SINKS)).lines(tls=False) == plain


@pytest.mark.parametrize(
    ("sink", "verb"), [("peexch50.dll", "XEXCH50"), ("xlsasink.dll", "X-LINK2STATE"), ("exps", "X-EXPS")]
)
def test_each_sink_takes_its_keyword_and_its_verb(sink: Sink, verb: str) -> None:
    whole, less = Offer(EXCHANGE), Offer(EXCHANGE, frozenset({sink}))
    gone = set(whole.lines(tls=False)) - set(less.lines(tls=False))
    assert {line.split()[0] for line in gone} == {verb}
    assert whole.knows(verb)
    assert not less.knows(verb)


def test_a_sink_takes_both_forms_of_its_keyword() -> None:
    lines = Offer(load_profile("sbs-2003"), frozenset({"exps"})).lines(tls=False)
    assert not [line for line in lines if line.startswith("X-EXPS")]
    assert "AUTH=LOGIN" in lines


def test_a_keyword_switched_off_leaves_its_verb() -> None:
    offer = Offer(EXCHANGE, keywords_off=frozenset({"chunking", "OK"}))
    lines = offer.lines(tls=False)
    assert "CHUNKING" not in lines
    assert lines[-1] == "XEXCH50"
    assert offer.knows("BDAT")


def test_tls_is_not_offered_twice() -> None:
    offer = Offer(load_profile("sbs-2003"))
    assert set(offer.lines(tls=False)) - set(offer.lines(tls=True)) == {"TLS", "STARTTLS"}


def test_the_verbs_of_every_server_are_known_whatever_is_off() -> None:
    offer = Offer(load_profile("exchange-55"))
    for verb in ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"):
        assert offer.knows(verb)
    assert not offer.knows("BDAT")


def test_parameters_follow_the_list() -> None:
    assert Offer(EXCHANGE).parameters("MAIL") == {"SIZE", "BODY", "RET", "ENVID", "AUTH"}
    assert Offer(EXCHANGE).parameters("RCPT") == {"NOTIFY", "ORCPT"}
    assert "BODY" not in Offer(load_profile("exchange-55")).parameters("MAIL")
