"""Where shipped policies are found: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.policy import library
from smtpguard.policy.errors import PolicyError
from smtpguard.policy.loader import load_policy

from .writing import write

ROOT = Path(__file__).parents[2]


def test_in_a_checkout() -> None:
    assert library.folder() == ROOT / "policies"
    assert list(library.shipped()) == sorted(path.stem for path in (ROOT / "policies").iterdir() if path.is_file())


def test_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "smtpguard" / "policies"
    inside.mkdir(parents=True)
    (inside / "only.yaml").write_text("summary: s\n")
    monkeypatch.setattr(library, "files", lambda _: tmp_path / "smtpguard")
    assert library.shipped() == {"only": inside / "only.yaml"}


def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "files", lambda _: tmp_path / "smtpguard")
    with pytest.raises(PolicyError, match="install it again"):
        load_policy("pass")


def test_a_name_is_the_shipped_one_and_a_path_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pass", "pass.yaml", "mine"):
        write(tmp_path, f"summary: from the file {name}\n", name)
    assert load_policy("pass").transparent
    assert load_policy("./pass").summary == "from the file pass"
    assert load_policy("pass.yaml").summary == "from the file pass.yaml"
    assert load_policy("mine").summary == "from the file mine"


def test_a_name_that_no_file_can_have_is_no_policy() -> None:
    with pytest.raises(PolicyError, match="no policy is called"):
        library.find("x" * 300)


def test_a_link_that_leads_nowhere_is_a_file_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").symlink_to("gone")
    with pytest.raises(PolicyError, match="mine: cannot be read: No such file"):
        load_policy("mine")
