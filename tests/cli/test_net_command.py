"""``smtpguard net`` on the command line: what it prints, what it refuses. What it does to a router: tests/net."""

from __future__ import annotations

import json

import pytest

from smtpguard.cli.main import run
from smtpguard.net.plan import Mode, Wanted, plan


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["net", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["net", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    return line


def test_plan_is_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "plan", "--mode", "tproxy", "--in", "eth0", "--in", "eth1", "--ports", "25")
    assert printed == plan(Wanted(Mode.TPROXY, ("eth0", "eth1"), (25,))).as_script().rstrip() + "\n"


def test_plan_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = json.loads(
        said(capsys, "plan", "--mode", "redirect", "--in", "eth0", "--to-port", "10025", "--format", "json")
    )
    assert chosen == plan(Wanted(Mode.REDIRECT, ("eth0",), to_port=10025)).as_dict()


def test_help_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "CAP_NET_ADMIN" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--mode", "bridge", "--in", "eth0"), "bridge"),
        (("--mode", "tproxy"), "--in"),
        (("--in", "eth0"), "missing option '--mode'. Choose from: tproxy, redirect; see"),
        (("--mode", "tproxy", "--in", "eth0", "--to-port", "65536"), "--to-port 65536: no port; expected 1 to 65535"),
        (("--mode", "tproxy", "--in", "eth0", "--ports", "25,smtp"), "'smtp' is no port"),
        (("--mode", "tproxy", "--in", "eth0", "--ports", "25,"), "'nothing' is no port"),
        (("--mode", "tproxy", "--in", "eth0", "--ports", "25", "--to-port", "25"), "another --to-port"),
        (("--mode", "tproxy", "--in", "lo"), "--in lo: it carries"),
        (("--mode", "redirect", "--in", "eth0", "--when-down", "pass"), "--mode tproxy"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str) -> None:
    assert expected in refusal(capsys, "plan", *arguments)
