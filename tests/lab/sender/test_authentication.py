"""LOGIN and NTLM, by X-EXPS and by AUTH, against the lab's receiver; what happens when it does not come about."""

from __future__ import annotations

import asyncio
import base64

import pytest

from tests.lab.hosts import Serve, receiving
from tests.lab.sending import BANNER, BYE, OK, Replying, Sent, send, send_to, spoken, virtually

ACCOUNT = {"user": "MAIL1", "password": "secret"}
OFFERS_LOGIN = b"250-mx\r\n250-AUTH=LOGIN\r\n250 CHUNKING\r\n"


def to_receiver(profile: str, password: str = "secret", **changes: object) -> Sent:
    made: list[Sent] = []

    async def main() -> None:
        async with receiving(profile, users={"MAIL1": password}, strangers_may_xexch50=False) as host:
            made.append(await send({"mx1.example.net": host.port}, **ACCOUNT, **changes))
            assert len(host.mailbox.messages) == 1

    virtually(main())
    return made[0]


@pytest.mark.parametrize(
    ("profile", "how", "verb"),
    [
        ("exchange-2003", "ntlm", "X-EXPS"),
        ("exchange-2000", "ntlm", "X-EXPS"),
        ("exchange-2000", "login", "X-EXPS"),
        ("exchange-2010", "ntlm", "X-EXPS"),
        ("iis", "ntlm", "AUTH"),
        ("exchange-55", "login", "AUTH"),
    ],
)
def test_who_is_authenticated_may_use_xexch50(profile: str, how: str, verb: str) -> None:
    made = to_receiver(profile, authenticate=how)
    record = made.of("authenticated")[0]
    assert (record["verb"], record["mechanism"], record["code"]) == (verb, how.upper(), 235)
    assert made.of("xexch50-refused") == []
    assert made.attempt.delivered


def test_neither_password_nor_ntlm_stands_in_the_transcript() -> None:
    made = to_receiver("exchange-2000", authenticate="login")
    assert spoken(made.attempt)[1:4] == ["X-EXPS LOGIN", base64.b64encode(b"MAIL1").decode(), "[password]"]
    made = to_receiver("exchange-2003", authenticate="ntlm")
    assert spoken(made.attempt)[1:4] == ["X-EXPS NTLM", "[NTLM negotiate]", "[NTLM authenticate]"]
    assert [said.text for said in made.attempt.lines].count("334 [NTLM challenge]") == 1


@pytest.mark.parametrize("how", ["login", "ntlm"])
def test_a_wrong_password_leaves_a_stranger_who_delivers(how: str) -> None:
    made = to_receiver("exchange-2000", password="other", authenticate=how)
    assert made.of("authentication-refused")[0]["mechanism"] == how.upper()
    assert len(made.of("xexch50-refused")) == 1
    assert made.attempt.delivered


def test_a_mechanism_that_is_not_offered() -> None:
    peer = Replying()
    made = send_to(peer, authenticate="ntlm", **ACCOUNT)
    assert made.of("authentication-not-offered")[0]["mechanism"] == "NTLM"
    assert made.attempt.delivered
    assert "AUTH" not in peer.conversations[0]


def test_the_old_way_to_offer_login() -> None:
    peer = Replying(OFFERS_LOGIN, AUTH=b"535 5.7.3 no\r\n")
    made = send_to(peer, authenticate="login", **ACCOUNT)
    assert made.of("authentication-refused")[0]["verb"] == "AUTH"
    assert made.attempt.delivered


@pytest.mark.parametrize("how", ["login", "ntlm"])
def test_an_exchange_without_end_is_cancelled(how: str) -> None:
    offers = b"250-mx\r\n250-AUTH NTLM LOGIN\r\n250 CHUNKING\r\n"
    token = base64.b64encode(b"no NTLM message at all").decode()

    made = send_to(_endless(offers, token), authenticate=how, **ACCOUNT)
    assert "*" in spoken(made.attempt)
    assert made.of("authentication-refused")[0]["code"] == 501
    assert made.attempt.delivered


def _endless(offers: bytes, token: str) -> Serve:
    """A server that goes on with every exchange until it is cancelled."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        usual = {b"EHLO": offers, b"MAIL": OK, b"RCPT": OK, b"QUIT": BYE, b"*": b"501 5.7.0 cancelled\r\n"}
        writer.write(BANNER)
        while True:
            words = (await reader.readuntil(b"\r\n")).split()
            if words[0] == b"BDAT":
                await reader.readexactly(int(words[1]))
                writer.write(OK)
            else:
                writer.write(usual.get(words[0], f"334 {token}\r\n".encode()))

    return serve
