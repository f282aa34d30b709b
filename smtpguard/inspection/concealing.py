"""What of a conversation may be written down: commands and replies with every place masked where a secret may stand.

Masked octets become x's, one for one, so that lengths stay. Of AUTH and X-EXPS only the mechanism is kept, where it is
one that we know; of the lines of their exchange and of the replies to both nothing but the codes. Behind NOOP, HELP and
a verb outside the table anything may stand, a password in the wrong place too, or a line of a message whose DATA was
refused: masked. So is a verb outside the table, unless it is a private one (RFC 5321 4.1.5) and no AUTH was tried.
"""

from __future__ import annotations

import re

from smtpguard.smtp.commands import Command
from smtpguard.smtp.verbs import UNKNOWN

_KEPT = frozenset(b"\r\n\0. \t")
_MASK = bytes(octet if octet in _KEPT else ord("x") for octet in range(256))
_PRIVATE = re.compile(r"X[A-Z0-9-]{1,19}\Z")
_HIDING = frozenset(("NOOP", "HELP"))
_VERB = re.compile(rb"[ \t\v\f]*[^ \t\v\f\r\n]*")
_MECHANISM = re.compile(
    rb"[ \t\v\f]*[^ \t\v\f\r\n]+[ \t\v\f]+"
    rb"(?:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|NTLM|GSSAPI|GSS-SPNEGO|EXTERNAL|ANONYMOUS|KERBEROS_V4|XOAUTH2|OAUTHBEARER"
    rb"|SCRAM-[A-Z0-9-]{1,20})(?=[ \t\v\f\r\n]|\Z)",
    re.IGNORECASE,
)


def concealed_octets(data: bytes) -> bytes:
    """``data`` with x's over all but line ends, NUL, dots and blanks."""
    return data.translate(_MASK)


def gives_credentials(line: bytes) -> bool:
    """Whether a command line begins an exchange of credentials."""
    return Command(line).spec.payload == "sasl"


def concealed_command(line: bytes, *, tried_auth: bool) -> bytes:
    """A command line without secrets; ``tried_auth``: this session has said AUTH before."""
    command = Command(line)
    if command.spec.payload == "sasl":
        found = _MECHANISM.match(line) or _VERB.match(line)
    elif command.spec is UNKNOWN:
        found = _VERB.match(line) if _PRIVATE.match(command.verb) and not tried_auth else None
    elif command.name in _HIDING:
        found = _VERB.match(line)
    else:
        return line
    end = found.end() if found else 0
    return line[:end] + concealed_octets(line[end:])


def concealed_reply(reply: bytes) -> bytes:
    """A reply, of one line or more, with only its codes left."""
    return b"\n".join(line[:4] + concealed_octets(line[4:]) for line in reply.split(b"\n"))
