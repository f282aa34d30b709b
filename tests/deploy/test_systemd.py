"""The units: what systemd itself says of them. None is started here: that takes systemd as the first process."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, needs, output

pytestmark = pytest.mark.real

FOLDER = DEPLOY / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
SOCKET = "smtpguard.socket"
GREATEST_EXPOSURE = 2.0
PROGRAM = "usr/local/lib/smtpguard/bin/smtpguard"


def test_there_are_units() -> None:
    assert UNITS == ["smtpguard-net.service", "smtpguard-transparent.service", "smtpguard.service"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_exposes_little(unit: str) -> None:
    said = output(needs("systemd-analyze"), "security", "--offline=true", "--no-pager", FOLDER / unit)
    [exposure] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert float(exposure) <= GREATEST_EXPOSURE, said


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with the units, the programme that they start, and systemd's own units."""
    needs("systemd-analyze")
    installed = tmp_path / "etc" / "systemd" / "system"
    installed.mkdir(parents=True)
    for unit in FOLDER.iterdir():
        shutil.copy(unit, installed)
    for name in (PROGRAM, "bin/kill"):
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    return tmp_path


@pytest.mark.parametrize("unit", [*UNITS, SOCKET])
def test_systemd_understands_every_line(root: Path, unit: str) -> None:
    said = output("systemd-analyze", "verify", "--man=no", f"--root={root}", root / "etc/systemd/system" / unit)
    assert "smtpguard" not in said


def test_a_word_that_systemd_does_not_know_would_show(root: Path) -> None:
    unit = root / "etc/systemd/system/smtpguard.service"
    unit.write_text(unit.read_text().replace("UMask=", "UMaks="))
    assert "UMaks" in output("systemd-analyze", "verify", "--man=no", f"--root={root}", unit)


def test_the_user_that_the_units_name_is_made(tmp_path: Path) -> None:
    said = output(needs("systemd-sysusers"), "--dry-run", f"--root={tmp_path}", FOLDER / "smtpguard.sysusers.conf")
    assert "Creating user 'smtpguard'" in said
    for unit in UNITS:
        assert "User=smtpguard\n" in (FOLDER / unit).read_text()


def test_the_rules_come_before_the_guard_and_go_after_it() -> None:
    assert "Before=smtpguard-transparent.service\n" in (FOLDER / "smtpguard-net.service").read_text()
    assert "smtpguard-net.service" in (FOLDER / "smtpguard-transparent.service").read_text().split("After=")[1]
