"""The command as a user runs it, small: the bare relay only, so that it needs neither the guard nor HAProxy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.errors import BenchError

_ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_tiny_run_gives_every_figure_and_its_ratio() -> None:
    done = _bench("--quick", "--boxes", "bare", "--only", "sessions,bodies,memory", "--format", "json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    session = results["sessions"]["boxes"]["bare"]
    assert 10 < session["low"] <= session["median"] <= session["high"] < 100_000
    assert session["ratios"] == {"bare": 1.0}
    assert set(results["bodies"]) == {"base64", "dots"}
    for costs in results["bodies"].values():
        assert costs["cpu"]["bare"]["median"] > 0
        assert costs["wall"]["bare"]["ratios"] == {"bare": 1.0}
    assert results["memory"]["boxes"]["bare"] >= 0
    assert results["aims"] == []  # without the guard and HAProxy there is nothing to judge


def test_tables_show_the_ratio() -> None:
    done = _bench("--quick", "--boxes", "bare", "--only", "sessions")
    assert done.returncode == 0, done.stderr
    assert "x bare" in done.stdout
    row = next(line for line in done.stdout.splitlines() if "bare uvloop relay" in line)
    assert row.split()[-1] == "1.00"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--rounds", "4"], "at least 5"), (["--only", "speed"], "'speed'"), (["--boxes", "nginx"], "'nginx'")],
)
def test_bad_arguments_end_with_status_2(arguments: list[str], word: str) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_without_haproxy_its_column_is_left_out_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "haproxy_program", lambda: None)
    assert command.chosen_boxes(None) == ["bare", "pass", "strip"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "HAProxy is not installed" in line


def test_haproxy_that_was_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "haproxy_program", lambda: None)
    with pytest.raises(BenchError, match="not installed"):
        command.chosen_boxes(["haproxy"])
