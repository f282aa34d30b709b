"""The sender that stays up: mail in by SMTP, on to the firewall, and what it does not take."""

from __future__ import annotations

import hashlib

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.up import sender as up_sender
from tests.lab.hosts import converse
from tests.lab.labs import Journal, lab

CONTENT = b"Subject: mine\r\nMessage-ID: <m@a.example>\r\n\r\n.\r\n..dots\r\n\xe9\r\n"


def session(content: bytes = CONTENT, author: bytes = b"carol@example.com", to: bytes = b"dave@example.net") -> bytes:
    return (
        b"EHLO a.example\r\nMAIL FROM:<" + author + b">\r\nRCPT TO:<" + to + b">\r\n"
        b"BDAT %d LAST\r\n" % len(content) + content + b"QUIT\r\n"
    )


def submitting(*octets: bytes, policy: str = "pass", until: str = "fate", count: int) -> tuple[Journal, list[bytes]]:
    async def main() -> tuple[Journal, list[bytes]]:
        async with lab(firewall=policy) as journal:
            answers = [await converse(journal.place("sender")[1], each) for each in octets]
            await journal.wait_for(until, count)
        return journal, answers

    return run_virtual(main)


def test_mail_goes_on_octet_for_octet_and_counts_on() -> None:
    journal, answers = submitting(session(), count=2)
    assert b"<m@a.example> Queued mail for delivery" in answers[0]
    stored = {line["sha256"] for line in journal.named("message-stored")}
    assert hashlib.sha256(CONTENT).hexdigest() in stored
    assert [line["octets"] for line in journal.named("submitted")] == [len(CONTENT)]
    assert sorted(line["message"] for line in journal.named("fate")) == [1, 2]
    assert {line["outcome"] for line in journal.named("fate")} == {"delivered"}
    ours = next(line for line in journal.named("message") if line["sender"] == "carol@example.com")
    assert ours["recipients"] == ["dave@example.net"]


def test_each_message_bears_a_blob_of_its_own() -> None:
    journal, _ = submitting(session(), session(), count=3)
    assert [line["octets"] for line in journal.named("blob-stored")] == [1020] * 3


def test_it_is_no_relay_for_domains_that_its_dns_does_not_know() -> None:
    journal, answers = submitting(session(to=b"dave@elsewhere.example"), count=1)
    assert b"550 5.7.1 Unable to relay for dave@elsewhere.example\r\n" in answers[0]
    assert journal.named("submitted") == []


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (session(author=b""), "'' is no mail address"),
        (session(content=b"A: 1\n\n"), "LF without CR"),
        (session(content=b"A: 1\r\n\r\n\x00\r\n"), "NUL"),
    ],
    ids=["no author", "bare LF", "NUL"],
)
def test_what_cannot_go_on_is_dropped_and_told(octets: bytes, reason: str) -> None:
    journal, _ = submitting(octets, until="not-queued", count=1)
    (dropped,) = journal.named("not-queued")
    assert reason in dropped["reason"]
    assert dropped["recipients"] == ["dave@example.net"]


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_sender, "MOST_WAITING", 2)
    journal, _ = submitting(session(), session(), policy="eat-blob", until="not-queued", count=1)
    assert journal.named("not-queued")[0]["reason"] == "2 messages wait already"
    assert journal.named("given-up") == [{"host": "sender", "messages": 2}]
