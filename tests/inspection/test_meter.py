"""The meter: commands by verb and the seconds of replies, over all sessions, whichever way they take."""

from __future__ import annotations

from smtpguard.inspection.effects import Effect, Send
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.meter import REPLY_BUCKETS, Meter
from smtpguard.inspection.wording import TOO_BUSY
from smtpguard.policy.loader import load_policy
from smtpguard.smtp.sides import CLIENT, SERVER, Side


def sent(effects: list[Effect], side: Side) -> bytes:
    return b"".join(effect.data for effect in effects if isinstance(effect, Send) and effect.side is side)


def test_both_ways_count() -> None:
    meter = Meter()
    for policy in ("pass", "strip-xexch50"):
        inspector = Inspector(load_policy(policy), meter=meter)
        inspector.start(0.0)
        inspector.receive(SERVER, b"220 mx\r\n", 1.0)
        inspector.receive(CLIENT, b"EHLO a\r\n", 2.0)
        inspector.receive(SERVER, b"250-mx\r\n250 XEXCH50\r\n", 2.5)
        inspector.receive(CLIENT, b"NOOP\r\n", 3.0)
        inspector.receive(SERVER, b"250 ok\r\n", 3.003)
        inspector.receive(CLIENT, b"hello there\r\n", 4.0)
        inspector.receive(SERVER, b"500 what\r\n", 404.0)
    figures = meter.take()
    assert figures["verbs"] == {"EHLO": 2, "NOOP": 2, "": 2}
    by_bound = dict(zip((*REPLY_BUCKETS, None), figures["replies"], strict=True))  # type: ignore[call-overload]
    assert {bound: count for bound, count in by_bound.items() if count} == {1.0: 2, 0.5: 2, 0.005: 2, None: 2}
    assert abs(float(str(figures["reply_seconds"])) - 2 * 401.503) < 0.01
    assert meter.take() == {"verbs": {}, "replies": [0] * (len(REPLY_BUCKETS) + 1), "reply_seconds": 0.0}


def test_a_session_that_is_refused_and_one_that_is_let_through() -> None:
    refused = Inspector(load_policy("pass"))
    assert sent(refused.refuse(TOO_BUSY, 1.0), CLIENT) == TOO_BUSY
    assert refused.closed
    through = Inspector(load_policy("close-on-xexch50"))
    through.let_through(0.0)
    through.receive(SERVER, b"220 mx\r\n", 1.0)
    assert sent(through.receive(CLIENT, b"XEXCH50 5 2\r\nanything", 2.0), SERVER) == b"XEXCH50 5 2\r\nanything"
    assert through.summary()["tunnelled"] is True


def test_the_octets_of_a_payload() -> None:
    inspector = Inspector(load_policy("pass"))
    inspector.start(0.0)
    assert inspector.payload_octets is None
    for side, octets in (
        (SERVER, b"220 mx\r\n"), (CLIENT, b"MAIL FROM:<a>\r\n"), (SERVER, b"250 ok\r\n"),
        (CLIENT, b"RCPT TO:<b>\r\n"), (SERVER, b"250 ok\r\n"), (CLIENT, b"DATA\r\n"),
    ):  # fmt: skip
        inspector.receive(side, octets, 1.0)
        assert inspector.payload_octets is None
    inspector.receive(SERVER, b"354 go\r\n", 2.0)
    before = inspector.payload_octets
    assert before is not None
    inspector.receive(CLIENT, b"hello\r\n", 3.0)
    assert inspector.payload_octets == before + 7
    inspector.receive(CLIENT, b".\r\n", 3.0)
    assert inspector.payload_octets is None
    assert inspector.policy == "pass"
