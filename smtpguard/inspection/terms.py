"""What the relay settles for a session before any rule is asked: who speaks TLS with whom, what is the guard's alone.

Terms come from the configuration and are the same for every session of a listener; a policy can't change them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StartTlsMode = Literal["tunnel", "bridge", "refuse", "strip"]
Offer = Literal["never", "missing", "always"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one listener.

    starttls  tunnel: opaque from the server's 220 on; bridge: the guard ends TLS on both legs; refuse: 454 in the
              server's place; strip: the keyword is taken out of the EHLO list as well.
    offer     whether a bridge offers STARTTLS in its own name and goes on in clear towards the server: never, where
              the server does not offer it, always.
    tls       the client has spoken TLS from the first octet on (RFC 8314).
    shielded  XCLIENT and XFORWARD are the guard's alone: the server believes what it says with them, so no client may.
    """

    starttls: StartTlsMode = "tunnel"
    offer: Offer = "never"
    tls: bool = False
    shielded: bool = False

    @property
    def edits_keywords(self) -> bool:
        """Whether the reply to EHLO may have to change."""
        return self.starttls in ("bridge", "strip") or self.shielded or self.tls


DEFAULT = Terms()
