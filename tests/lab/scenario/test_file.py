"""Scenarios from the package and from the user's files, and what is said of a file that can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.lab.errors import LabError
from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.file import load_scenario, scenario_names

MINE = """\
title: Mine
firewall: policies/mine.yaml
sender:
  host: a.example.com
  address: alice@example.com
  recipients: [bob@example.net]
receiver:
  host: mx.example.net
  domains: [example.net]
expects:
  policies/mine.yaml: { outcome: ndr, status: 5.7.1, attempts: 1 }
  eat-blob: ndr
"""
POLICY = "summary: Refuses every message\nrules:\n  - {id: no, on: command, verb: MAIL, then: reject}\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yaml").write_text(POLICY)
    path = tmp_path / "of-mine.yaml"
    path.write_text(MINE)
    return path


def test_a_file_of_the_users_own_with_a_policy_beside_it(mine: Path) -> None:
    scenario = load_scenario(str(mine))
    assert scenario.name == "of-mine"
    assert scenario.firewall == str(mine.parent / "policies" / "mine.yaml")
    result = run_scenario(scenario, scenario.firewall, sample())
    assert result.unmet == ()
    assert result.fate.ndr is not None


def test_dns_may_be_left_out_or_say_more(mine: Path) -> None:
    zones = load_scenario(str(mine)).zones
    assert [row.host for row in zones.mx["example.net"]] == ["mx.example.net"]
    assert zones.a == {"mx.example.net": ("127.0.0.1",)}
    mine.write_text(f"{MINE}dns: {{ a: {{ example.net: [127.0.0.1] }} }}\n")
    zones = load_scenario(str(mine)).zones
    assert zones.mx == {}
    assert set(zones.a) == {"example.net", "mx.example.net"}


def test_a_domain_without_mx_is_found_by_its_address(mine: Path) -> None:
    mine.write_text(f"{MINE}dns: {{ a: {{ example.net: [127.0.0.1] }} }}\n")
    assert run_scenario(load_scenario(str(mine)), "none", sample()).outcome == "delivered"


def test_the_second_exchanger_serves_when_the_first_is_not_there(mine: Path) -> None:
    rows = "[{ preference: 5, host: gone.example.net }, { preference: 10, host: mx.example.net }]"
    addresses = "{ gone.example.net: [127.0.0.1] }"
    mine.write_text(f"{MINE}dns: {{ mx: {{ example.net: {rows} }}, a: {addresses} }}\n")
    result = run_scenario(load_scenario(str(mine)), "none", sample())
    assert (result.outcome, len(result.fate.attempts)) == ("delivered", 1)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  host: a.ex", "  hots: a.ex", ":4:3: sender.hots: unknown field (did you mean 'host'?)"),
        ("receiver:", "reciever:", ":7:1: reciever: unknown field (did you mean 'receiver'?)"),
        ("title: Mine\n", "", ":1:1: the field 'title' is missing"),
        (
            "  eat-blob: ndr",
            "  eat-blbo: ndr",
            ":12:3: expects.eat-blbo: unknown policy 'eat-blbo' (did you mean 'eat-blob'?)",
        ),
        (
            "  eat-blob: ndr",
            "  eat-blob: bounced",
            ":12:13: expects.eat-blob.outcome: unknown word 'bounced' (one of: delivered, ndr, lost)",
        ),
        (
            "  domains: [example.net]",
            "  domains: [example.net]\n  profile: exchange-2030",
            ":10:3: receiver.profile: unknown profile 'exchange-2030'",
        ),
        ("  domains: [example.net]", "  domains: []", ":9:12: receiver.domains: "),
        (
            "  host: mx.",
            "  unregistered: [peexch.dll]\n  host: mx.",
            ":8:18: receiver.unregistered: unknown word 'peexch.dll' (did you mean 'peexch50.dll'?)",
        ),
        ("title: Mine", "title: [Mine", ":2:9: not valid YAML"),
        ("title: Mine", "title: Mine\ntitle: Yours", ":2:1: the key 'title' is given twice"),
        ("title: Mine", "title: Mine\nseed: x", ":2:7: seed: "),
        ("title: Mine", "title: Mine\nstart: today", ":2:8: start: "),
        ("title: Mine", "title: Mine\nstart: 1950-01-01T00:00:00Z", ":2:8: start: expected a year from 1971 to 2100"),
        ("title: Mine", 'title: "\\e[31m"', ":1:8: title: holds a control character"),
        ("  domains: [example.net]", "  domains: [a..net]", ":9:13: receiver.domains: 'a..net' is no host or domain"),
        (MINE, "", ":1:1: "),
        (MINE, "- a\n- b\n", ":1:1: expected fields and values, found a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(mine: Path, old: str, new: str, complaint: str) -> None:
    assert old in MINE
    mine.write_text(MINE.replace(old, new, 1))
    with pytest.raises(LabError) as caught:
        load_scenario(str(mine))
    assert f"of-mine.yaml{complaint}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"a: &a [*a]\n", b"!!python/object:os.system {}\n"])
def test_no_file_makes_it_fail_otherwise(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(LabError, match=r"x\.yaml"):
        load_scenario(str(path))


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read: No such file"):
        load_scenario(str(tmp_path / "none.yaml"))
    with pytest.raises(LabError, match="give the file, not the folder"):
        load_scenario(f"{tmp_path}/")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(LabError, match=r"unknown scenario 'kb81822' \(did you mean 'kb818222'\?\)"):
        load_scenario("kb81822")
    with pytest.raises(LabError, match=r"unknown scenario 'zzz' \(`smtpguard lab list` shows the names"):
        load_scenario("zzz")


@pytest.mark.parametrize("name", scenario_names())
def test_a_shipped_scenario_is_called_as_its_file(name: str) -> None:
    assert load_scenario(name).name == name
