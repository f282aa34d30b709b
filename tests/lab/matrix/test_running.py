"""The matrix: rows, cells, several processes, and the four ways in which it is written."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from smtpguard.lab.errors import LabError
from smtpguard.lab.matrix import axes as matrix_axes
from smtpguard.lab.matrix.formats import as_json, as_junit
from smtpguard.lab.matrix.page import as_html
from smtpguard.lab.matrix.running import Matrix, run_cell, run_matrix
from smtpguard.lab.matrix.table import print_matrix
from smtpguard.policy.errors import PolicyError

CELLS = matrix_axes.cells(["exchange", "helo"], ["none", "eat-blob", "strip-xexch50"], ["exchange-2003"])


@pytest.fixture(scope="module")
def small() -> Matrix:
    return run_matrix(matrix_axes.rows(), CELLS, jobs=2)


def table(matrix: Matrix) -> str:
    out = io.StringIO()
    print_matrix(Console(file=out, width=40, highlight=False), matrix)
    return out.getvalue()


def test_the_twelve_rows_are_seen_as_they_are_expected(small: Matrix) -> None:
    assert [row.row for row in small.rows] == list(range(1, 13))
    assert [row.seen.outcome for row in small.rows] == [
        "delivered", "delivered", "delivered", "ndr", "ndr", "ndr",
        "ndr", "ndr", "delivered", "delivered", "delivered", "delivered",
    ]  # fmt: skip
    assert [row.seen.unmet for row in small.rows] == [()] * 12
    assert small.as_expected


def test_each_cell_says_outcome_attempts_step_and_cause(small: Matrix) -> None:
    seen = {(cell.sender, cell.firewall): (cell.outcome, cell.attempts, cell.step, cell.cause) for cell in small.cells}
    assert seen == {
        ("exchange", "none"): ("delivered", 1, None, ""),
        ("helo", "none"): ("delivered", 1, None, ""),
        ("exchange", "eat-blob"): ("ndr", 17, 13, "eaten"),
        ("helo", "eat-blob"): ("delivered", 1, None, ""),
        ("exchange", "strip-xexch50"): ("delivered", 1, None, "stripped"),
        ("helo", "strip-xexch50"): ("delivered", 1, None, ""),
    }


def test_several_processes_give_what_one_gives(small: Matrix) -> None:
    advanced: list[int] = []
    alone = run_matrix((), CELLS[:3], jobs=1, advance=lambda: advanced.append(1))
    assert alone.cells == small.cells[:3]
    assert len(advanced) == 3


def test_the_default_is_large_enough_and_every_setting_of_it_is_valid() -> None:
    axes = matrix_axes.load_axes()
    assert len(axes.senders) >= 6
    assert len([name for name in axes.firewalls if name != "none"]) >= 12
    assert len(axes.receivers) >= 5
    cells = matrix_axes.cells([], [], [])
    assert len(cells) == len(axes.senders) * len(axes.firewalls) * len(axes.receivers)
    assert len({(cell.sender, cell.firewall, cell.receiver) for cell in cells}) == len(cells)


def test_any_profile_and_any_policy_may_be_named() -> None:
    (cell,) = matrix_axes.cells(["modern"], ["strip-exchange"], ["iis"])
    result = run_cell(cell)
    assert (result.receiver, result.outcome) == ("iis", "delivered")


def test_a_variant_of_a_policy_may_be_named_and_a_message_may_be_lost() -> None:
    variant, liar = matrix_axes.cells(["modern"], ["isa-2000:reply", "bdat-liar"], ["exchange-2003"])
    result = run_matrix((), [variant, liar], jobs=1)
    assert [(cell.firewall, cell.outcome) for cell in result.cells] == [
        ("isa-2000:reply", "delivered"), ("bdat-liar", "lost"),
    ]  # fmt: skip
    assert result.as_expected
    assert "LOST" in table(result)
    assert 'class="lost"><span>LOST</span><small>' in as_html(result)
    with pytest.raises(PolicyError, match="has no variant 'rely'"):
        matrix_axes.cells([], ["isa-2000:rely"], [])


def test_unknown_words_are_told_before_anything_runs() -> None:
    with pytest.raises(LabError, match=r"unknown sender 'moder' \(did you mean 'modern'\?\)"):
        matrix_axes.cells(["moder"], [], [])
    with pytest.raises(LabError, match="unknown receiver 'exchange-2004'"):
        matrix_axes.cells([], [], ["exchange-2004"])
    with pytest.raises(PolicyError, match="eat-blob"):
        matrix_axes.cells([], ["eat-blbo"], [])


def test_json(small: Matrix) -> None:
    report = json.loads(as_json(small))
    assert report["as_expected"] is True
    assert [row["row"] for row in report["rows"]] == list(range(1, 13))
    assert all(row["seen"] == row["expected"] for row in report["rows"])
    assert report["cells"][1] == {
        "sender": "helo", "firewall": "none", "receiver": "exchange-2003",
        "outcome": "delivered", "attempts": 1, "step": None, "cause": "", "unmet": [],
    }  # fmt: skip


def wrong() -> Matrix:
    """A row that expects something else than what comes about."""
    row = matrix_axes.rows()[0]
    ending = row.scenario.expects["pass"].model_copy(update={"outcome": "ndr"})
    scenario = row.scenario.model_copy(update={"expects": {"pass": ending}})
    cell = matrix_axes.Cell(row.sender, row.firewall, row.receiver, scenario)
    return run_matrix([cell], [], jobs=1)


def test_junit_names_what_failed(small: Matrix) -> None:
    good = ET.fromstring(as_junit(small))
    assert [suite.get("tests") for suite in good] == ["12", "6"]
    assert good.findall(".//failure") == []
    bad = ET.fromstring(as_junit(wrong()))
    assert [suite.get("failures") for suite in bad] == ["1", "0"]
    failure = bad.find(".//failure")
    assert failure is not None
    assert "outcome: expected ndr, seen delivered" in (failure.get("message") or "")


def test_the_table_for_people(small: Matrix) -> None:
    text = table(small)
    assert "Receiver exchange-2003\n" in text
    assert "  eat-blob       NDR 17x   ok\n                 13 eaten\n" in text
    assert "12 rows and 6 cells: all as expected.\n" in text
    assert table(wrong()).endswith("\n1 row and 0 cells: not all as expected.\n")
    assert text.isascii()
    assert "row-01-blob-counted: outcome: expected ndr, seen delivered" in table(wrong())


def test_the_page_is_whole_and_fetches_nothing(small: Matrix) -> None:
    page = as_html(small)
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<tr>") == 13 + 4
    assert "http" not in page
    assert "<script" not in page
    assert 'class="ndr"><span>NDR 17x</span><small>13 eaten</small>' in page
    assert page.count('<div class="scroll matrix">') == page.count("<table>") == 2  # a narrow window scrolls the table
    bad = as_html(wrong())
    assert 'class="delivered odd">' in bad
    assert "<li>row-01-blob-counted: outcome: expected ndr, seen delivered</li>" in bad
    assert "<td>NDR</td>" in bad
    assert ' odd"' not in page
