"""The verbs, one table row each.

A row says what follows the command on the wire, whether the client's next octets wait for the reply, whether the verb
must end a pipelined group, how long its line may be, and what a positive reply changes. A verb outside the table is
``UNKNOWN``: its line is passed on and its reply paired like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Payload = Literal["", "text", "chunk", "blob", "sasl", "tls"]
Change = Literal["", "hello", "mail", "rcpt", "reset", "turn", "xclient"]

LINE = 512
"""Octets of a command line with its CRLF, RFC 5321 4.5.3.1.4."""

EXTENDED_LINE = 2048
"""MAIL and RCPT with the parameters that extensions add to the 512 (RFC 1870, 3461, 4954, 6531 each name their own
increment). The sum is ours: room for every registered parameter at once."""

HELD_LINE = 16_384
"""The longest command line that the guard holds. RFC 4954 4.3 asks for 12,288 octets for AUTH, the longest of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """One row. ``payload``: what the client sends behind the command; ``waits``: only when the reply allows it."""

    name: str
    syntax: str
    source: str
    payload: Payload = ""
    waits: bool = False
    ends_group: bool = False
    max_length: int = LINE
    change: Change = ""


_ROWS = (
    Verb("HELO", "domain", "RFC 5321 4.1.1.1", ends_group=True, change="hello"),
    Verb("EHLO", "domain", "RFC 5321 4.1.1.1", ends_group=True, change="hello"),
    Verb("LHLO", "domain", "RFC 2033 4.1", ends_group=True, change="hello"),
    Verb("MAIL", "FROM:<path> [parameters]", "RFC 5321 4.1.1.2", max_length=EXTENDED_LINE, change="mail"),
    Verb("RCPT", "TO:<path> [parameters]", "RFC 5321 4.1.1.3", max_length=EXTENDED_LINE, change="rcpt"),
    Verb("DATA", "", "RFC 5321 4.1.1.4", payload="text", waits=True, ends_group=True),
    Verb("BDAT", "octets [LAST]", "RFC 3030 2", payload="chunk"),
    Verb("RSET", "", "RFC 5321 4.1.1.5", change="reset"),
    Verb("NOOP", "[string]", "RFC 5321 4.1.1.9", ends_group=True),
    Verb("QUIT", "", "RFC 5321 4.1.1.10", ends_group=True),
    Verb("VRFY", "string", "RFC 5321 4.1.1.6", ends_group=True),
    Verb("EXPN", "string", "RFC 5321 4.1.1.7", ends_group=True),
    Verb("HELP", "[string]", "RFC 5321 4.1.1.8", ends_group=True),
    Verb("ETRN", "node", "RFC 1985", ends_group=True),
    Verb("TURN", "", "RFC 821 3.8", waits=True, ends_group=True, change="turn"),
    Verb("ATRN", "[domains]", "RFC 2645", waits=True, ends_group=True, change="turn"),
    Verb("AUTH", "mechanism [initial]", "RFC 4954 4", payload="sasl", waits=True, ends_group=True, max_length=12_288),
    Verb("STARTTLS", "", "RFC 3207 4", payload="tls", waits=True, ends_group=True),
    # STARTTLS between the servers of one Exchange organisation, from 2007 on. The keyword stands in public EHLO lists;
    # that it is answered and goes on as STARTTLS does is inferred.
    Verb("X-ANONYMOUSTLS", "", "Exchange 2010", payload="tls", waits=True, ends_group=True),
    Verb("XCLIENT", "attributes", "Postfix XCLIENT", waits=True, ends_group=True, change="xclient"),
    Verb("XFORWARD", "attributes", "Postfix XFORWARD"),  # a Postfix that says it goes on in the same group
    # KB812455 sets no limit; the guard's own is the next best.
    Verb(
        "X-EXPS", "mechanism [initial]", "KB812455", payload="sasl", waits=True, ends_group=True, max_length=HELD_LINE
    ),
    Verb("X-LINK2STATE", "[FIRST|NEXT|LAST] CHUNK=data", "KB812455", ends_group=True, max_length=1024),
    Verb("XEXCH50", "octets recipients", "KB812455", payload="blob", waits=True, ends_group=True, max_length=50),
    Verb("SEND", "FROM:<path>", "RFC 821 4.1.1", max_length=EXTENDED_LINE, change="mail"),
    Verb("SOML", "FROM:<path>", "RFC 821 4.1.1", max_length=EXTENDED_LINE, change="mail"),
    Verb("SAML", "FROM:<path>", "RFC 821 4.1.1", max_length=EXTENDED_LINE, change="mail"),
)

VERBS: dict[str, Verb] = {row.name: row for row in _ROWS}

UNKNOWN = Verb("", "", "RFC 5321 4.2.4")


def count_by_verb() -> dict[str, int]:
    """A count for each verb's name, all 0; those of UNKNOWN under the empty name."""
    return dict.fromkeys((*VERBS, UNKNOWN.name), 0)
