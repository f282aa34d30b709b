"""The configuration file: what it may say, and one clear line for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.relay.settings import ConfigError, RelaySettings, load_settings


def test_defaults_are_the_rfcs_figures() -> None:
    limits = RelaySettings().waits()
    assert (limits.greeting, limits.reply, limits.data_init, limits.data_block, limits.message_end, limits.command) == (
        300, 300, 120, 180, 600, 300,
    )  # fmt: skip
    assert limits.shortest == 120


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_text("max_sessions: 7\ndeadlines:\n  reply: 12.5\n")
    settings = load_settings(path)
    assert settings.max_sessions == 7
    assert settings.waits().reply == 12.5
    assert settings.waits().greeting == 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max_sesions: 7\n", "max_sesions"),
        ("max_sessions: 0\n", "greater than or equal to 1"),
        ("deadlines: {reply: -1}\n", "deadlines.reply"),
        ("- a\n", "found a list"),
        ("a: [\n", ":2:1: not YAML"),
        ("a: 1\na: 2\n", "not YAML"),
        ("drain: 2001-99-99\n", "month must be"),
        ("[" * 5000, "not YAML"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "guard.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(path)
