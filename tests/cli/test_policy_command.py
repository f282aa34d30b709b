"""``smtpguard policy``, and how the command line ends: what goes to stdout, what to stderr, which status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtpguard.cli import main as cli
from smtpguard.cli.errors import UsageError, describe
from smtpguard.policy import library
from smtpguard.policy.errors import PolicyError
from smtpguard.policy.loader import load_policy
from smtpguard.policy.schema import policy_schema
from tests.policy.broken import BROKEN as BROKEN_POLICIES

BROKEN = "summary: s\nrules:\n  - id: a\n    on: keyword\n    then: stripp\n    verb: X\n    nth: 0\n"


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.run([*words])
    out, err = capsys.readouterr()
    return status, out, err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "policy", "list")
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(library.shipped())
    assert load_policy("eat-blob").summary in out


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "policy", "list", "--format", "json")
    described = {entry["name"]: entry for entry in json.loads(out)}
    assert status == 0
    assert [*described] == list(library.shipped())
    assert described["pass"]["transparent"] is True
    assert described["eat-blob"]["rules"] == ["eat-blob"]


def test_show_prints_the_file_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "policy", "show", "eat-blob")
    assert status == 0
    assert out.startswith("# eat-blob: ")
    assert library.shipped()["eat-blob"].read_text().rstrip() in out


def test_show_prints_what_it_extends_and_stays_yaml(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("summary: c\nextends: eat-blob\n")
    _, out, _ = run(capsys, "policy", "show", str(child))
    own, extended = out.split("---\n")
    assert "extends eat-blob" in own.splitlines()[0]
    assert extended.startswith("# eat-blob: ")


VARIED = "summary: s\nvariants:\n  a: {summary: one way}\n  b: {summary: another way}\n"


def test_show_of_a_variant_says_which_and_prints_its_file_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "box.yaml"
    path.write_text(VARIED)
    status, out, _ = run(capsys, "policy", "show", f"{path}:b")
    assert status == 0
    assert out == f"# box:b: {path}, variant b (another way)\n\n{VARIED}"


def test_list_names_the_variants_below_their_policy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "box.yaml").write_text(VARIED)
    monkeypatch.setattr(library, "folder", lambda: tmp_path)
    _, out, _ = run(capsys, "policy", "list")
    assert out == "box      s\n  box:a  one way (the default)\n  box:b  another way\n"
    _, out, _ = run(capsys, "policy", "list", "--format", "json")
    assert json.loads(out)[0]["variants"] == {"a": "one way", "b": "another way"}


def test_check_names_the_variants_that_it_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "box.yaml"
    path.write_text(VARIED)
    _, out, _ = run(capsys, "policy", "check", str(path))
    assert out == f"{path}: ok, 0 rules, variants a, b\n"


def test_check_of_good_ones(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "policy", "check", "pass", str(library.shipped()["eat-blob"]))
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "pass: ok, 0 rules, alters nothing"
    assert out.splitlines()[1].endswith("eat-blob.yaml: ok, 1 rule")


def test_check_accepts_the_folder_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "policy", "check", str(library.folder()))
    assert (status, err) == (0, "")
    assert [Path(line.split(": ok")[0]).stem for line in out.splitlines()] == list(library.shipped())


def test_check_rejects_every_file_of_a_broken_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each with the right line and column and, where the message does not say what is expected, a hint."""
    places = {}
    for number, (text, place, _) in enumerate(BROKEN_POLICIES.values()):
        path = tmp_path / f"broken-{number:03}.yaml"
        path.write_text(text.replace("x.yaml", path.name), encoding="utf-8")
        places[str(path)] = place
    assert len(places) >= 40
    status, out, err = run(capsys, "policy", "check", str(tmp_path))
    assert (status, out) == (2, "")
    firsts: dict[str, str] = {}
    for line in err.splitlines():
        if line.startswith("smtpguard: policy check: reading "):
            continue  # it takes long enough to say so
        firsts.setdefault(line.partition(":")[0], line)
    assert [*firsts] == [*places]
    for path, line in firsts.items():
        assert line.startswith(f"{path}:{places[path]}: ")
        assert line.endswith(")") or ": expected " in line, f"no hint: {line}"


def test_check_of_a_folder_without_policies(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = run(capsys, "policy", "check", str(tmp_path))
    assert status == 2
    assert "no policy in this folder" in err


def test_check_shows_every_problem_of_every_file(capsys: pytest.CaptureFixture[str], broken: str) -> None:
    status, out, err = run(capsys, "policy", "check", broken, "pass", "/nowhere/x.yaml")
    assert status == 2
    assert out == "pass: ok, 0 rules, alters nothing\n"
    lines = err.splitlines()
    assert lines[0] == f"{broken}:5:11: then: unknown action 'stripp' (did you mean 'strip'?)"
    assert lines[1].startswith(f"{broken}:7:10: nth: ")
    assert lines[2] == "/nowhere/x.yaml: cannot be read: No such file or directory"
    assert len(lines) == 3


def test_check_as_json(capsys: pytest.CaptureFixture[str], broken: str) -> None:
    status, out, err = run(capsys, "policy", "check", "--format", "json", broken, "pass")
    bad, good = json.loads(out)
    assert (status, err) == (2, "")
    assert (bad["ok"], good["ok"]) == (False, True)
    first = bad["problems"][0]
    assert (first["line"], first["column"], first["field"], first["hint"]) == (5, 11, "then", "did you mean 'strip'?")
    assert good["policy"]["transparent"] is True


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "policy", "schema")
    assert status == 0
    assert json.loads(out) == policy_schema()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["policy", "show", "eat-bolb"], "no policy is called 'eat-bolb' (did you mean 'eat-blob'? "),
        (["policy", "show", "/"], "/: cannot be read: Is a directory"),
        (["policy", "check"], "missing argument 'FILE...'; see `smtpguard policy check --help`"),
        (["policy", "lst"], "no such command 'lst'"),
        (["polcy"], "no such command 'polcy'"),
        (["--wrong"], "no such option: --wrong"),
        (["policy", "list", "--format", "xml"], "invalid value for '--format': 'xml' is not one of"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"smtpguard: {said}")
    assert len(err.splitlines()) == 1


def test_a_broken_policy_is_one_line_wherever_it_is_asked_for(capsys: pytest.CaptureFixture[str], broken: str) -> None:
    status, _, err = run(capsys, "policy", "show", broken)
    assert status == 2
    assert err == f"smtpguard: {broken}:5:11: then: unknown action 'stripp' (did you mean 'strip'?)\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["policy"], ["policy", "--help"], ["policy", "check", "--help"]])
def test_help(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: smtpguard")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--version")
    assert status == 0
    assert out.split()[0] == "smtpguard"
    assert out.split()[1][0].isdigit()


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(library, "shipped", interrupted)
    assert cli.run(["policy", "list"]) == 130


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_library() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(library, "shipped", broken_library)
    with pytest.raises(ZeroDivisionError):
        cli.run(["policy", "list"])


def test_a_folder_that_may_not_be_read_is_not_called_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)  # root may read any folder
    try:
        assert cli.run(["policy", "check", str(shut)]) == 2
    finally:
        os.seteuid(before)
    assert capsys.readouterr().err == f"smtpguard: {shut}: cannot be read: Permission denied\n"


def test_what_is_the_users_to_mend() -> None:
    assert describe(UsageError("the port 25\nis in use")) == "the port 25\\nis in use"
    assert describe(PolicyError("wrong", file="x.yaml", line=1, column=2, field="then")) == "x.yaml:1:2: then: wrong"
    assert describe(ZeroDivisionError()) is None


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = "import sys; from smtpguard.cli.main import main; sys.argv[1:] = ['policy', 'schema']; main()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert (process.wait(timeout=60), errors) == (141, b"")
