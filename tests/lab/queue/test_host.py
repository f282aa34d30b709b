"""The sending host whole: several domains, several messages, one fate each, the same every time."""

from __future__ import annotations

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.queue.schedule import Schedule
from tests.lab.hosts import receiving, serving
from tests.lab.sending import CONTENT, Replying, Sent, send, send_to, virtually

DOMAINS = Zones(
    mx={
        "example.net": (Exchanger(preference=10, host="mx1.example.net"),),
        "example.org": (Exchanger(preference=10, host="mx1.example.org"),),
    },
    a={"mx1.example.net": ("127.0.0.1",), "mx1.example.org": ("127.0.0.1",)},
)
BOTH = ("bob@example.net", "carol@Example.org", "dave@example.net")


def to_both(good: Replying, other: Replying, **options: object) -> Sent:
    made: list[Sent] = []

    async def main() -> None:
        async with serving(good) as first, serving(other) as second:
            ports = {"mx1.example.net": first, "mx1.example.org": second}
            made.append(await send(ports, zones=DOMAINS, recipients=BOTH, **options))

    virtually(main())
    return made[0]


def test_a_queue_a_domain_and_one_fate_a_message() -> None:
    good, bad = Replying(), Replying(RCPT=b"550 5.1.1 no\r\n")
    made = to_both(good, bad, messages=[CONTENT, CONTENT])
    assert len(made.fates) == 2
    for fate in made.fates:
        assert (fate.outcome, fate.content) == ("ndr", CONTENT)
        assert (fate.delivered, fate.failed) == (("bob@example.net", "dave@example.net"), ("carol@Example.org",))
        assert [timed.attempt.exchanger for timed in fate.attempts] == ["mx1.example.net", "mx1.example.org"]
    assert (len(good.messages), len(bad.messages)) == (2, 0)
    assert {row.domain for row in made.timeline} == {"example.net", "example.org"}


def test_a_domain_that_stalls_does_not_hold_up_another() -> None:
    made = to_both(Replying(), Replying(BANNER=b"220-never ends\r\n"), schedule=Schedule(expiry=1_000))
    assert made.times("delivered") == [0.0]
    assert made.fates[0].outcome == "ndr"
    assert made.seconds > 1_000


def test_the_same_again_gives_the_same() -> None:
    def once() -> Sent:
        drops = Replying(drops=b"<1@x>")
        return to_both(drops, Replying(), messages=[CONTENT, CONTENT.replace(b"1@", b"2@")], schedule=Schedule())

    first, second = once(), once()
    assert first.events == second.events
    assert first.timeline == second.timeline
    assert first.fates == second.fates
    assert [fate.outcome for fate in first.fates] == ["ndr", "delivered"]


def test_the_message_that_breaks_the_connection_does_not_stop_the_one_behind_it() -> None:
    peer = Replying(drops=b"bad")
    made = send_to(peer, messages=[b"Subject: bad\r\n\r\n", b"Subject: good\r\n\r\n"], schedule=Schedule())
    assert made.times("delivered") == [120.0]
    assert made.times("demoted") == [60.0]
    peer = Replying(drops=b"bad")
    blocked = Schedule(problem_failures=0)
    made = send_to(peer, messages=[b"Subject: bad\r\n\r\n", b"Subject: good\r\n\r\n"], schedule=blocked)
    assert (made.times("delivered"), peer.messages) == ([], [])
    assert made.times("ndr") == [172_800.0, 172_800.0]


def test_an_ndr_holds_the_message_unchanged() -> None:
    made = send_to(Replying(RCPT=b"550 5.1.1 no\r\n"))
    assert made.fates[0].ndr is not None
    assert b"\r\n\r\n" + CONTENT + b"\r\n--" in made.fates[0].ndr.eml


def test_twenty_and_more_messages_reach_a_receiver_in_order() -> None:
    async def main() -> None:
        contents = [b"Message-ID: <%d@x>\r\n\r\nbody\r\n" % number for number in range(45)]
        async with receiving() as host:
            made = await send({"mx1.example.net": host.port}, messages=contents)
            assert [message.content for message in host.mailbox.messages] == contents
            assert len({message.blob for message in host.mailbox.messages}) == 45
            assert [fate.attempts[0].attempt.connection for fate in made.fates] == [1] * 20 + [2] * 20 + [3] * 5

    virtually(main())
