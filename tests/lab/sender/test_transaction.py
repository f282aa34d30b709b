"""One message on the wire: recipients in a group or one by one, XEXCH50, BDAT and DATA, refusals."""

from __future__ import annotations

import asyncio
from email import message_from_bytes

import pytest

from smtpguard.lab.sender.transaction import OUT_OF_STEP
from tests.lab.hosts import receiving
from tests.lab.sending import (
    BANNER,
    BARE,
    CONTENT,
    GO,
    OFFERS,
    OK,
    ONCE,
    Replying,
    send,
    send_to,
    spoken,
    states,
    virtually,
)

THREE = ("b@example.net", "c@example.net", "d@example.net")
GROUP = b"RCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nRCPT TO:<d@example.net>\r\n"


def rcpt_segments(offers: bytes, **changes: object) -> list[bytes]:
    """What a server reads at once, from the first RCPT until all three are answered."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (offers, OK):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        while b"".join(seen).count(b"\r\n") < 3:
            seen.append(await reader.read(65_536))
            writer.write(OK * seen[-1].count(b"\r\n"))
        writer.write(b"")

    send_to(serve, recipients=THREE, **changes)
    return seen


def test_with_pipelining_the_recipients_go_in_one_group() -> None:
    assert rcpt_segments(OFFERS) == [GROUP]


def test_without_it_each_waits_for_its_acknowledgement() -> None:
    assert rcpt_segments(OFFERS, pipelining=False) == GROUP.splitlines(keepends=True)
    assert rcpt_segments(BARE) == GROUP.splitlines(keepends=True)


def test_the_second_figure_counts_recipients() -> None:
    made = send_to(Replying(), recipients=THREE[:2], blob=2336)
    assert "XEXCH50 2336 3" in spoken(made.attempt)


def test_a_refused_recipient_gets_an_ndr_and_the_others_the_message() -> None:
    for pipelining in (True, False):
        peer = Replying(RCPT=[OK, b"550 5.1.1 no such user\r\n", OK])
        made = send_to(peer, recipients=THREE, pipelining=pipelining)
        fate = made.fates[0]
        assert (fate.outcome, fate.delivered, fate.failed) == ("ndr", (THREE[0], THREE[2]), (THREE[1],))
        assert (len(fate.attempts), states(made.attempt)) == (1, "o" * 15)
        assert "XEXCH50 9 3" in spoken(made.attempt)
        assert peer.messages == [CONTENT]
        assert fate.ndr is not None
        _, status, _ = message_from_bytes(fate.ndr.eml).get_payload()
        blocks = status.get_payload()[1:]
        assert [(block["Final-Recipient"], block["Status"], block["Diagnostic-Code"]) for block in blocks] == [
            ("rfc822;c@example.net", "5.1.1", "smtp;550 5.1.1 no such user")
        ]
        assert made.of("recipient-refused")[0]["recipient"] == THREE[1]


def test_a_recipient_put_off_is_tried_again_alone() -> None:
    peer = Replying(BARE, RCPT=[OK, b"452 4.2.2 full\r\n", OK])
    made = send_to(peer, recipients=THREE[:2], schedule=ONCE.model_copy(update={"expiry": 10_000.0}))
    fate = made.fates[0]
    assert (fate.outcome, fate.delivered) == ("delivered", THREE[:2])
    assert [spoken(timed.attempt).count("RCPT TO:<b@example.net>") for timed in fate.attempts] == [1, 0]
    assert made.times("delivered") == [0.0, 900.0]


def test_all_recipients_refused_ends_without_the_message() -> None:
    peer = Replying(RCPT=b"550 5.1.1 no\r\n")
    made = send_to(peer, recipients=THREE)
    assert peer.conversations == [["EHLO", "MAIL", "RCPT", "RCPT", "RCPT", "QUIT"]]
    assert made.fates[0].failed == THREE
    assert len(made.fates[0].ndrs) == 1


def test_a_refusal_of_the_content_is_for_every_recipient() -> None:
    made = send_to(Replying(BDAT=b"554 5.6.0 no\r\n"), recipients=THREE)
    assert made.fates[0].failed == THREE
    assert made.fates[0].ndrs[0].status == "5.6.0"


def test_a_stranger_delivers_all_the_same() -> None:
    async def main() -> None:
        async with receiving(strangers_may_xexch50=False) as host:
            made = await send({"mx1.example.net": host.port})
            assert made.attempt.delivered
            assert states(made.attempt) == "ooooooooooF-ooo"
            assert host.mailbox.messages[0].content == CONTENT
            refusal = made.of("xexch50-refused")[0]
            assert str(refusal["reply"]).startswith("504 Need to authenticate first")
            assert (refusal["command"], refusal["remote"], refusal["connection"]) == (
                "XEXCH50 9 2",
                "mx1.example.net",
                1,
            )

    virtually(main())


def test_the_refusal_is_recorded_octet_for_octet() -> None:
    made = send_to(Replying(XEXCH50=b"504 Need to authenticate first \r\n"))
    assert made.of("xexch50-refused")[0]["reply"] == "504 Need to authenticate first "


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({}, True),
        ({"suppress_external": True}, False),
        ({"suppress_external": True, "internal_domains": ("Example.NET",)}, True),
        ({"suppress_external": True, "internal_domains": ("example.org",)}, False),
        ({"xexch50": False}, False),
        ({"xexch50": False, "internal_domains": ("example.net",)}, False),
    ],
)
def test_when_xexch50_is_used(changes: dict[str, object], used: bool) -> None:
    peer = Replying()
    assert send_to(peer, **changes).attempt.delivered
    assert ("XEXCH50" in peer.conversations[0]) is used


def test_bdat_and_data() -> None:
    for content, offers, verb in (("bdat", OFFERS, "BDAT"), ("data", OFFERS, "DATA"), ("bdat", BARE, "DATA")):
        peer = Replying(offers)
        assert send_to(peer, content=content).attempt.delivered
        assert peer.messages == [CONTENT if verb == "BDAT" else b"Message-ID: <1@x>\r\n\r\n..dot\r\n.\r\n"]
        assert verb in peer.conversations[0]


@pytest.mark.parametrize(("split", "last"), [(False, b".\r\n"), (True, b"\r\n")])
def test_the_end_of_data_in_one_segment_or_two(split: bool, last: bytes) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (BARE, OK, OK, GO):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        while not b"".join(seen).endswith(b"\r\n.\r\n"):
            seen.append(await reader.read(65_536))
        writer.write(OK)
        await reader.readuntil(b"\r\n")

    assert send_to(serve, split_end=split).attempt.delivered
    assert seen == ([CONTENT.replace(b".dot", b"..dot") + b".", b"\r\n"] if split else [b"".join(seen)])
    assert b"".join(seen).endswith(last)


def test_a_blob_refused_is_no_harm() -> None:
    peer = Replying(XEXCH50_END=b"452 4.3.1 no room\r\n")
    made = send_to(peer)
    assert made.attempt.delivered
    assert made.of("xexch50-refused")[0]["reply"] == "452 4.3.1 no room"


def test_a_blob_taken_for_commands_ends_the_attempt_and_not_the_message() -> None:
    burst = b"500 5.3.3 Unrecognized command\r\n"
    made = send_to(Replying(XEXCH50_END=burst, BDAT=burst))
    assert made.attempt.reason == OUT_OF_STEP
    assert not made.attempt.permanent
    assert made.of("out-of-step")[0]["reply"] == "500 5.3.3 Unrecognized command"


def test_what_had_arrived_behind_a_blob_taken_for_commands_stands_in_the_transcript() -> None:
    burst = b"500 5.3.3 Unrecognized command\r\n"
    made = send_to(Replying(XEXCH50_END=burst, BDAT=burst * 3))
    assert [said.text for said in made.attempt.lines if said.direction == "<--"][-4:] == [burst.decode().strip()] * 4
    assert made.attempt.lines[-1].text == OUT_OF_STEP


def test_a_2xx_to_xexch50_is_neither_yes_nor_no() -> None:
    made = send_to(Replying(XEXCH50=b"250 fine\r\n"))
    assert (made.attempt.delivered, made.attempt.permanent) == (False, False)
