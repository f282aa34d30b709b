"""`smtpguard lab matrix`: four formats, exit statuses, and what stderr says where no terminal is."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from smtpguard import progress
from smtpguard.cli import lab_matrix
from smtpguard.cli.main import run
from smtpguard.lab.matrix.running import CellResult, Matrix

CHOSEN = ["--senders", "exchange,helo", "--firewalls", "none,strip-xexch50", "--receivers", "exchange-2003,iis"]
GOOD = CellResult("exchange", "none", "iis", "delivered", 1, None, "", ())
ODD = CellResult("exchange", "pass", "iis", "delivered", 1, None, "", ("mailbox: expected empty, holds 1",))


@pytest.fixture
def without_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows have tests of their own and take their time."""
    monkeypatch.setattr(lab_matrix.matrix_axes, "rows", lambda: ())


@pytest.mark.usefixtures("without_rows")
def test_chosen_cells_as_json_with_nothing_but_progress_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "matrix", *CHOSEN, "--format", "json", "--jobs", "2"]) == 0
    captured = capsys.readouterr()
    cells = json.loads(captured.out)["cells"]
    assert len(cells) == 8
    assert {(cell["sender"], cell["firewall"], cell["receiver"]) for cell in cells} >= {("helo", "none", "iis")}
    assert {cell["outcome"] for cell in cells} == {"delivered"}
    # On a slow machine a line now and then says how far it is.
    assert [line for line in captured.err.splitlines() if " of 8 runs (" not in line] == []


@pytest.mark.usefixtures("without_rows")
@pytest.mark.parametrize("output", ["table", "json", "junit", "html"])
def test_each_format_twice_the_same(capsys: pytest.CaptureFixture[str], output: str) -> None:
    written = []
    for _ in range(2):
        assert run(["lab", "matrix", *CHOSEN, "--format", output, "--jobs", "1"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]
    assert "\x1b" not in written[0]
    if output == "junit":
        assert ET.fromstring(written[0]).tag == "testsuites"


@pytest.mark.parametrize(("cells", "status"), [((GOOD,), 0), ((GOOD, ODD), 1)])
def test_the_exit_status_says_whether_all_is_as_expected(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cells: tuple[CellResult, ...], status: int
) -> None:
    monkeypatch.setattr(lab_matrix, "run_matrix", lambda *arguments: Matrix((), cells))
    assert run(["lab", "matrix", *CHOSEN]) == status
    assert ("exchange through pass to iis: mailbox" in capsys.readouterr().out) == bool(status)


@pytest.mark.usefixtures("without_rows")
def test_without_a_terminal_stderr_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_AFTER", 0.0)
    assert run(["lab", "matrix", *CHOSEN, "--format", "json", "--jobs", "1"]) == 0
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert captured.err.startswith("smtpguard: lab matrix: ")
    assert " of 8 runs (0 s)\n" in captured.err
