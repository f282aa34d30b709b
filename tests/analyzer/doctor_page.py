"""``docs/doctor.md``: the confusion matrix of the path doctor, made from the table of its rounds.

``python -m tests.analyzer.doctor_page`` (``make golden``) holds the rounds and writes both; progress on stderr.
"""

from __future__ import annotations

import sys
from collections import Counter

from smtpguard.analyzer.fingerprints import fingerprints
from tests.analyzer.doctor_rounds import (
    BARE,
    PAGE,
    RECEIVERS,
    TABLE,
    Round,
    named_as,
    personas,
    rounds_of,
    table,
    table_text,
)

_HEAD = """\
# The path doctor, tried

Made by `make golden`; the tests compare it with what they see. Every receiver of the lab was analyzed bare and behind
every persona that has a fingerprint (`policies/fingerprints/`), through a real guard on real sockets. The doctor knew
the address of the guard and nothing else.

A persona leaves a trace before a receiver when anything that came back differs from what the bare receiver says.
{traced} of {tried} pairs of receiver and persona do; in {named} of them ({percent:.0f} %) the doctor named the persona,
or one that nobody could tell from it. Bare, and behind `pass`, it named nobody.

Mind what that figure says: the fingerprints were written beside these personas and receivers. A box of the field that
does otherwise than its persona is named otherwise or not at all.
"""
_SAME = """
## Indistinguishable on purpose

Counted as one persona, whichever of them is named:

"""
_PAIRS = """
## Receiver by receiver

`yes`: named. `same`: so was one that this receiver, or any, gives the same wire. `none`: no trace at all. Otherwise the
persona that was named instead, or `?`.

"""
_MATRIX = """
## Confusion matrix

A row is the persona that stood there, a column the one that was named, a cell the number of receivers. `-` is a trace
without a name. Pairs without a trace are left out.

"""


def page() -> str:
    """The whole page."""
    kept = table()
    outcomes = [str(kept[receiver][persona]["outcome"]) for receiver in RECEIVERS for persona in personas()]
    traced = sum(outcome != "traceless" for outcome in outcomes)
    named = sum(outcome in ("named", "same") for outcome in outcomes)
    head = _HEAD.format(traced=traced, tried=len(outcomes), named=named, percent=100 * named / traced)
    return head + _SAME + _groups() + _PAIRS + _pairs() + _MATRIX + _matrix()


def _groups() -> str:
    return "".join(
        f"- `{one.policy}` and {', '.join(f'`{name}`' for name in one.same)}: {one.same_because}\n"
        for one in fingerprints()
        if one.same
    )


def _pairs() -> str:
    words = {"named": "yes", "same": "same", "traceless": "none", "unnamed": "?"}
    lines = [f"| persona | {' | '.join(RECEIVERS)} |", f"|---|{'---|' * len(RECEIVERS)}"]
    for persona in (BARE, *personas()):
        cells = [str(table()[receiver][persona]["outcome"]) for receiver in RECEIVERS]
        lines.append(f"| `{persona}` | {' | '.join(words.get(cell, f'`{cell}`') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _matrix() -> str:
    rows = {
        persona: Counter(named_as(table()[receiver][persona], persona) for receiver in RECEIVERS)
        for persona in (BARE, *personas())
    }
    shown = [persona for persona, counts in rows.items() if any(counts[name] for name in counts if name)]
    columns = [*shown, "-"]
    width = max(len(f"{number:2} {persona}") for number, persona in enumerate(shown, 1))
    lines = [" " * width + "".join(f"{number:4}" for number in range(1, len(shown) + 1)) + "   -"]
    for number, persona in enumerate(shown, 1):
        cells = (rows[persona][column] for column in columns)
        lines.append(f"{number:2} {persona}".ljust(width) + "".join(f"{cell or '.':>4}" for cell in cells))
    return "".join(f"    {line}\n" for line in lines)


def main() -> None:
    """Hold every round and write both files."""
    held: dict[str, dict[str, Round]] = {}
    for number, receiver in enumerate(RECEIVERS, 1):
        sys.stderr.write(f"path doctor, receiver {number} of {len(RECEIVERS)}: {receiver}\n")
        held[receiver] = rounds_of(receiver)
    TABLE.write_text(table_text(held), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
