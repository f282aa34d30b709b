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
        ("max_sesions: 7\n", ":1:1: max_sesions: unknown field (did you mean 'max_sessions'?)"),
        ("drain: 1\nlimits: {client_session: 1}\n", ":2:10: limits.client_session: unknown field (did you mean"),
        (
            "tls:\n  certificates:\n  - certificat: x\n",
            ":3:5: tls.certificates.certificat: unknown field (did you mean",
        ),
        ("tls:\n  certificates:\n  - key: x\n", ":3:5: tls.certificates: the field 'certificate' is missing"),
        ("max_sessions: 0\n", ":1:15: max_sessions: Input should be greater than or equal to 1"),
        ("deadlines: {reply: -1}\n", "deadlines.reply"),
        ("limits: [1]\n", ":1:9: limits: expected fields and values, found a list (such as `client_sessions: …`)"),
        ("tls: {mode: bridge}\n", ": tls: mode bridge needs certificates"),
        ("proxy_protocol: {accept_from: [10.0.0.1/8]}\n", "accept_from: 10.0.0.1/8 has host bits set; write a network"),
        ("- a\n", "found a list (such as `max_sessions: …`)"),
        ("a: [\n", ":2:1: not valid YAML"),
        ("a: 1\na: 2\n", ":2:1: the key 'a' is given twice"),
        ("drain: 2001-99-99\n", ":1:8: drain: Input should be a valid number"),
        ("[" * 5000, "nested too deeply"),
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


def test_a_section_of_comments_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_text("limits:\n  # client_sessions: 1\nmax_sessions:\n")
    assert load_settings(path) == RelaySettings()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(path)
