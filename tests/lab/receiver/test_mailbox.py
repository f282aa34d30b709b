"""The mailbox store."""

from __future__ import annotations

from smtpguard.lab.receiver.mailbox import Mailbox, StoredMessage


def stored(content: bytes) -> StoredMessage:
    return StoredMessage("a@example.com", ("b@example.net",), content, None, "DATA", "<1@x>", 0.0)


def test_messages_stay_as_they_came_in_the_order_in_which_they_came() -> None:
    mailbox = Mailbox()
    contents = [b"A: 1\r\n\r\n\xff\r\n", b"", b".\r\n"]
    for content in contents:
        mailbox.keep(stored(content))
    assert [message.content for message in mailbox.messages] == contents


def test_the_digest_is_that_of_the_content() -> None:
    assert stored(b"").sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
