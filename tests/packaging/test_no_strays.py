"""Nothing in the tree points at one machine or at one package index: it must build anywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file does not find itself.
STRAYS = {
    "a package index": "|".join(("py" + "pi[.]org", "python" + "hosted[.]org", "index" + "-url", "find" + "-links")),
    "a folder of one machine": "(^|[^A-Za-z0-9_.~-])/(" + "|".join(("work", "root", "home", "Users", "opt")) + ")/",
}


@pytest.mark.parametrize("what", STRAYS)
def test_the_tree_names_no(what: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # A checkout may belong to another user than the one who runs the tests.
    command = ["git", "-c", "safe.directory=*", "grep", "--untracked", "-nIE", STRAYS[what]]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.stderr == ""
    assert found.stdout == ""
    assert found.returncode == 1


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 10
    for line in lines:
        name, _, version = line.partition("==")
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum(), line
        assert version.replace(".", "").isalnum(), line
