"""How a rule's conditions are written: verbs, globs, regular expressions, sizes, codes, states, networks.

Each ``read_...`` takes one plain value of the YAML text and gives the typed one, or raises ``fields.wrong``.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import NamedTuple

from smtpguard.policy.errors import nearest, quoted, suggestion
from smtpguard.policy.fields import Form, Schema, one_or_more, wrong
from smtpguard.smtp.verbs import VERBS
from smtpguard.smtp.violations import VIOLATIONS

ANY_UNKNOWN = "unknown"
"""The word for every verb outside the table."""

STATES = ("connect", "greeted", "helloed", "mail", "rcpt", "payload", "auth")

_VERB = re.compile(r"[A-Z0-9-]{1,32}\Z")
_SIZE = re.compile(
    r"(?:(?P<sign><=|>=|<|>) *(?P<bound>[0-9]{1,12})"
    r"|(?P<low>[0-9]{1,12}) *\.\. *(?P<high>[0-9]{1,12})"
    r"|(?P<exact>[0-9]{1,12}))\Z"
)
_CODE = re.compile(r"[2-5](?:[0-9][0-9]|[0-9]x|xx)\Z")
_LOOKALIKES = str.maketrans("OIL", "011")


class SizeRange(NamedTuple):
    """Octets from ``low`` to ``high``, both included; ``high`` None is no upper bound."""

    low: int
    high: int | None


def read_verb(value: object) -> str:
    """A verb in upper case, or ``unknown``. A verb outside the table that looks like a slip of the pen is refused."""
    if not isinstance(value, str):
        raise wrong(f"expected a verb, found {quoted(value)}", "such as MAIL, or [MAIL, RCPT]")
    if value.lower() == ANY_UNKNOWN:
        return ANY_UNKNOWN
    verb = value.upper()
    if not _VERB.match(verb):
        raise wrong(f"{quoted(value)} is not a verb", "letters, digits and hyphens; the rest of the line is `argument`")
    if verb not in VERBS and (meant := _slip(verb)) is not None:
        raise wrong(f"unknown verb {quoted(value)}", f"did you mean '{meant}'?")
    return verb


def _slip(verb: str) -> str | None:
    """The verb of the table that ``verb`` was meant to be. Private verbs begin with X (RFC 5321 4.1.5) and are free,
    but not where they differ only in look-alikes or in the order of their letters."""
    if not verb.startswith("X"):
        return nearest(verb, VERBS)
    shape = sorted(verb.translate(_LOOKALIKES))
    return next((known for known in VERBS if sorted(known.translate(_LOOKALIKES)) == shape), None)


def read_word(value: object) -> str:
    """A glob or a name: text that is not empty, without blanks."""
    if not isinstance(value, str) or not value or any(char.isspace() for char in value):
        raise wrong(f"expected a word without blanks, found {quoted(value)}")
    return value


def read_address_glob(value: object) -> str:
    """A glob over an address without its < >; ``<>`` is the null sender."""
    if not isinstance(value, str) or any(char.isspace() for char in value):
        raise wrong(f"expected an address pattern such as '*@example.com', found {quoted(value)}")
    return value.removeprefix("<").removesuffix(">") if value.startswith("<") else value


def read_regex(value: object) -> str:
    """A regular expression over octets."""
    if not isinstance(value, str):
        raise wrong(f"expected a regular expression, found {quoted(value)}")
    try:
        re.compile(value.encode("latin-1"), re.IGNORECASE)
    except UnicodeEncodeError as error:
        raise wrong("the argument is octets, a character past U+00FF is none", "write octets as \\xNN") from error
    except (re.error, OverflowError, RecursionError) as error:
        raise wrong(f"not a regular expression: {error}", "as Python writes them; \\. for a dot") from error
    return value


def read_size(value: object) -> SizeRange:
    """A number of octets: ``1000``, ``> 1000``, ``>= 1000``, ``< 1000``, ``<= 1000`` or ``100..200``."""
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _SIZE.match(written) if isinstance(written, str) else None
    if found is None:
        hint = "such as 1000, '> 1000', '<= 1000' or 100..200"
        raise wrong(f"expected a size in octets, found {quoted(value)}", hint)
    if found["exact"]:
        return SizeRange(int(found["exact"]), int(found["exact"]))
    if found["low"]:
        low, high = int(found["low"]), int(found["high"])
        if low > high:
            raise wrong(f"the range {written} is empty", f"did you mean {high}..{low}?")
        return SizeRange(low, high)
    bound = int(found["bound"])
    if found["sign"] == "<" and bound == 0:
        raise wrong("no size is below 0")
    edges = {">": (bound + 1, None), ">=": (bound, None), "<": (0, bound - 1), "<=": (0, bound)}
    return SizeRange(*edges[found["sign"]])


def read_code(value: object) -> frozenset[int]:
    """The reply codes that ``550``, ``55x`` or ``5xx`` stand for."""
    written = str(value).lower() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _CODE.match(written):
        raise wrong(f"expected a reply code from 200 to 599, found {quoted(value)}", "such as 550, 55x or 5xx")
    low = int(written.replace("x", "0"))
    return frozenset(range(low, int(written.replace("x", "9")) + 1))


def read_state(value: object) -> str:
    """A state of the session."""
    if value not in STATES:
        raise wrong(f"unknown state {quoted(value)}", suggestion(str(value), STATES))
    return str(value)


def read_violation(value: object) -> str:
    """The name of a row in ``smtp.violations``."""
    if not isinstance(value, str) or value not in VIOLATIONS:
        raise wrong(f"unknown violation {quoted(value)}", suggestion(str(value), VIOLATIONS))
    return value


def read_network(value: object) -> str:
    """A network in CIDR form, or an address; names of networks are another matter."""
    if not isinstance(value, str):
        raise wrong(f"expected a network such as '192.0.2.0/24', found {quoted(value)}")
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise wrong(f"{quoted(value)} is not a network", _network_hint(value)) from error


def _network_hint(written: str) -> str:
    try:
        return f"did you mean '{ip_network(written, strict=False)}'?"  # host bits were set
    except ValueError:
        return "such as 192.0.2.0/24 or 2001:db8::/32"


def read_count(value: object) -> int:
    """A place in a row, from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000_000:
        return value
    raise wrong(f"expected a whole number from 1, found {quoted(value)}")


_TEXT: Schema = {"type": "string"}
_WORD: Schema = {"type": "string", "minLength": 1}
_VERB_WORD: Schema = {"anyOf": [{"enum": [*VERBS, ANY_UNKNOWN]}, {"type": "string", "pattern": "^[A-Za-z0-9-]+$"}]}
_OCTETS: Schema = {"type": "integer", "minimum": 0}
_RANGE: Schema = {"type": "string", "pattern": r"^((<=|>=|<|>) *[0-9]+|[0-9]+( *\.\. *[0-9]+)?)$"}
_CODE_NUMBER: Schema = {"type": "integer", "minimum": 200, "maximum": 599}
_CODE_CLASS: Schema = {"type": "string", "pattern": "^[2-5]([0-9][0-9]|[0-9]x|xx)$"}

VERB_FORM = one_or_more(read_verb, _VERB_WORD)
WORD_FORM = one_or_more(read_word, _WORD)
ADDRESS_FORM = one_or_more(read_address_glob, _TEXT)
REGEX_FORM = Form(read_regex, {"type": "string", "format": "regex"})
SIZE_FORM = Form(read_size, {"anyOf": [_OCTETS, _RANGE]})
CODE_FORM = one_or_more(read_code, {"anyOf": [_CODE_NUMBER, _CODE_CLASS]})
STATE_FORM = one_or_more(read_state, {"enum": list(STATES)})
VIOLATION_FORM = one_or_more(read_violation, {"enum": list(VIOLATIONS)})
NETWORK_FORM = one_or_more(read_network, _WORD)
COUNT_FORM = one_or_more(read_count, {"type": "integer", "minimum": 1})
