"""The smuggling matrix over a real relay, before receivers of our own, and the page that prints it."""

from __future__ import annotations

import asyncio

import pytest

from tests.protection import smuggling
from tests.protection.receiver import READINGS, Reading
from tests.protection.smuggling import INNER, OUTER, POLICIES, Outcome, attempt, text
from tests.relay.hosts import SECONDS
from tests.smtp.false_ends import FALSE_ENDS

HARDEN = ("harden:refuse", "harden:normalise")


def attempted(policy: str, form: bytes, reading: Reading) -> Outcome:
    async def bounded() -> Outcome:
        async with asyncio.timeout(SECONDS):
            outcome, receiver, journal = await attempt(policy, form, reading)
            seen = [fields["violation"] for fields in journal.named("violation")]
            assert "smuggling" in seen or policy == "pass", seen
            if policy != "pass":
                # Law 7, on the output: no octet of a line end stands alone in a command.
                assert not [line for line in receiver.commands if set(line) & {0, 10, 13}]
                assert not [line for line in receiver.commands if b"ceo" in line]
            return outcome

    return asyncio.run(bounded())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("form", FALSE_ENDS)
def test_the_page_says_what_happens(form: str, policy: str) -> None:
    page = smuggling.read_page()
    for reading in READINGS:
        assert page[policy, form, reading] == str(attempted(policy, FALSE_ENDS[form], reading).messages), reading


def test_the_attack_is_one_that_works() -> None:
    """Each form makes two messages of one before some receiver, or it would show nothing."""
    page = smuggling.read_page()
    for form in FALSE_ENDS:
        assert "2" in [page["pass", form, reading] for reading in READINGS], form


def test_under_harden_nobody_ever_sees_two() -> None:
    page = smuggling.read_page()
    expected = {"harden:refuse": "0", "harden:normalise": "1"}
    for policy in HARDEN:
        columns = {receiver for held, _, receiver in page if held == policy}
        assert columns >= {*READINGS}
        assert {page[policy, form, receiver] for form in FALSE_ENDS for receiver in columns} == {expected[policy]}


def test_every_form_of_both_legs_is_there() -> None:
    page = smuggling.read_page()
    assert {form for _, form, _ in page} == {*FALSE_ENDS}
    assert len(FALSE_ENDS) == 12
    assert {policy for policy, _, _ in page} == {*POLICIES}


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_the_client_hears_550_under_refuse(form: str) -> None:
    assert attempted("harden", FALSE_ENDS[form], "strict") == Outcome(0, 550)


@pytest.mark.parametrize("form", FALSE_ENDS)
def test_normalised_every_receiver_reads_the_same_lines(form: str) -> None:
    async def read(reading: Reading) -> list[bytes]:
        async with asyncio.timeout(SECONDS):
            outcome, receiver, journal = await attempt("harden:normalise", FALSE_ENDS[form], reading)
            assert outcome.told == 250
            assert [fields["rule"] for fields in journal.named("payload-normalised")] == ["smuggling"]
            return receiver.messages

    seen = [asyncio.run(read(reading)) for reading in READINGS]
    assert len(seen[0]) == 1
    assert seen[0] == seen[1] == seen[2]


def test_the_text_holds_what_it_should() -> None:
    whole = text(b"\n.\n")
    assert OUTER in whole
    assert INNER in whole
    assert whole.count(b"\r\n.\r\n") == 1
