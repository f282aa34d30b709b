"""Every way to get a policy wrong that we could think of: the line, the column, what was found, what was meant."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.policy.errors import PolicyError
from smtpguard.policy.loader import load_policy, read_policy

from .broken import BROKEN
from .writing import write


@pytest.mark.parametrize("case", BROKEN)
def test_says_where_and_what(case: str, tmp_path: Path) -> None:
    text, place, words = BROKEN[case]
    path = write(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    line = str(caught.value)
    assert line.startswith(f"{path}:{place}: ")
    for word in words:
        assert word in line
    assert line.isprintable()


def test_all_problems_of_a_file_in_its_order(tmp_path: Path) -> None:
    text = (
        "summary: s\nlise: true\nrules:\n"
        "  - id: a\n    on: command\n    keyword: X\n    then: strip\n"
        "  - id: b\n    on: nowhere\n    then: {cap: x}\n    first: 0\n"
        "  - id: a\n    on: command\n    client: lab\n    then: {reject: 250}\n"
    )
    _, problems = read_policy(write(tmp_path, text))
    places = [(problem.line, problem.column) for problem in problems]
    assert places == sorted(places)
    assert {line for line, _ in places} == {2, 9, 10, 11, 12}, "a head that is wrong hides no rule's own mistakes"
    _, problems = read_policy(write(tmp_path, text.replace("lise: true\n", "")))
    assert {problem.line for problem in problems} == {5, 6, 8, 9, 10, 11, 13, 14}


def test_alias_bomb_is_cut_off(tmp_path: Path) -> None:
    lines = ["summary: s", "a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]")
    with pytest.raises(PolicyError, match="more than 50000 values"):
        load_policy(write(tmp_path, "\n".join(lines)))


def test_too_large(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="is larger than 1048576 octets"):
        load_policy(write(tmp_path, "summary: s\n#" + "x" * (1 << 20)))


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"summary: s\nsource: caf\xe9\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    assert str(caught.value) == f"{path}:2:12: not UTF-8: octet 0xe9 (save the file as UTF-8)"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.yaml: cannot be read: No such file or directory"):
        load_policy(str(tmp_path / "gone.yaml"))
    with pytest.raises(PolicyError, match="give the file, not the folder"):
        load_policy(str(tmp_path))


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "summary: s\n")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # chmod would not stop root
    with pytest.raises(PolicyError, match="cannot be read: Permission denied"):
        load_policy(path)


def test_unknown_name() -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy("eat-bolb")
    assert "no policy is called 'eat-bolb'" in str(caught.value)
    assert "did you mean 'eat-blob'?" in str(caught.value)
    assert "`smtpguard policy list`" in str(caught.value)


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\udcff.yaml", "x" * 5000 + ".yaml"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(name)
    assert str(caught.value).isprintable()


def test_a_fault_in_the_extended_file_is_named_there(tmp_path: Path) -> None:
    parent = write(tmp_path, "summary: p\nrules:\n  - id: p\n    on: command\n    then: strip\n", "p.yaml")
    child = write(tmp_path, "summary: c\nextends: p.yaml\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(child)
    assert str(caught.value).startswith(f"{parent}:5:11: then: 'strip' does nothing")


def test_cycle_over_two_files(tmp_path: Path) -> None:
    write(tmp_path, "summary: p\nextends: x.yaml\n", "p.yaml")
    with pytest.raises(PolicyError, match=r"p\.yaml:2:10: extends: extends itself: x\.yaml -> p\.yaml -> x\.yaml"):
        load_policy(write(tmp_path, "summary: c\nextends: p.yaml\n"))


PIECES = (
    "summary: s", "rules:", "  - ", "id: a", "on: ", "command", "keyword", "then: ", "strip", "{reject: ", "{", "}",
    "[", "]", "&a ", "*a", "!!", "verb: ", "size: ", "..", "<", "\n", "\n    ", "'", "\"", "extends: ", "pass",
    "networks: ", "client: ", "10.0.0.0/8", "code: ", "5xx", "nth: ", "-1", "~", ".nan", "0x", "1e9", "? ", ": ",
    "#", "\t", "\u0000", "\ufeff", "%", "argument: ", "(", ")", "*", "\\", "\ud800", "\u20ac", "---\n", "...\n",
    "true", "null", "999999999999999999999",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60) | st.binary(max_size=60))
def test_no_text_makes_anything_but_policy_errors(text: str | bytes) -> None:
    octets = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_bytes(octets)
        policy, problems = read_policy(str(path))
    assert problems or policy is not None
    for problem in problems:
        assert str(problem).isprintable()


@pytest.mark.parametrize("case", BROKEN)
def test_no_cut_makes_anything_but_policy_errors(case: str, tmp_path: Path) -> None:
    text = BROKEN[case][0]
    for length in range(0, min(len(text), 150), 7):
        _, problems = read_policy(write(tmp_path, text[:length]))
        assert all(str(problem).isprintable() for problem in problems)
