"""Where to connect, and the envelope of the sample message.

``read_target`` raises ``TargetError``, whose text is one line for the user. No name is looked up here
(``analyzer.lookup`` does).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

DEFAULT_PORT = 25
DNS_PORT = 53
# The analyzer's own sender (Exchange Server Analyzer, mail acceptance test).
DEFAULT_SENDER = "ExMFA-MailAcceptTest@Fabrikam.com"
# RFC 5321 4.5.1: every server takes mail for the postmaster, also without a domain.
DEFAULT_RECIPIENT = "Postmaster"
_LONGEST_PATH = 254  # RFC 5321 4.5.3.1.3: 256 with the angle brackets


class TargetError(Exception):
    """Something that the user gave cannot be used; ``str()`` says what, and what was expected."""


@dataclass(frozen=True, slots=True)
class Target:
    """``sender`` and ``recipient`` are addresses without angle brackets; ``message`` false: nothing behind RCPT.

    ``host_only``: the name is a host's, whatever MX it has. ``address``: where to connect, once it was looked up.
    """

    host: str
    port: int = DEFAULT_PORT
    sender: str = DEFAULT_SENDER
    recipient: str = DEFAULT_RECIPIENT
    message: bool = True
    host_only: bool = False
    address: str = ""

    @property
    def dial(self) -> str:
        """What to connect to: the address, or the name for the system to look up."""
        return self.address or self.host

    @property
    def place(self) -> str:
        """Host and port as one word."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_target(
    place: str, domain: str | None = None, recipient: str | None = None, sender: str | None = None, message: bool = True
) -> Target:
    """The target of ``NAME``, ``NAME:PORT``, ``[HOST]:PORT``, ``[IPv6]:PORT`` or a bare IPv6 address."""
    host, port = _host_and_port(place, DEFAULT_PORT)
    to = DEFAULT_RECIPIENT if recipient is None else recipient
    if domain is not None and "@" not in to:
        to = f"{to}@{_word(domain.removeprefix('@'), 'the domain')}"
    who, to = _word(DEFAULT_SENDER if sender is None else sender, "the sender"), _word(to, "the recipient")
    return Target(host, port, who, to, message, host_only=place.startswith("["))


def read_resolver(place: str) -> tuple[str, int]:
    """Address and port of a DNS server, port 53 where none is given."""
    host, port = _host_and_port(place, DNS_PORT)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise TargetError(f"{place}: expected the address of a DNS server, such as 192.0.2.53 or [::1]:5353") from None
    return host, port


def _host_and_port(place: str, default: int) -> tuple[str, int]:
    host, port = place, str(default)
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise TargetError(f"{place}: expected [HOST] or [HOST]:PORT, such as [::1]:25")
        port = rest[1:] if rest else port
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if not host or not host.isascii() or any(octet <= " " for octet in host):
        raise TargetError(f"{place!r}: expected HOST or HOST:PORT, such as mx1.example.net:25")
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise TargetError(f"{place}: {port or 'nothing'!r} is no port; expected 1 to 65535")
    return host, int(port)


def _word(text: str, what: str) -> str:
    """``text`` as one word that may stand in a command: no line end, blank or bracket can get into the session."""
    if not text or len(text) > _LONGEST_PATH or not text.isascii() or any(c <= " " or c in "<>\x7f" for c in text):
        raise TargetError(f"{what} {text!r}: expected one address in ASCII without blanks or angle brackets")
    return text
