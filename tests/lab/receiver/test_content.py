"""DATA, BDAT and XEXCH50 where ``test_session`` does not say it all: limits, parameters, who may hand over a blob."""

from __future__ import annotations

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.events import Event
from smtpguard.lab.receiver.mailbox import Mailbox
from tests.lab.hosts import converse, receiving

ENVELOPE = b"MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\n"


def talk(octets: bytes, profile: str, **settings: object) -> tuple[list[bytes], Mailbox, tuple[Event, ...]]:
    """The lines behind the banner, the mailbox and the events."""

    async def main() -> tuple[list[bytes], Mailbox, tuple[Event, ...]]:
        async with receiving(profile, **settings) as host:
            answer = await converse(host.port, octets)
        return answer.split(b"\r\n")[1:-1], host.mailbox, host.events.ordered()

    return run_virtual(main)


def test_a_chunk_over_the_limit_is_read_and_refused() -> None:
    big = b"BDAT 5000000\r\n" + bytes(5_000_000) + b"BDAT 300000 LAST\r\n" + bytes(300_000) + b"BDAT 2 LAST\r\nxx"
    lines, mailbox, _ = talk(ENVELOPE + big + b"NOOP\r\n", "iis")
    assert lines[2:] == [
        b"250 2.0.0 5000000 octets received",
        b"552 5.3.4 Message too big",
        b"503 5.5.2 Need Rcpt command",
        b"250 2.0.0 OK",
    ]
    assert not mailbox.messages


def test_a_text_over_the_limit_is_read_and_refused() -> None:
    text = (b"x" * 998 + b"\r\n") * 5243
    lines, mailbox, _ = talk(ENVELOPE + b"DATA\r\n" + text + b".\r\nNOOP\r\n", "iis")
    assert lines[3:] == [b"552 5.3.4 Message too big", b"250 2.0.0 OK"]
    assert not mailbox.messages


def test_binary_goes_by_bdat_only() -> None:
    octets = ENVELOPE.replace(b"com>", b"com> BODY=BINARYMIME") + b"DATA\r\nBDAT 4 LAST\r\n\x00\n\r."
    lines, mailbox, _ = talk(octets, "exchange-2003")
    assert lines[2] == b"503 5.5.1 Bad sequence of commands"
    assert [message.content for message in mailbox.messages] == [b"\x00\n\r."]


def test_what_mail_and_rcpt_asked_for_is_kept_with_the_message() -> None:
    octets = (
        b"MAIL FROM:<alice@example.com> RET=HDRS ENVID=1\r\nRCPT TO:<bob@example.net> NOTIFY=NEVER\r\n"
        b"RCPT TO:<carol@example.net>\r\nBDAT 2 LAST\r\nhi"
    )
    _, mailbox, _ = talk(octets, "exchange-2003")
    (message,) = mailbox.messages
    assert message.parameters == {"RET": "HDRS", "ENVID": "1"}
    assert message.recipient_parameters == ({"NOTIFY": "NEVER"}, {})
    assert (message.peer, message.tls) == ("", False)


@pytest.mark.parametrize(
    ("profile", "text"),
    [("exchange-2003", "504 Need to authenticate first"), ("exchange-55", "505 Authentication required")],
)
def test_a_stranger_is_refused_in_the_words_of_the_system_and_it_is_recorded(profile: str, text: str) -> None:
    lines, mailbox, events = talk(ENVELOPE + b"xexch50 1092 2\r\n", profile, strangers_may_xexch50=False)
    assert lines[2] == text.encode("ascii")
    (refused,) = [event for event in events if event.event == "blob-refused"]
    assert refused.fields == {"command": "xexch50 1092 2", "reply": text, "client": "127.0.0.1", "connection": 1}
    assert not mailbox.orphaned_blobs


def test_a_peer_may_hand_over_its_blob() -> None:
    login = b"X-EXPS LOGIN\r\ncmVsYXk=\r\ncHc=\r\n"
    octets = login + ENVELOPE + b"XEXCH50 3 2\r\n\r\n.BDAT 2 LAST\r\nhi"
    lines, mailbox, _ = talk(octets, "sbs-2003", strangers_may_xexch50=False, users={"relay": "pw"})
    assert lines[5:7] == [b"354 Send binary data", b"250 XEXCH50 OK"]
    assert (mailbox.messages[0].blob, mailbox.messages[0].peer) == (b"\r\n.", "relay")


def test_a_command_over_fifty_octets_is_refused() -> None:
    blanks = 50 - len(b"XEXCH50 4 2\r\n")
    lines, _, _ = talk(
        ENVELOPE + b"XEXCH50 4 " + b" " * blanks + b"2\r\nblobXEXCH50 4  " + b" " * blanks + b"2\r\n", "exchange-2003"
    )
    assert lines[2:] == [b"354 Send binary data", b"250 XEXCH50 OK", b"501 5.5.4 Invalid arguments"]
