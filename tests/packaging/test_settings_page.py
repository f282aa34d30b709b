"""Every setting of ``--config`` stands in the docs, and the figures that are called defaults there are those."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from smtpguard.relay.settings import DeadlineSettings, RelaySettings, load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNNING = (DOCS / "running.md").read_text(encoding="utf-8")


def settings(model: BaseModel) -> Iterator[str]:
    """The names of all settings, those of the sections too."""
    for name in type(model).model_fields:
        yield name
        if isinstance(section := getattr(model, name), BaseModel):
            yield from settings(section)


def test_every_setting_is_in_the_docs() -> None:
    told = set(re.findall(r"\w+", RUNNING + (DOCS / "tls.md").read_text(encoding="utf-8")))
    names = list(settings(RelaySettings()))
    assert [name for name in names if name not in told] == []
    assert len(names) > 40


def test_the_deadlines_in_the_docs_are_the_defaults(tmp_path: Path) -> None:
    section = RUNNING.partition("\n## Deadlines\n")[2].partition("\n## ")[0]
    file = tmp_path / "guard.yaml"
    file.write_text(textwrap.dedent("".join(re.findall(r"^    .*\n", section, re.MULTILINE))))
    told = load_settings(file)
    assert told == RelaySettings()
    assert told.deadlines.model_fields_set == set(DeadlineSettings.model_fields)
    assert {"drain", "linger"} <= told.model_fields_set
