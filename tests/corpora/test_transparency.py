"""Every public capture passes the Inspector under ``pass`` octet for octet, however TCP cut it (laws 1 and 2)."""

from __future__ import annotations

import pytest

from smtpguard.replay.captures import Conversation
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other
from tests.corpora.observed import Observed, observe
from tests.corpora.places import ROOT, conversations, difference, place
from tests.corpora.table import CAPTURES, ODD, PORTS, Odd
from tests.playbook.slicing import SLICINGS

pytestmark = pytest.mark.corpora

SMALL = 20_000  # octets of a conversation that is also fed one octet at a time
IN_ORDER = Odd(frozenset(), "")


def test_the_table_names_every_capture() -> None:
    root = place("")
    found = {
        str(path.relative_to(ROOT)) for pattern in ("*.pcap", "*.pcapng", "*.pcap.gz") for path in root.rglob(pattern)
    }
    assert found == set(CAPTURES)
    assert {name for name, _ in ODD} <= set(CAPTURES)


@pytest.mark.parametrize("name", CAPTURES)
def test_passes_octet_for_octet(name: str) -> None:
    found = conversations(name, PORTS)
    assert found, "no conversation on a port of the table"
    for number, conversation in enumerate(found):
        for slicing, cut in SLICINGS.items():
            if slicing == "octets" and sum(len(turn.data) for turn in conversation.turns) > SMALL:
                continue
            seen = observe(conversation, cut)
            for side in (CLIENT, SERVER):
                stayed = _stayed(conversation, seen, side)
                expected = bool(ODD.get((name, number), IN_ORDER).stays) and side is CLIENT
                assert bool(stayed) == expected, f"conversation {number}, {slicing}, {side}: {stayed or 'all passed'}"
            assert not seen.replay.reset
            assert not seen.replay.closed or not any(seen.replay.unread.values())


def _stayed(conversation: Conversation, seen: Observed, side: Side) -> str:
    """How what left differs from what ``side`` said; fails where it is not at least its beginning."""
    said, left = conversation.said(side), seen.replay.sent[other(side)]
    told = difference(said, left)
    if not said.startswith(left):
        pytest.fail(told)
    return told


@pytest.mark.parametrize("name", CAPTURES)
def test_violations_are_those_of_the_table(name: str) -> None:
    for number, conversation in enumerate(conversations(name, PORTS)):
        odd = ODD.get((name, number), IN_ORDER)
        for slicing in ("whole", "lines", "random 1"):
            seen = observe(conversation, SLICINGS[slicing])
            assert (number, seen.violations) == (number, odd.violations), odd.why
            assert (number, seen.uncertain) == (number, {odd.uncertain} - {""}), odd.why
