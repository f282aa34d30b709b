"""SASL mechanisms as the receiving server plays them: LOGIN, and NTLM by pyspnego. No texts, no sockets.

A mechanism is asked with the client's octets, base64 taken off; it answers with a challenge or with the end. None of
them raises for what a client sends: an exchange that makes no sense has failed.
"""

from __future__ import annotations

import hmac
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from smtpguard.lab.sender.ntlm_nonces import Nonces

_USER_FILE = "NTLM_USER_FILE"  # where pyspnego's acceptor looks for accounts


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange goes on. ``prompt``: the profile's text of that name; None: ``octets`` are to be sent, as base64."""

    prompt: str | None = None
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    """``proved``: ``user`` is who the client is; else only whom it named, as far as it came."""

    proved: bool
    user: str = ""


class Mechanism(Protocol):
    """One exchange; ``step`` with None begins one without an initial response."""

    def step(self, response: bytes | None) -> Challenge | Ended: ...


class Login:
    """LOGIN: user and password, each on a challenge; an initial response is taken for the user."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._user: str | None = None

    def step(self, response: bytes | None) -> Challenge | Ended:
        """Ask for the user, then for the password, then judge."""
        if response is None:
            return Challenge("user_challenge")
        if self._user is None:
            self._user = response.decode("utf-8", "replace")
            return Challenge("password_challenge")
        name = next((name for name in self._users if name.lower() == self._user.lower()), None)
        if name is None or not hmac.compare_digest(self._users[name].encode(), response):
            return Ended(proved=False, user=self._user)
        return Ended(proved=True, user=name)


class Ntlm:
    """NTLM: negotiate, challenge, authenticate (MS-NLMP). ``nonces`` make the challenge.

    An account ``DOMAIN\\NAME`` needs the same domain from the client, a plain ``NAME`` a client that gives none.
    """

    def __init__(self, users: Mapping[str, str], nonces: Nonces) -> None:
        # Costs a third of a second, which only a run that authenticates should pay.
        import spnego

        self._failure = spnego.exceptions.SpnegoError
        self._users = users
        self._nonces = nonces
        with _accounts(users), nonces.shown():
            self._context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        self._challenged = False

    def step(self, response: bytes | None) -> Challenge | Ended:
        """Answer the negotiate message with a challenge, judge the authenticate message."""
        if response is None:
            return Challenge("ntlm_go_ahead")
        try:
            with _accounts(self._users), self._nonces.shown():
                octets = self._context.step(response)
        except (self._failure, ValueError, IndexError, KeyError, OverflowError, UnicodeError, struct.error):
            return Ended(proved=False)
        if not self._challenged and octets:
            self._challenged = True
            return Challenge(octets=octets)
        return Ended(proved=self._context.complete, user=self._context.client_principal or "")


@contextmanager
def _accounts(users: Mapping[str, str]) -> Iterator[None]:
    """The accounts in a file of our own while pyspnego looks, which is one call: it takes them in no other way.

    Nothing awaits inside, so no other session sees the variable, and the file is gone when the call returns.
    """
    before = os.environ.get(_USER_FILE)
    with tempfile.TemporaryDirectory(prefix="smtpguard-") as folder:
        file = Path(folder) / "accounts"
        lines = (f"{domain}:{name}:{password}\n" for domain, name, password in _entries(users))
        file.write_text("".join(lines), encoding="utf-8")
        os.environ[_USER_FILE] = str(file)
        try:
            yield
        finally:
            if before is None:
                del os.environ[_USER_FILE]
            else:
                os.environ[_USER_FILE] = before


def _entries(users: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for account, password in users.items():
        domain, separator, name = account.rpartition("\\")
        yield (domain if separator else ""), name, password
