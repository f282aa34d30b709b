"""The golden table of the checks: every receiver, bare and behind every policy, and what holds of any such table."""

from __future__ import annotations

import pytest

from tests.analyzer.persona_table import BARE, GOLDEN, LEGEND, lines, policies, profiles

ROWS = GOLDEN.read_text(encoding="utf-8").splitlines()
TABLE = {tuple(row.partition(": ")[0].split(", ")): row.partition(": ")[2] for row in ROWS[1:]}


@pytest.mark.parametrize("profile", profiles())
def test_the_table_is_the_golden_one(profile: str) -> None:
    assert lines(profile) == [row for row in ROWS if row.startswith(f"{profile}, ")]


def test_it_has_a_row_for_each_pair() -> None:
    assert ROWS[0] == LEGEND
    assert list(TABLE) == [(profile, policy) for profile in profiles() for policy in policies()]


@pytest.mark.parametrize("policy", ["pass", "harden", "harden-strict"])
@pytest.mark.parametrize("profile", profiles())
def test_what_changes_nothing_for_honest_mail_is_not_seen(profile: str, policy: str) -> None:
    assert TABLE[profile, policy] == TABLE[profile, BARE]


@pytest.mark.parametrize("profile", profiles())
def test_a_bare_server_has_no_finding_unless_it_lacks_exchange(profile: str) -> None:
    _, status, found, _ = TABLE[profile, BARE].split(", ")
    expected = ("2", "mail-acceptance x-link2state-missing xexch50-missing") if profile == "iis" else ("0", "-")
    assert (status, found) == expected


def test_what_hides_xexch50_always_fails_the_acceptance_test_of_exchange_2003() -> None:
    for policy in ("strip-xexch50", "strip-exchange", "mask-xexch50", "star-mask", "helo-only", "cisco-asa"):
        _, status, found, mail = TABLE["exchange-2003", policy].split(", ")
        assert status == "2"
        assert {"mail-acceptance", "xexch50-missing"} <= set(found.split())
        assert mail.startswith("DATA"), "and mail flows all the same"
