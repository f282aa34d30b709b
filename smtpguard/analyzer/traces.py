"""What a box leaves on the wire, as plain records: the words in which probes are read and fingerprints are written.

``TRACES`` has every kind, with what it says. Each is a finding by itself, by the rule of its name (``symptoms.yaml``),
but for ``HINTS``, which only help to tell boxes apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpguard.analyzer.findings import Confidence
from smtpguard.analyzer.steps import Step

TRACES = {
    # the banner
    "banner-stars": "a banner of asterisks",
    "banner-injected": "a banner that the system behind it does not send",
    "banner-text": "the banner, whatever it is",
    # the list of EHLO; `of` is a keyword, or the overwritten line
    "listed": "a keyword in the list",
    "unlisted": "a keyword of most servers is not in the list",
    "keyword-absent": "a keyword that the system has by default is not in the list, and its verb is not known either",
    "keyword-hidden": "a keyword is not in the list, and its verb works all the same",
    "keyword-lost": "a keyword is listed past the box, and not through it",
    "keyword-masked": "a line of X's with a last letter",
    "keyword-starred": "a line with a star in the place of its fourth character",
    "ehlo-refused": "EHLO is refused and HELO is taken",
    "ehlo-as-helo": "EHLO is answered as HELO is",
    "ehlo-as-noop": "EHLO is answered as NOOP is",
    "ehlo-as-unknown": "EHLO is answered as an unknown verb is, with success",
    # unknown verbs
    "unknown-verb": "the answer to an unknown verb",
    "unknown-verb-rewritten": "an unknown verb is answered in words that the server does not use",
    "unknown-verb-accepted": "an unknown verb is answered with success",
    "unknown-verb-closed": "the connection ends at an unknown verb",
    "unknown-verb-silent": "an unknown verb is not answered",
    "bad-command-limit": "the connection ends after several unknown verbs; `of` is how many",
    # verbs that are known; `of` is the verb
    "verb-answer": "the answer to a verb of an extension, whatever it is",
    "verb-refused": "a verb of a listed keyword is refused",
    "verb-closed": "the connection ends at a verb",
    "verb-silent": "a verb is not answered",
    "early-close": "the connection ends at a step of plain SMTP; `of` is the step",
    "reply-lost": "a step of plain SMTP is not answered; `of` is the step",
    "guard-answer": "a smtpguard answers in the server's place; `of` is its rule",
    # segments and lengths
    "segment-matching": "a command typed an octet at a time is not known, and is known whole",
    "split-end-lost": "a message whose CRLF.CRLF comes in two segments is not acknowledged",
    "length-limit": "a line that is well within SMTP's limits is refused or ends the connection; `of` is the line",
    # payloads
    "bdat-eaten": "the octets behind BDAT are not acknowledged",
    "bdat-as-commands": "the octets behind BDAT are taken for commands",
    "bdat-liar": "a BDAT that no server may take is answered with success",
    "blob-eaten": "the octets behind XEXCH50's 354 are not acknowledged, whatever they are",
    "blob-by-lines": "a blob without a line end is not acknowledged, and one of whole lines is",
    "blob-as-commands": "the octets behind XEXCH50's 354 are taken for commands",
    # TLS
    "starttls-refused": "STARTTLS is listed and refused",
    "starttls-broken": "STARTTLS is answered 220, and no TLS follows",
    # only on demand
    "stranger-may-xexch50": "a stranger gets a 354 to XEXCH50 2 2",
}

# Kinds that are no symptom by themselves: servers do so too, and each says something only beside others.
HINTS = frozenset({
    "banner-text", "listed", "unlisted", "keyword-absent", "unknown-verb", "bad-command-limit", "verb-answer",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace. ``of``: which verb, keyword or step; ``answer``: the reply, one line, as shown; ``step`` shows it."""

    kind: str
    of: str = ""
    answer: str = ""
    detail: str = ""
    confidence: Confidence = "certain"
    step: Step | None = None

    @property
    def words(self) -> str:
        """The trace in plain words, for the reasons of a name."""
        return self.detail or f"{TRACES[self.kind]}{f': {self.of}' if self.of else ''}"
