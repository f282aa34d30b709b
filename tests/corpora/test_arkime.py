"""Octets, addresses and hellos as arkime's ``*.test`` files state them (Apache-2.0)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smtpguard.smtp.sides import CLIENT, SERVER
from tests.corpora.observed import observe
from tests.corpora.places import ARKIME, conversations, place
from tests.corpora.table import ARKIME_DIFFERS, CAPTURES, PORTS

pytestmark = pytest.mark.corpora

NAMES = [name for name in CAPTURES if name.startswith(ARKIME)]


def stated(name: str) -> dict[int, dict[str, Any]]:
    """arkime's sessions with a server on a port of ours, by the client's port."""
    path = place(name).with_suffix(".test")
    if not path.exists():
        return {}
    bodies = [session["body"] for session in json.loads(path.read_text(encoding="utf-8"))["sessions3"]]
    return {body["source"]["port"]: body for body in bodies if body["destination"]["port"] in PORTS}


@pytest.mark.parametrize("name", NAMES)
def test_sessions_and_octets_of_each_side(name: str) -> None:
    sessions = stated(name)
    found = conversations(name, PORTS)
    assert {one.client.port for one in found} == set(sessions) or not sessions
    for one in found:
        if one.client.port not in sessions:
            continue
        body = sessions[one.client.port]
        assert (one.client.address, one.server.address) == (body["source"]["ip"], body["destination"]["ip"])
        octets = [len(one.said(CLIENT)), len(one.said(SERVER))]
        # Without a handshake arkime takes nothing for said.
        assert octets == [body["client"]["bytes"], body["server"]["bytes"]] or not one.whole


@pytest.mark.parametrize("name", NAMES)
def test_transactions(name: str) -> None:
    """arkime adds the addresses of the header fields From, To and Cc to those of the envelope; we read no header."""
    sessions = stated(name)
    for one in conversations(name, PORTS):
        if one.client.port not in sessions:
            continue
        observed = observe(one)
        body = sessions[one.client.port]
        email = body.get("email", {})
        senders = {transaction.sender.lower() for transaction in observed.transactions}
        recipients = {name.lower() for each in observed.transactions for name in each.recipients}
        assert senders <= set(email.get("src", ()))
        assert recipients <= set(email.get("dst", ()))
        ours: dict[str, object] = {
            "hello": [observed.hello.lower()] if observed.hello else [],
            "sender": bool(senders),
            "recipient": bool(recipients),
            "accepted": any(message.code == 250 for message in observed.messages if message.verb == "DATA"),
            "starttls": any(record.fields["outcome"] == "tunnel" for record in observed.records("starttls")),
        }
        theirs: dict[str, object] = {
            "hello": email.get("smtpHello", []),
            "sender": "src" in email,
            "recipient": "dst" in email,
            "accepted": "smtp:statuscode:250" in body.get("tags", ()),
            "starttls": "smtp:starttls" in body.get("tags", ()),
        }
        differs = {key: value for key, value in ours.items() if value != theirs[key]}
        expected = ARKIME_DIFFERS.get(name.rsplit("/", 1)[-1])
        assert differs == (expected.ours if expected else {}), expected.why if expected else ""
