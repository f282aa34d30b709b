"""The guard's own words to a server before the client's session: one at a time, each waited for, all bounded."""

from __future__ import annotations

from typing import Any

import pytest

from smtpguard.inspection.effects import Effect, Record, Send, StartTls
from smtpguard.inspection.opening import Opening
from smtpguard.smtp.sides import SERVER

GREETING = b"220 mx.example ESMTP\r\n"
CLIENT = ("198.51.100.7", 40210)
XCLIENT_OFFER = b"250-mx.example\r\n250-STARTTLS\r\n250 XCLIENT NAME ADDR PORT PROTO\r\n"
HELLO = Send(SERVER, b"EHLO [192.0.2.1]\r\n")


class Talk:
    """An opening, fed whole or octet by octet."""

    def __init__(self, *, by_octet: bool = False, **terms: Any) -> None:
        self.opening = Opening(name="[192.0.2.1]", **terms)
        self._by_octet = by_octet

    def hear(self, data: bytes) -> list[Effect]:
        pieces = [data[i : i + 1] for i in range(len(data))] if self._by_octet else [data]
        return [effect for piece in pieces for effect in self.opening.receive(piece)]


@pytest.fixture(params=[False, True], ids=["whole", "by octet"])
def by_octet(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize(
    ("client", "line"),
    [
        (CLIENT, b"XCLIENT NAME=[UNAVAILABLE] ADDR=198.51.100.7 PORT=40210\r\n"),
        (("2001:db8::7", 25), b"XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 PORT=25\r\n"),
    ],
)
def test_xclient_is_said_alone_where_it_is_offered(by_octet: bool, client: tuple[str, int], line: bytes) -> None:
    talk = Talk(client=client, by_octet=by_octet)
    assert talk.hear(GREETING) == [HELLO]
    assert talk.hear(XCLIENT_OFFER) == [Send(SERVER, line)]
    assert talk.opening.greeting is None
    assert talk.hear(b"220 mx.example again\r\n") == [Record("xclient", {"outcome": "taken", "code": 220})]
    assert talk.opening.greeting == b"220 mx.example again\r\n"


@pytest.mark.parametrize(
    ("answer", "greeting", "outcome"),
    [
        (b"250 2.0.0 OK\r\n", GREETING, "taken"),
        (b"550 5.7.0 not you\r\n", GREETING, "refused"),
        (b"421 4.3.2 later\r\n", b"421 4.3.2 later\r\n", "refused"),
    ],
)
def test_the_answer_to_xclient_decides_what_the_client_hears(answer: bytes, greeting: bytes, outcome: str) -> None:
    talk = Talk(client=CLIENT)
    talk.hear(GREETING)
    talk.hear(XCLIENT_OFFER)
    (record,) = talk.hear(answer)
    assert isinstance(record, Record)
    assert record.fields["outcome"] == outcome
    assert talk.opening.greeting == greeting


@pytest.mark.parametrize(
    "offer", [b"250 mx.example\r\n", b"250-mx\r\n250 XCLIENT NAME\r\n", b"502 5.5.1 HELO only\r\n"]
)
def test_without_an_offer_the_session_goes_on_and_the_journal_knows(offer: bytes) -> None:
    talk = Talk(client=CLIENT)
    talk.hear(GREETING)
    assert talk.hear(offer) == [Record("xclient", {"outcome": "not-offered"})]
    assert talk.opening.greeting == GREETING


def test_only_what_the_server_knows_is_said() -> None:
    talk = Talk(client=CLIENT)
    talk.hear(GREETING)
    assert talk.hear(b"250-mx\r\n250 xclient addr\r\n") == [Send(SERVER, b"XCLIENT ADDR=198.51.100.7\r\n")]


def test_a_server_that_does_not_greet_is_heard_by_the_client(by_octet: bool) -> None:
    talk = Talk(client=CLIENT, by_octet=by_octet)
    assert talk.hear(b"554-no\r\n554 service\r\n") == []
    assert talk.opening.greeting == b"554-no\r\n554 service\r\n"


def test_starttls_then_a_second_ehlo_then_the_first_greeting(by_octet: bool) -> None:
    talk = Talk(tls="required", client=CLIENT, by_octet=by_octet)
    talk.hear(GREETING)
    assert talk.hear(XCLIENT_OFFER) == [Send(SERVER, b"STARTTLS\r\n")]
    assert talk.hear(b"220 go\r\n") == [StartTls(SERVER)]
    assert talk.opening.tls_started() == [HELLO]
    assert talk.hear(b"250 mx.example\r\n") == [Record("xclient", {"outcome": "not-offered"})]
    assert talk.opening.greeting == GREETING


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([b"250 mx\r\n"], "not offered"),
        ([XCLIENT_OFFER, b"454 4.7.0 no\r\n"], "answered 454"),
        ([b"502 5.5.1 no\r\n"], "not offered"),
    ],
)
@pytest.mark.parametrize("tls", ["required", "wanted"])
def test_a_server_without_tls_has_failed_unless_it_may_be_clear(said: list[bytes], why: str, tls: str) -> None:
    talk = Talk(tls=tls)
    talk.hear(GREETING)
    effects = [effect for data in said for effect in talk.hear(data)]
    if tls == "required":
        assert talk.opening.failed == f"STARTTLS is {why}"
        assert talk.opening.greeting is None
    else:
        assert effects[-1] == Record("starttls", {"outcome": "clear", "side": "server", "why": why})
        assert talk.opening.greeting == GREETING


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"\x16"])
def test_clear_text_behind_the_220_has_failed(behind: bytes) -> None:
    talk = Talk(tls="required")
    talk.hear(GREETING)
    talk.hear(XCLIENT_OFFER)
    talk.hear(b"220 go\r\n" + behind)
    assert talk.opening.failed


@pytest.mark.parametrize(
    "said",
    [
        [GREETING + b"250 unasked\r\n"],
        [GREETING, XCLIENT_OFFER + b"250 unasked\r\n"],
        [b"rubbish\r\n"],
        [b"220-a\r\n550 b\r\n"],
        [b"220 " + b"x" * 70_000],
        [b"220-x\r\n" * 12_000],
    ],
)
def test_a_server_out_of_turn_or_without_end_has_failed(said: list[bytes]) -> None:
    talk = Talk(client=CLIENT)
    for data in said:
        talk.hear(data)
    assert talk.opening.failed
    assert talk.opening.greeting is None


def test_what_comes_behind_the_last_reply_is_the_inspectors() -> None:
    talk = Talk(client=CLIENT)
    talk.hear(GREETING)
    talk.hear(b"250 mx.example\r\n421 4.3.2 bye\r\n")
    assert talk.opening.greeting == GREETING + b"421 4.3.2 bye\r\n"
