"""What a receiver offers to one connection: the profile's list, less what is not loaded, switched off or done."""

from __future__ import annotations

from dataclasses import dataclass

from smtpguard.lab.receiver.profile import Profile
from smtpguard.lab.receiver.settings import Sink

_BASE = frozenset({"HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"})
_OF_TLS = frozenset({"TLS", "STARTTLS"})


def _name(line: str) -> str:
    """The keyword of an EHLO line: ``X-EXPS`` of ``X-EXPS=LOGIN`` too."""
    return line.split(" ", 1)[0].partition("=")[0].upper()


@dataclass(frozen=True)
class Offer:
    """Fixed when a connection begins; a sink that is registered meanwhile counts for the next one."""

    profile: Profile
    unregistered: frozenset[Sink] = frozenset()
    keywords_off: frozenset[str] = frozenset()

    def lines(self, *, tls: bool) -> list[str]:
        """The EHLO reply's lines as templates, greeting first; under TLS it is not offered again (RFC 3207 4.2)."""
        off = {keyword.upper() for keyword in self.keywords_off} | self._gone | (_OF_TLS if tls else frozenset())
        greeting, *keywords = self.profile.ehlo
        return [greeting, *(line for line in keywords if _name(line) not in off and line.upper() not in off)]

    def knows(self, verb: str) -> bool:
        """Whether ``verb`` is answered as a command; else it is unrecognized."""
        return verb in _BASE or verb in (self.profile.verbs - self._gone)

    def lacks(self, verb: str) -> bool:
        """Whether ``verb`` is one that the real system does and the lab does not."""
        return verb in (self.profile.not_here - self._gone)

    def parameters(self, verb: str) -> frozenset[str]:
        """The names of the ESMTP parameters that MAIL or RCPT may carry, by what the profile's list says it can do."""
        wanted = _MAIL if verb == "MAIL" else _RCPT
        return frozenset(name for name, keywords in wanted.items() if any(map(self.profile.offers, keywords)))

    @property
    def _gone(self) -> frozenset[str]:
        return frozenset(word for sink in self.unregistered for word in self.profile.sinks.get(sink, ()))


_MAIL: dict[str, tuple[str, ...]] = {
    "SIZE": ("SIZE",),
    "BODY": ("8BITMIME", "BINARYMIME"),
    "RET": ("DSN",),
    "ENVID": ("DSN",),
    "AUTH": ("AUTH",),
}
_RCPT: dict[str, tuple[str, ...]] = {"NOTIFY": ("DSN",), "ORCPT": ("DSN",)}
