"""``smtpguard analyze`` as a user runs it, against real servers: each bare, and behind three personas of a real guard.

A bare server gives no finding of any kind. Behind a persona the checks of Microsoft's are told by the table; what the
path doctor adds of its own is for its tests.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.dns.zones import Zones
from tests.pages.reading import assert_self_contained
from tests.real.guard_process import SMTPGUARD, GuardProcess
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import DOMAIN

pytestmark = pytest.mark.real


class Server(Protocol):
    """A private instance that keeps the messages it got."""

    address: tuple[str, int]

    def wait_for(self, mailbox: str, count: int, seconds: float = 60) -> list[bytes]: ...


SERVERS = {"postfix": "Postfix", "exim": "Exim", "opensmtpd": "OpenSMTPD"}
# A box that hides who the server is: it is judged as the Exchange that Microsoft's tool was written for.
HIDDEN = [
    "mail-acceptance", "smtp-proxy", "x-link2state-missing", "xexch50-missing", "banner-not-default",
    "default-verbs-disabled",
]  # fmt: skip

# server, persona, findings of Microsoft's checks, messages that arrive: by DATA, by BDAT where CHUNKING is offered and
# passes, and the path doctor's with its end in two segments
TABLE = [
    ("postfix", None, [], 3),
    ("postfix", "cisco-asa", HIDDEN, 2),
    ("postfix", "antivirus-stack", HIDDEN, 2),
    ("postfix", "bdat-eater", ["bdat-acceptance"], 2),
    ("exim", None, [], 3),
    ("exim", "cisco-asa", HIDDEN, 2),
    ("exim", "antivirus-stack", HIDDEN, 2),
    ("exim", "bdat-eater", ["bdat-acceptance"], 2),
    # OpenSMTPD does not offer CHUNKING: nothing sends it mail by BDAT, and a box that eats it is in no mail's way.
    ("opensmtpd", None, [], 2),
    ("opensmtpd", "cisco-asa", HIDDEN, 2),
    ("opensmtpd", "antivirus-stack", HIDDEN, 2),
    ("opensmtpd", "bdat-eater", [], 2),
]


@contextmanager
def way(server: Server, persona: str | None) -> Iterator[tuple[str, int]]:
    """Straight to the server, or through a guard that plays ``persona``."""
    if persona is None:
        yield server.address
        return
    guard = GuardProcess(server.address, persona)
    try:
        yield guard.address
    finally:
        guard.close()


def analyze(address: tuple[str, int], mailbox: str, *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [SMTPGUARD, "analyze", f"{address[0]}:{address[1]}", "--rcpt", mailbox, "--timeout", "2", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def by_microsoft(report: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in report["findings"] if finding["origin"] == "microsoft"]


@pytest.mark.parametrize(
    ("name", "persona", "rules", "messages"),
    TABLE,
    ids=[f"{row[0]}, {row[1] or 'bare'}" for row in TABLE],
)
def test_servers_and_personas(
    name: str, persona: str | None, rules: list[str], messages: int, request: pytest.FixtureRequest, mailbox: str
) -> None:
    server: Server = request.getfixturevalue(name)
    with way(server, persona) as address:
        done = analyze(address, mailbox, "--format", "json")
    report = json.loads(done.stdout)
    assert by_microsoft(report) == rules
    assert report["exit_status"] == done.returncode
    if rules:
        assert done.returncode == 2
    assert f"sample messages go to <{mailbox}>" in done.stderr
    arrived = server.wait_for(mailbox, messages)
    assert len(arrived) == messages
    assert all(b"\r\nAuto-Submitted: auto-generated\r\n" in content for content in arrived)
    if persona is None:
        assert report["findings"] == []
    # A box that eats BDAT leaves a trace before OpenSMTPD too, which does not offer it.
    assert [suspect["policy"] for suspect in report["suspects"]][:1] == ([persona] if persona else [])
    if persona is None:
        assert report["system"]["name"] == SERVERS[name]


@contextmanager
def names(zones: Zones) -> Iterator[str]:
    """The lab's DNS server in a thread of its own, as ``--resolver`` takes it."""
    ready, done = threading.Event(), threading.Event()
    place: list[str] = []

    async def live() -> None:
        server = DnsServer(zones)
        await server.start()
        place.append(f"127.0.0.1:{server.address[1]}")
        ready.set()
        await asyncio.to_thread(done.wait)
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert ready.wait(20)
        yield place[0]
    finally:
        done.set()
        thread.join(20)


def test_from_the_domain_to_the_exchanger_that_answers(postfix: PrivatePostfix, mailbox: str) -> None:
    """Nothing listens at the first; Postfix listens on 127.0.0.1 alone."""
    zones = Zones(
        mx={DOMAIN: (Exchanger(preference=20, host=f"mx.{DOMAIN}"), Exchanger(preference=10, host=f"down.{DOMAIN}"))},
        a={f"mx.{DOMAIN}": ("127.0.0.1",), f"down.{DOMAIN}": ("127.0.0.77",)},
    )
    user = mailbox.partition("@")[0]
    with names(zones) as resolver:
        done = analyze((DOMAIN, postfix.port), user, "--resolver", resolver, "--format", "json")
    report = json.loads(done.stdout)
    assert [finding["rule"] for finding in report["findings"]] == ["exchanger-unreachable"]
    assert done.returncode == 1
    assert (report["route"]["by"], report["route"]["tested"]) == ("mx", f"mx.{DOMAIN}")
    assert report["target"]["recipient"] == mailbox
    assert f"sample messages go to <{mailbox}> through the mail exchangers of {DOMAIN}" in done.stderr
    assert len(postfix.wait_for(mailbox, 3)) == 3


def test_the_page_draws_the_conversation_that_failed(postfix: PrivatePostfix, mailbox: str) -> None:
    with way(postfix, "bdat-eater") as address:
        done = analyze(address, mailbox, "--format", "html")
    assert done.returncode == 2
    assert_self_contained(done.stdout)
    drawing = done.stdout[done.stdout.index("<svg") : done.stdout.index("</svg>")]
    assert "220 mx.test.example ESMTP Postfix" in drawing
    assert "BDAT mail acceptance failure" in drawing


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_is_sent_where_no_message_is_wanted(name: str, request: pytest.FixtureRequest, mailbox: str) -> None:
    server: Server = request.getfixturevalue(name)
    done = analyze(server.address, mailbox, "--no-message", "--format", "junit")
    assert done.returncode == 0
    assert "sample message" not in done.stderr
    suite = ET.fromstring(done.stdout)[0]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    # What a whole run sends behind it is all that the mailbox gets.
    assert analyze(server.address, mailbox).returncode == 0
    count = next(row[3] for row in TABLE if row[:2] == (name, None))
    assert len(server.wait_for(mailbox, count)) == count
