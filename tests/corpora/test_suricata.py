"""SMTP events as suricata-verify's ``test.yaml`` states them (MIT): how many transactions with which fields."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.corpora.observed import Observed, Transaction, observe
from tests.corpora.places import SURICATA, conversations, place
from tests.corpora.table import CAPTURES, PORTS, SURICATA_DIFFERS

pytestmark = pytest.mark.corpora

NAMES = [name for name in CAPTURES if name.startswith(SURICATA)]
LATEST = ("version", "lt-version")  # requirements that today's Suricata does not meet
RECIPIENT = re.compile(r"smtp\.rcpt_to\[(\d+)\]")


def checks(name: str) -> list[tuple[int, dict[str, Any]]]:
    """The counts of SMTP events that the test of a capture states."""
    path = place(name).parent / "test.yaml"
    stated = YAML(typ="safe").load(path.read_text(encoding="utf-8")).get("checks", [])
    filters = [check["filter"] for check in stated if "filter" in check]
    return [
        (each["count"], each["match"])
        for each in filters
        if each["match"].get("event_type") == "smtp" and not any(word in each.get("requires", {}) for word in LATEST)
    ]


def fits(transaction: Transaction, hello: str, match: dict[str, Any]) -> bool:
    """Whether a transaction of ours has every field of the envelope that ``match`` names."""
    for key, value in match.items():
        index = RECIPIENT.fullmatch(key)
        if key == "smtp.mail_from" and transaction.sender != value.strip("<>"):
            return False
        if key == "smtp.helo" and hello != value.rstrip("\r"):
            return False
        if index and transaction.recipients[int(index[1]) :][:1] != (value.strip("<>"),):
            return False
        if key == "not-has-key":
            absent = RECIPIENT.fullmatch(value)
            if len(transaction.recipients) > (int(absent[1]) if absent else 0 if value == "smtp.rcpt_to" else 10**9):
                return False
        if key == "tx_id" and value != 0:
            return False
    return True


def seen(name: str) -> list[Observed]:
    return [observe(one) for one in conversations(name, PORTS)]


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_transactions(name: str) -> None:
    observed = seen(name)
    differs = SURICATA_DIFFERS.get(str(PurePosixPath(name).parent.relative_to(SURICATA)))
    for number, (count, match) in enumerate(checks(name)):
        ours = sum(fits(each, one.hello, match) for one in observed for each in one.transactions)
        if differs and number in differs.ours:
            assert (ours, count) == (differs.ours[number], count), differs.why
            assert ours != count, "the difference is gone"
        else:
            assert ours == count, f"check {number}"


def test_the_table_of_differences_names_tests_that_exist() -> None:
    folders = {str(PurePosixPath(name).parent.relative_to(SURICATA)) for name in NAMES}
    assert set(SURICATA_DIFFERS) <= folders
