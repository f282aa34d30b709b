"""The wheel in a clean environment, run from an empty folder: all that a user of a package has."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run it, expect status 0, and return its standard output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree. Where the build backend is installed, the build needs no network."""
    out = tmp_path_factory.mktemp("dist")
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", out, ROOT, cwd=out)
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that holds the wheel and what it needs, pinned."""
    environment = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(environment, with_pip=True)
    folder = environment / "bin"
    run(
        folder / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "-c", ROOT / "constraints.txt", wheel, cwd=environment,
    )  # fmt: skip
    return folder


def test_what_the_wheel_holds(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    inside = "smtpguard/policies/"
    shipped = {name.removeprefix(inside) for name in names if name.startswith(inside)}
    assert shipped == {path.relative_to(ROOT / "policies").as_posix() for path in (ROOT / "policies").rglob("*.yaml")}
    assert {"pass.yaml", "fingerprints/pass.yaml"} <= shipped
    rulesets = {name for name in names if name.startswith("smtpguard/net/rulesets/")}
    assert rulesets == {f"smtpguard/net/rulesets/{mode}.nft" for mode in ("tproxy", "redirect")}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"smtpguard"}


def test_every_dependency_is_pinned(scripts: Path, tmp_path: Path) -> None:
    pinned = set((ROOT / "constraints.txt").read_text().lower().replace("_", "-").split())
    frozen = run(scripts / "python", "-m", "pip", "freeze", "--exclude", "smtpguard", cwd=tmp_path)
    installed = set(frozen.lower().replace("_", "-").split())
    assert installed - pinned == set()
    assert len(installed) > 5


def test_policies_are_found(scripts: Path, tmp_path: Path) -> None:
    listed = run(scripts / "smtpguard", "policy", "list", cwd=tmp_path)
    for policy in (ROOT / "policies").glob("*.yaml"):
        assert policy.stem in listed


def test_the_analyzer_has_its_tables_its_page_and_its_schema(scripts: Path, tmp_path: Path) -> None:
    schema = run(scripts / "smtpguard", "analyze", "--schema", cwd=tmp_path)
    assert schema == (ROOT / "smtpguard" / "analyzer" / "analysis.schema.json").read_text(encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [scripts / "smtpguard", "analyze", place, "--format", "html"], cwd=tmp_path, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Nothing listens on the port" in done.stdout
    assert "</html>" in done.stdout


def test_the_lab_runs(scripts: Path, tmp_path: Path) -> None:
    report = json.loads(run(scripts / "smtpguard", "lab", "run", "kb818222", "--format", "json", cwd=tmp_path))
    assert report["scenario"] == "kb818222"
    assert report["outcome"] in ("delivered", "ndr")
    assert report["attempts"] >= 1
    assert list(tmp_path.iterdir()) == []
