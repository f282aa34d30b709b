"""docs/fidelity.md against the data: each text is there with its words and its mark, each test it names exists."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

import smtpguard.lab
from smtpguard.lab import documents
from smtpguard.lab.eventlog.texts import event_text, known_ids
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.receiver.profile import load_profile

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "fidelity.md"
MARKS = frozenset(("A", "B", "C", "I", "ours"))
LINE_END = "⏎"

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FIGURE = re.compile(r"`(\w+)` = (\([^)]*\)|[0-9.]+)")
_CODE = re.compile(r"`([^`]*)`")


class Row(NamedTuple):
    """One row of a table: its section, its cells by the heads of their columns."""

    section: str
    cells: dict[str, str]

    @property
    def key(self) -> str:
        return next(iter(self.cells.values())).strip("`")

    @property
    def text(self) -> str:
        match = _CODE.search(self.cells.get("text", ""))
        return match[1] if match else ""


@cache
def rows() -> tuple[Row, ...]:
    found: list[Row] = []
    section, head = "", []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section, head = line[3:], []
        elif not line.startswith("|"):
            head = []
        elif not head:
            head = cells(line)
        elif not set(line) <= set("|-"):
            found.append(Row(section, dict(zip(head, cells(line), strict=True))))
    return tuple(found)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def facts() -> list[Row]:
    """All rows but those of the legend."""
    return [row for row in rows() if "meaning" not in row.cells]


def lab_modules() -> list[str]:
    found = pkgutil.walk_packages(smtpguard.lab.__path__, "smtpguard.lab.")
    return [module.name.removeprefix("smtpguard.lab.") for module in found]


def test_the_page_has_what_it_should() -> None:
    assert {row.section for row in facts()} >= {
        "Banners and keyword lists",
        "Replies of the receivers",
        "The sender: steps, queue, workarounds",
        "Notifications",
        "Event logs",
        "The outcomes of KB818222",
        "Ours",
    }
    assert {row.key for row in facts() if row.section == "The outcomes of KB818222"} >= {str(n) for n in range(1, 13)}


def test_every_row_has_a_source_and_a_mark_and_ours_means_no_vendor() -> None:
    for row in facts():
        assert row.cells["source"], row
        assert row.cells["mark"] in MARKS, row
        assert row.cells["mark"] == "ours" or not row.cells["source"].startswith("none") or row.cells["mark"] == "I", (
            row
        )


def test_every_row_names_a_test_or_its_section_does() -> None:
    page = PAGE.read_text(encoding="utf-8")
    held = {part.partition("\n")[0] for part in page.split("\n## ") if re.search(r"(?m)^Held by `tests/", part)}
    for row in facts():
        assert row.section in held or _TEST.search(row.cells.get("test", "")), row


def test_every_test_that_is_named_exists() -> None:
    named = set(_TEST.findall(PAGE.read_text(encoding="utf-8")))
    assert len(named) > 40
    for path, name in sorted(named):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in defined, f"{path}::{name}"


@pytest.mark.parametrize("name", documents.names("profiles"))
def test_every_reply_of_a_profile_is_there_with_its_words_and_its_mark(name: str) -> None:
    profile = load_profile(name)
    told = {
        row.cells["reply"]: row
        for row in facts()
        if row.section == "Replies of the receivers" and name in row.cells["system"].split()
    }
    assert set(told) == profile.replies.given()
    for reply, row in told.items():
        assert row.text == profile.replies.text(reply).replace("\r\n", LINE_END), row
        assert (row.cells["mark"] == "ours") is (reply in profile.ours), row


@pytest.mark.parametrize("name", documents.names("profiles"))
def test_every_banner_and_list_is_there_with_its_words(name: str) -> None:
    profile = load_profile(name)
    told = {
        row.key: row.text
        for row in facts()
        if row.section == "Banners and keyword lists" and name in row.cells["system"].split()
    }
    assert told == {"banner": profile.banner, "ehlo": LINE_END.join(profile.ehlo)}


def test_every_event_text_is_there_with_its_words_source_and_mark() -> None:
    told = {row.key: row for row in facts() if row.section == "Event logs"}
    for event_id in known_ids():
        text, row = event_text(event_id), told[f"event {event_id}"]
        head = ", ".join((text.event_source, text.category, text.type, text.user))
        assert row.cells["text"] == f"{head}: `{text.description}`"
        assert (row.cells["source"], row.cells["mark"]) == (text.source, text.mark)
        marks = dict.fromkeys(text.ours, "ours") | dict.fromkeys(text.inferred, "I")
        parts = {
            key.partition(": ")[2]: one.cells["mark"]
            for key, one in told.items()
            if key.startswith(f"event {event_id}: ")
        }
        assert parts == marks


def test_every_text_that_a_module_calls_ours_is_there() -> None:
    told = {row.key for row in facts() if row.cells["mark"] == "ours"}
    for module in lab_modules():
        for name in getattr(importlib.import_module(f"smtpguard.lab.{module}"), "OURS", ()):
            assert f"{module}: {name}" in told


def test_every_text_of_a_module_that_is_there_has_its_words() -> None:
    told = [row for row in facts() if re.fullmatch(r"[\w.]+: [\w-]+", row.key)]
    assert len(told) > 20
    for row in told:
        module, _, name = row.key.partition(": ")
        loaded = importlib.import_module(f"smtpguard.lab.{module}")
        assert hasattr(loaded, name) or name in loaded.OURS, row
        words = getattr(loaded, name, None)
        assert words is None or row.text in (words, ""), row
        assert words is None or row.text or row.cells["mark"] != "ours", row


def test_every_figure_of_the_schedule_is_there() -> None:
    told = dict(_FIGURE.findall("\n".join(row.cells["what"] for row in facts() if "what" in row.cells)))
    assert {name: ast.literal_eval(figure) for name, figure in told.items()} == Schedule().model_dump()


@pytest.mark.parametrize("room", ["profiles", "scenarios", "policies", "eventlog"])
def test_every_document_names_its_source(room: str) -> None:
    folders = [files("smtpguard.lab") / room, ROOT / room]
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.name.endswith(".yaml")]
    assert found
    for path in found:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        assert str(document.get("source", "")).strip(), path.name
