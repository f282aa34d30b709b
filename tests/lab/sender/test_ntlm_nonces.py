"""NTLM that is the same twice, and names no machine outside the lab."""

from __future__ import annotations

import os
import random
import socket

import spnego
from spnego import _ntlm
from spnego._ntlm_raw.messages import FileTime

from smtpguard.lab.receiver.mechanisms import Challenge, Ended, Ntlm
from smtpguard.lab.scenario.model import START
from smtpguard.lab.sender.ntlm_nonces import Nonces


def nonces(seed: int) -> Nonces:
    return Nonces(random.Random(seed), "hub1.example.com", lambda: START)


def exchange(seed: int) -> list[bytes]:
    """The three messages of an exchange that succeeds."""
    ours, server = nonces(seed), Ntlm({"relay": "Secret-1"}, nonces(seed + 1))
    with ours.shown():
        client = spnego.client("relay", "Secret-1", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        negotiate = client.step() or b""
    challenge = server.step(negotiate)
    assert isinstance(challenge, Challenge)
    with ours.shown():
        authenticate = client.step(challenge.octets) or b""
    assert server.step(authenticate) == Ended(proved=True, user="relay")
    return [negotiate, challenge.octets, authenticate]


def test_the_seed_alone_decides() -> None:
    assert exchange(1) == exchange(1)
    assert exchange(1)[1:] != exchange(2)[1:]


def test_the_lab_is_named_and_not_this_machine() -> None:
    said = b"".join(exchange(1))
    assert "HUB1".encode("utf-16-le") in said
    assert socket.gethostname().upper().encode("utf-16-le") not in said


def test_afterwards_the_system_is_the_systems_again() -> None:
    with nonces(1).shown():
        assert _ntlm.os is not os
        assert _ntlm.os.environ is os.environ
    assert (_ntlm.os, _ntlm.socket, _ntlm.FileTime) == (os, socket, FileTime)
