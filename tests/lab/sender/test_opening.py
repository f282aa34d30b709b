"""From the domain to a banner: what DNS says, which exchanger is tried, what is for good and what is not."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.sender.opening import NO_ADDRESS, NO_EXCHANGER, NO_SUCH_DOMAIN, UNRESOLVED
from smtpguard.lab.sender.wire import UNREACHABLE
from tests.lab.hosts import serving
from tests.lab.sending import Replying, Sent, send, send_to, states, virtually

TWO = (Exchanger(preference=20, host="mx2.example.net"), Exchanger(preference=10, host="mx1.example.net"))
ADDRESSES = {"mx1.example.net": ("127.0.0.1",), "mx2.example.net": ("127.0.0.1",)}


def to_first(zones: Zones, **options: object) -> Sent:
    return send_to(Replying(), zones=zones, **options)


def test_the_best_preference_is_asked_first() -> None:
    made = to_first(Zones(mx={"example.net": TWO}, a=ADDRESSES))
    assert made.of("mx-found")[0]["exchangers"] == ["mx1.example.net", "mx2.example.net"]
    assert made.attempt.exchanger == "mx1.example.net"


@pytest.mark.parametrize("answer", [None, b"", b"421 4.3.2 busy\r\n", b"554 no\r\n"])
def test_the_next_exchanger_when_the_first_does_not_serve(answer: bytes | None) -> None:
    first, second = Replying(BANNER=answer or b""), Replying()

    async def main() -> None:
        async with serving(second) as port:
            ports = {"mx2.example.net": port}
            zones = Zones(mx={"example.net": TWO}, a=ADDRESSES)
            if answer is None:
                made = await send(ports, zones=zones)
            elif not answer:
                async with serving(_silent) as silent:
                    made = await send(ports | {"mx1.example.net": silent}, zones=zones)
                assert made.seconds == 600.0
            else:
                async with serving(first) as refusing:
                    made = await send(ports | {"mx1.example.net": refusing}, zones=zones)
            assert made.attempt.exchanger == "mx2.example.net"
            assert (made.attempt.delivered, states(made.attempt)) == (True, "o" * 15)
            assert made.of("exchanger-unreachable")[0]["exchanger"] == "mx1.example.net"

    virtually(main())


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


def test_a_second_address_of_one_exchanger() -> None:
    zones = Zones(mx={"example.net": TWO[1:]}, a={"mx1.example.net": ("127.0.0.9", "127.0.0.1")})
    made = to_first(zones)
    assert made.attempt.delivered
    assert made.of("exchanger-unreachable") == [{"exchanger": "mx1.example.net", "reason": UNREACHABLE}]


def test_without_mx_the_domain_itself_is_the_exchanger() -> None:
    async def main() -> None:
        async with serving(Replying()) as port:
            made = await send({"example.net": port}, zones=Zones(a={"example.net": ("127.0.0.1",)}))
            assert made.of("mx-found")[0] == {"exchangers": ["example.net"], "how": "A", "domain": "example.net"}
            assert made.attempt.delivered

    virtually(main())


def test_a_domain_that_does_not_exist_is_an_ndr_at_once() -> None:
    made = to_first(Zones(), schedule=Schedule())
    fate = made.fates[0]
    assert (fate.outcome, made.seconds, len(fate.attempts)) == ("ndr", 0.0, 1)
    assert (made.attempt.reason, made.attempt.status, made.attempt.permanent) == (NO_SUCH_DOMAIN, "5.1.2", True)
    assert states(made.attempt) == "F--------------"
    assert fate.ndr is not None
    assert fate.ndr.status == "5.1.2"


def test_a_domain_without_mail_is_an_ndr_at_once() -> None:
    made = to_first(Zones(a={"example.net": ()}), schedule=Schedule())
    assert (made.attempt.reason, made.attempt.status, made.seconds) == (NO_EXCHANGER, "5.4.4", 0.0)


@pytest.mark.parametrize(
    ("zones", "why", "lasts"),
    [
        (Zones(servfail=frozenset({"example.net"})), "SERVFAIL", 0.0),
        (Zones(silent=frozenset({"example.net"})), "no answer", 10.0),
    ],
)
def test_a_lookup_that_fails_is_tried_again(zones: Zones, why: str, lasts: float) -> None:
    made = to_first(zones, schedule=Schedule(expiry=100))
    assert made.of("mx-failed")[0] == {"domain": "example.net", "why": why}
    assert [timed.began for timed in made.fates[0].attempts] == [0.0, 60.0 + lasts]
    assert made.attempt.reason == UNRESOLVED
    assert made.fates[0].ndr is not None
    assert made.fates[0].ndr.status == "4.4.7"


def test_an_exchanger_without_address() -> None:
    made = to_first(Zones(mx={"example.net": TWO[1:]}))
    assert (made.attempt.reason, states(made.attempt)) == (NO_ADDRESS, "F--------------")


def test_nobody_listens() -> None:
    async def main() -> None:
        made = await send({})
        assert (made.attempt.reason, states(made.attempt)) == (UNREACHABLE, "oF-------------")
        assert made.attempt.connection == 0

    virtually(main())


def test_the_address_that_connections_come_from() -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])

    send_to(serve, source="127.0.0.7")
    assert seen == ["127.0.0.7"]
