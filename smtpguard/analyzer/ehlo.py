"""The EHLO reply, line by line: keywords, masked lines, malformed lines. Pure; no input makes it fail."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtpguard.analyzer.steps import Step, shown
from smtpguard.smtp.keywords import keyword_name, keyword_text
from smtpguard.smtp.replies import code_of

# Cisco ASA: X's of the line's length with a last letter, A, B, C in order; `XI` is the shortest (for OK).
_LETTERS = re.compile(rb"X+[A-Z]")
# A same-length star mask changes the fourth character: XEX*H50.
_STAR = re.compile(rb"[A-Za-z0-9-]{3}\*[A-Za-z0-9=-]*")
_WITH_ARGUMENTS = {"X-EXPS": "X-EXPS GSSAPI NTLM"}  # the shortest line that Exchange 2000 and later give it
_GOOD_LINE = re.compile(rb"250[- ][^\r\n]*\r\n")


@dataclass(frozen=True, slots=True)
class Ehlo:
    """``texts`` are the lines after the first as they came, without code and line end; ``names`` their keywords.

    ``masked``: those of ``texts`` that a box has overwritten. ``malformed``: lines, whole, that are not as RFC 5321
    4.2.1 has them. ``given`` false: EHLO was not answered with 2xx.
    """

    given: bool
    texts: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    masked: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()

    def has(self, keyword: str) -> bool:
        """Whether ``keyword`` (upper case) is in the list."""
        return keyword in self.names

    def mask_for(self, keyword: str) -> str:
        """A masked line that may stand in the place of ``keyword``, empty when there is none.

        It is as long as the keyword, or as its line with the arguments that are masked with it.
        """
        line = len(_WITH_ARGUMENTS.get(keyword, ""))
        return next((mask for mask in self.masked if len(mask) == len(keyword) or 0 < line <= len(mask)), "")


def read_ehlo(step: Step | None) -> Ehlo:
    """What the EHLO step brought; ``step`` is None when the session did not come so far."""
    if step is None or not step.received:
        return Ehlo(given=False)
    lines = step.reply.lines or [step.received]
    malformed = tuple(shown(line.rstrip(b"\r\n")) for line in lines if _is_malformed(line))
    if not step.accepted:
        return Ehlo(given=False, malformed=malformed if not 400 <= step.code < 600 else ())
    listed = [line for line in lines[1:] if code_of(line) >= 0]
    texts = [keyword_text(line) for line in listed]
    return Ehlo(
        given=True,
        texts=tuple(shown(text) for text in texts),
        names=frozenset(keyword_name(line) for line in listed) - {""},
        masked=tuple(shown(text) for text in texts if _LETTERS.fullmatch(text) or _STAR.fullmatch(text)),
        malformed=malformed,
    )


def is_starred(text: str) -> bool:
    """Whether ``text``, a masked line, was masked with a star."""
    return "*" in text


def _is_malformed(line: bytes) -> bool:
    """Any code but 250, a bare LF, a bare CR, or no blank or hyphen behind the code."""
    return _GOOD_LINE.fullmatch(line) is None and line != b"250\r\n"
