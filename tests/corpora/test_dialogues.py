"""Dialogues and reply texts of chasquid (Apache-2.0) and MailKit (MIT) pass under ``pass`` octet for octet."""

from __future__ import annotations

import pytest

from smtpguard.replay.captures import Conversation
from smtpguard.smtp.sides import CLIENT, SERVER, other
from tests.corpora.dialogues import answered, conversation, dialogues, replied, seed
from tests.corpora.observed import Observed, observe
from tests.corpora.places import CHASQUID_DIALOGUES, CHASQUID_SEEDS, MAILKIT, ROOT, difference, place
from tests.corpora.table import DIALOGUE_VIOLATIONS
from tests.playbook.slicing import SLICINGS

pytestmark = pytest.mark.corpora

SMALL = 20_000  # octets of a dialogue that is also fed one octet at a time


def names(folder: str, pattern: str) -> list[str]:
    """The files of a folder; one that is not there where the folder is missing, so that the test can skip."""
    return sorted(path.name for path in (ROOT / folder).glob(pattern)) or ["missing"]


def passes(told: Conversation) -> Observed:
    """Feed it in every slicing; what leaves must be what came. Gives what was seen of the whole."""
    for slicing, cut in SLICINGS.items():
        if slicing == "octets" and sum(len(turn.data) for turn in told.turns) > SMALL:
            continue
        seen = observe(told, cut)
        for side in (CLIENT, SERVER):
            differs = difference(told.said(side), seen.replay.sent[other(side)])
            assert not differs, f"{slicing}, {side}"
    return observe(told)


@pytest.mark.parametrize("name", names(CHASQUID_DIALOGUES, "*.cmy"))
def test_dialogues(name: str) -> None:
    path = place(CHASQUID_DIALOGUES) / name
    found = set().union(*(passes(told).violations for told in dialogues(path.read_text(encoding="utf-8"))))
    assert found == DIALOGUE_VIOLATIONS.get(name, set())


@pytest.mark.parametrize("name", names(CHASQUID_DIALOGUES, "*.cmy.verify"))
def test_the_message_has_the_size_that_the_text_delivered_has(name: str) -> None:
    """The file tells the message as delivered: lines end in LF, and the dots that were stuffed are gone."""
    path = place(CHASQUID_DIALOGUES) / name
    (told,) = dialogues(path.with_suffix("").read_text(encoding="utf-8"))
    (message,) = passes(told).messages
    lines = path.read_bytes().split(b"\n")[:-1]
    stuffed = sum(1 for turn in told.turns if turn.side is CLIENT and turn.data.startswith(b".")) - 1
    assert message.size == sum(len(line) + 2 for line in lines) + stuffed


@pytest.mark.parametrize("name", names(CHASQUID_SEEDS, "*"))
def test_fuzz_seeds(name: str) -> None:
    octets = seed((place(CHASQUID_SEEDS) / name).read_text(encoding="utf-8"))
    passes(conversation([(CLIENT, octets)]))
    passes(conversation([(SERVER, b"220 mx\r\n"), (CLIENT, octets), (SERVER, b"500 what\r\n")]))
    passes(answered(octets.replace(b"\n", b"\r\n")))


@pytest.mark.parametrize("name", names(MAILKIT, "*.txt"))
def test_replies(name: str) -> None:
    seen = passes(replied(name, (place(MAILKIT) / name).read_bytes()))
    assert seen.violations == set()
    assert seen.replay.unread == {CLIENT: 0, SERVER: 0}
