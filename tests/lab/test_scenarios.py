"""Every scenario that ships, behind every policy that it says something of: it ends as it says, twice the same."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import pytest

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.message import sample
from smtpguard.lab.result import RunResult
from smtpguard.lab.run import assemble, play, run_scenario
from smtpguard.lab.scenario.file import load_scenario, scenario_names
from smtpguard.lab.sender.wire import CLOSED

SCENARIOS = [load_scenario(name) for name in scenario_names()]
ENDINGS = [(scenario.name, firewall) for scenario in SCENARIOS for firewall in scenario.expects]

# The outcomes of the facts' section 6, row by row.
OUTCOMES = {
    1: "delivered", 2: "delivered", 3: "delivered", 4: "ndr", 5: "ndr", 6: "ndr",
    7: "ndr", 8: "ndr", 9: "delivered", 10: "delivered", 11: "delivered", 12: "delivered",
}  # fmt: skip


@cache
def played(name: str, firewall: str) -> RunResult:
    return run_scenario(load_scenario(name), firewall, sample())


@pytest.mark.parametrize(("name", "firewall"), ENDINGS)
def test_it_ends_as_it_says(name: str, firewall: str) -> None:
    assert played(name, firewall).unmet == ()


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_it_says_something_of_its_own_firewall(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.expected(scenario.firewall) is not None
    assert scenario.source
    assert scenario.title


def sockets() -> set[str]:
    links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(("name", "firewall"), ENDINGS)
def test_the_same_seed_gives_the_same_json_octet_for_octet_and_nothing_stays_behind(name: str, firewall: str) -> None:
    scenario = load_scenario(name)
    first = played(name, firewall)
    before = sockets()

    async def main() -> tuple[RunResult, set[asyncio.Task[object]]]:
        result = await play(assemble(scenario, firewall, sample()))
        return result, asyncio.all_tasks() - {asyncio.current_task()}

    again, tasks = run_virtual(main)
    assert again.as_json() == first.as_json()
    assert tasks == set()
    assert sockets() == before


def test_the_twelve_rows_of_the_article_are_there_once_each() -> None:
    rows = {scenario.row: scenario for scenario in SCENARIOS if scenario.row is not None}
    assert sorted(rows) == list(range(1, 13))
    assert len(rows) == sum(scenario.row is not None for scenario in SCENARIOS)
    for row, scenario in rows.items():
        ending = scenario.expected(scenario.firewall)
        assert ending is not None
        assert ending.outcome == OUTCOMES[row]
        assert scenario.name.startswith(f"row-{row:02}-")


def ids(result: RunResult) -> dict[str, set[int]]:
    """The event ids in each host's log."""
    found: dict[str, set[int]] = {"sender": set(), "firewall": set(), "receiver": set()}
    for entry in result.eventlog:
        found[entry.host].add(entry.event_id)
    return found


def test_row_2_is_logged_on_both_sides_and_row_3_on_one() -> None:
    assert ids(played("row-02-receiver-says-504", "none")) == {"sender": {7004}, "firewall": set(), "receiver": {7010}}
    refused = played("row-03-firewall-answers-5xx", "refuse-xexch50")
    assert ids(refused) == {"sender": {7004}, "firewall": set(), "receiver": set()}


def test_row_4_is_over_at_once_and_row_5_takes_ten_minutes_an_attempt() -> None:
    closed = played("row-04-closed-on-the-verb", "close-on-xexch50").fate.attempts
    eaten = played("row-05-blob-eaten", "eat-blob").fate.attempts
    assert {timed.ended - timed.began for timed in closed} == {0.0}
    assert {timed.ended - timed.began for timed in eaten} == {600.0}
    assert len(closed) > len(eaten)


def test_row_6_leaves_a_blob_at_the_server_with_each_attempt() -> None:
    result = played("row-06-acknowledgement-eaten", "eat-ack")
    assert result.orphaned_blobs == len(result.fate.attempts)
    assert result.mailbox == ()


def test_row_8_is_a_burst_of_500s_and_then_421() -> None:
    scenario, capture = load_scenario("row-08-blob-taken-for-commands"), Capture()
    result = run_scenario(scenario, scenario.firewall, sample(), tap=capture)
    to_the_sender = capture.connections("sender")[0].octets(from_client=False)
    burst = to_the_sender.partition(b"354 Send binary data\r\n")[2].splitlines()
    assert [line[:3] for line in burst] == [b"500"] * 4 + [b"421"]
    transcript = result.fate.attempts[0].attempt.lines
    assert [said.text[:3] for said in transcript if said.direction == "<--"][-5:] == ["500"] * 4 + ["421"]
    assert transcript[-2].text == CLOSED


def test_public_folder_data_stays_behind_a_strip_and_comes_through_the_repaired_one() -> None:
    stripped = played("public-folders-stripped", "strip-xexch50")
    repaired = played("public-folders-stripped", "strip-from-outside")
    outside = played("partner-outside-stripped", "strip-from-outside")
    assert [message.blob is None for message in stripped.mailbox] == [True]
    assert [len(message.blob or b"") for message in repaired.mailbox] == [2336]
    assert [message.blob is None for message in outside.mailbox] == [True]


def test_split_end_makes_duplicates_of_the_same_octets() -> None:
    result = played("split-end-duplicates", "split-end")
    assert {message.content for message in result.mailbox} == {sample()}
    assert len(result.mailbox) == len(result.fate.attempts) > 1


def test_without_starttls_the_one_waits_and_the_other_says_that_it_went_in_clear() -> None:
    required = played("starttls-stripped-required", "starttls-stripper")
    assert required.mailbox == ()
    offered = played("starttls-stripped-offered", "starttls-stripper")
    assert "starttls-not-offered" in {event.event for event in offered.events if event.host == "sender"}
    assert [message.tls for message in offered.mailbox] == [False]


def test_another_seed_gives_another_run() -> None:
    scenario = load_scenario("row-05-blob-eaten")
    other = run_scenario(scenario.model_copy(update={"seed": 7}), "eat-blob", sample())
    assert other.as_expected
    assert other.as_json() != played("row-05-blob-eaten", "eat-blob").as_json()
