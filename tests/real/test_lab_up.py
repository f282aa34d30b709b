"""``lab up`` with real servers in it: Postfix in the receiver's place, Exim in the sender's."""

from __future__ import annotations

import email
import email.policy
import hashlib
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.real.contents import message
from tests.real.exim_instance import PrivateExim
from tests.real.guard_process import select
from tests.real.lab_process import LabProcess
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import DOMAIN

pytestmark = pytest.mark.real

StartLab = Callable[..., LabProcess]
StartExim = Callable[[int], PrivateExim]

_SCENARIO = """\
title: Mail from the lab's sender to a Postfix
sender:
  host: mail1.example.com
  address: alice@example.com
  recipients: [first@{domain}]
receiver:
  host: mx.{domain}
  domains: [{domain}]
"""


@pytest.mark.parametrize("policy", ["pass", "strip-xexch50"])
def test_postfix_gets_the_labs_mail_octet_for_octet(
    policy: str, postfix: PrivatePostfix, mailbox: str, start_lab: StartLab, tmp_path: Path
) -> None:
    scenario = tmp_path / "to-postfix.yaml"
    scenario.write_text(_SCENARIO.format(domain=DOMAIN))
    lab = start_lab(str(scenario), "--firewall", policy, "--receiver", f"127.0.0.1:{postfix.port}")
    content = message(20_000, 7)
    with smtplib.SMTP(*lab.place("sender"), timeout=30) as client:
        client.sendmail("alice@example.com", [mailbox], content)
    assert postfix.wait_for(mailbox, 1) == [content]
    lab.wait_for(lambda lines: len(select(lines, "fate")) == 2, 30, "the fates of both messages")
    journal = lab.stop()
    fates = [(line["outcome"], line["attempts"]) for line in select(journal, "fate")]
    assert fates == [("delivered", 1)] * 2, "the scenario's own message and ours"
    assert [line["accepted"] for line in select(journal, "message")] == [True] * 2
    assert select(journal, "violation") == []


def own_message() -> bytes:
    """With every header that Exim would add; From and Subject are among those of ``message``."""
    head = b"To: bob@example.net\r\nMessage-ID: <1@client.example>\r\nDate: Thu, 25 Oct 2007 09:00:00 -0700\r\n"
    return head + message(3_000, 11)


def test_exims_bdat_is_eaten_its_queue_defers_and_its_own_bounce_comes(
    start_lab: StartLab, start_exim: StartExim
) -> None:
    lab = start_lab("bdat-eaten-today", "--firewall", "bdat-eater", "--no-sender")
    exim = start_exim(lab.place("firewall")[1])
    content = own_message()
    exim.submit(content, "bob@example.net")
    exim.run_queue()
    assert exim.queued() == 1, "deferred, not delivered and not given up"
    assert "== bob@example.net" in exim.log()
    bounce = email.message_from_bytes(exim.run_until_bounced(60), policy=email.policy.SMTP)
    assert isinstance(bounce, EmailMessage)
    assert bounce.get_content_type() == "multipart/report"
    assert "X-Failed-Recipients" in bounce
    text, status, original = bounce.iter_parts()
    assert "retry timeout exceeded" in text.get_content()
    assert "Action: failed" in str(status)
    assert "Message-ID: <1@client.example>" in str(original)
    log = exim.log()
    assert log.count("== bob@example.net") >= 2, log
    assert "=> bob@example.net" not in log
    assert exim.queued() == 0
    journal = lab.stop()
    eaten = select(journal, "payload-eaten")
    assert len(eaten) >= 2
    assert {line["verb"] for line in eaten} == {"BDAT"}
    assert select(journal, "message-stored") == []


def test_exims_mail_arrives_with_the_cure(start_lab: StartLab, start_exim: StartExim) -> None:
    lab = start_lab("bdat-eaten-today", "--firewall", "strip-chunking", "--no-sender")
    exim = start_exim(lab.place("firewall")[1])
    content = own_message()
    exim.submit(content, "bob@example.net")
    exim.run_queue()
    stored = lab.first("message-stored")
    assert (stored["verb"], stored["octets"]) == ("DATA", len(content))
    assert stored["sha256"] == hashlib.sha256(content).hexdigest()
    assert exim.queued() == 0
    assert "=> bob@example.net" in exim.log()
    assert {line["keyword"] for line in select(lab.stop(), "keyword-stripped")} == {"CHUNKING", "BINARYMIME"}


def test_exims_bdat_arrives_where_nothing_is_in_the_way(start_lab: StartLab, start_exim: StartExim) -> None:
    lab = start_lab("bdat-eaten-today", "--firewall", "pass", "--no-sender")
    exim = start_exim(lab.place("firewall")[1])
    content = own_message()
    exim.submit(content, "bob@example.net")
    exim.run_queue()
    stored = lab.first("message-stored")
    assert (stored["verb"], stored["sha256"]) == ("BDAT", hashlib.sha256(content).hexdigest())
    assert exim.queued() == 0
    lab.stop()
