"""The Containerfile. No image is built, which takes a registry: its last stage is read, its first one acted out."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, ROOT, output

LINES = [
    line for line in (DEPLOY / "container" / "Containerfile").read_text().splitlines() if line and line[0] not in "# "
]
LAST_STAGE = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]


def words(instruction: str) -> list[str]:
    [line] = [line for line in LAST_STAGE if line.startswith(instruction + " ")]
    return line.split()[1:]


def test_the_last_stage_runs_nothing_and_is_nobody() -> None:
    assert "distroless" in LAST_STAGE[0]
    assert not [line for line in LAST_STAGE if line.startswith("RUN ")]
    user, group = words("USER")[0].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert all(line.split()[1].startswith("--from=") for line in LAST_STAGE if line.startswith("COPY "))


def test_both_stages_have_the_python_of_one_debian() -> None:
    """With python:3.11 as the first stage the image did not start: no async-timeout, which Debian's 3.11.2 needs."""
    first, last = (line.split()[1] for line in LINES if line.startswith("FROM "))
    assert re.fullmatch(r"docker\.io/library/debian:12(-slim)?", first)
    assert "python3-debian12" in last


def test_what_an_image_is_built_from_is_there() -> None:
    kept = [line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in kept)
    project = (ROOT / "pyproject.toml").read_text()
    for needed in ("README.md", "LICENSE", "policies", "constraints.txt"):
        assert needed in kept
        assert needed in project or needed == "constraints.txt"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first stage leaves in /app, without what it needs: that stands in this environment."""
    [line] = [line for line in LINES if line.startswith("RUN python3 ")]
    command = shlex.split(line)[1:]
    folder = tmp_path_factory.mktemp("app")
    replaced = {"/app": folder, "/src": ROOT, "/src/constraints.txt": ROOT / "constraints.txt"}
    output(
        sys.executable,
        *(replaced.get(word, word) for word in command[1:]),
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
    )
    return folder


def test_the_entry_point_starts(app: Path, tmp_path: Path) -> None:
    entry = json.loads(" ".join(words("ENTRYPOINT")))
    program = entry[1].replace("/app", str(app), 1)
    assert "smtpguard 0" in output(sys.executable, program, "--version", environment={"PYTHONPATH": str(app)})
    listed = output(sys.executable, program, "policy", "list", environment={"PYTHONPATH": str(app)})
    assert "strip-xexch50" in listed
    assert entry[2] == "serve"
    assert entry[-1].endswith(f":{words('EXPOSE')[0]}")
