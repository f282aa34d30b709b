"""What a server offers: the keywords of its EHLO reply with their parameters."""

from __future__ import annotations

from smtpguard.smtp.keywords import keyword_name, keyword_text
from smtpguard.smtp.replies import Reply


class Offer:
    """Empty for a server that was asked with HELO."""

    def __init__(self, reply: Reply | None = None) -> None:
        self._parameters: dict[str, set[str]] = {}
        for line in reply.lines[1:] if reply is not None else ():
            words = keyword_text(line).decode("latin-1").upper().split()
            self._parameters.setdefault(keyword_name(line), set()).update(words[1:])

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._parameters

    def mechanism(self, verb: str, name: str) -> bool:
        """Whether ``verb`` (AUTH, X-EXPS) takes the mechanism ``name``; ``AUTH=LOGIN`` is the old way to say so."""
        return name in self._parameters.get(verb, ()) or f"{verb}={name}" in self._parameters
