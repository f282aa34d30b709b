"""The mechanisms by themselves."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
import spnego
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpguard.lab.receiver.mechanisms import Challenge, Ended, Login, Ntlm
from smtpguard.lab.scenario.model import START
from smtpguard.lab.sender.ntlm_nonces import Nonces

USERS = {"relay": "Secret-1"}
NONCES = Nonces(random.Random(1), "mx1.example.net", lambda: START)


def client(user: str = "relay", password: str = "Secret-1") -> spnego.ContextProxy:
    return spnego.client(user, password, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)


def test_login_asks_twice() -> None:
    login = Login(USERS)
    assert login.step(None) == Challenge("user_challenge")
    assert login.step(b"Relay") == Challenge("password_challenge")
    assert login.step(b"Secret-1") == Ended(proved=True, user="relay")


@pytest.mark.parametrize(("user", "password"), [(b"eve", b"Secret-1"), (b"relay", b""), (b"\xff", b"\xff")])
def test_login_refuses(user: bytes, password: bytes) -> None:
    login = Login(USERS)
    login.step(user)
    ended = login.step(password)
    assert isinstance(ended, Ended)
    assert not ended.proved


def test_ntlm_goes_on_and_ends() -> None:
    server, peer = Ntlm(USERS, NONCES), client()
    assert server.step(None) == Challenge("ntlm_go_ahead")
    challenge = server.step(peer.step())
    assert isinstance(challenge, Challenge)
    assert challenge.octets.startswith(b"NTLMSSP\x00\x02")
    assert server.step(peer.step(challenge.octets)) == Ended(proved=True, user="relay")


def test_the_accounts_are_a_file_only_while_pyspnego_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("NTLM_USER_FILE", "kept")
    server, peer = Ntlm(USERS, NONCES), client()
    challenge = server.step(peer.step())
    assert isinstance(challenge, Challenge)
    server.step(peer.step(challenge.octets))
    assert os.environ["NTLM_USER_FILE"] == "kept"
    assert not list(tmp_path.iterdir())


def test_without_accounts_nobody_is_proved() -> None:
    server, peer = Ntlm({}, NONCES), client()
    challenge = server.step(peer.step())
    assert isinstance(challenge, Challenge)
    assert server.step(peer.step(challenge.octets)) == Ended(proved=False)


@settings(max_examples=25)
@given(st.binary(max_size=200), st.binary(max_size=400))
def test_ntlm_raises_for_nothing_that_a_client_sends(first: bytes, second: bytes) -> None:
    header = b"NTLMSSP\x00"
    for prefix in (b"", header, header + b"\x01\x00\x00\x00", header + b"\x03\x00\x00\x00"):
        assert isinstance(Ntlm(USERS, NONCES).step(prefix + first), Ended | Challenge)
        server = Ntlm(USERS, NONCES)
        server.step(client().step())
        ended = server.step(prefix + second)
        assert isinstance(ended, Ended)
        assert not ended.proved
