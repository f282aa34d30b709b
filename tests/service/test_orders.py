"""What a reload reads: all of it or nothing, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import described, names, read, warnings
from tests.service.ordering import orders


def test_everything_is_read(tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text("max_sessions: 7\n")
    found = orders("strip-xexch50", config=tmp_path / "guard.yaml", shadow="close-on-xexch50", workers=2)
    in_force = read(found)
    assert in_force.settings.max_sessions == 7
    assert names(in_force) == {"policy": "strip-xexch50", "shadow": "close-on-xexch50"}
    assert described(found, in_force, 2525, 0) == {
        "address": "127.0.0.1",
        "port": 2525,
        "upstream": "192.0.2.1:25",
        "policy": "strip-xexch50",
        "shadow": "close-on-xexch50",
        "workers": 2,
    }


@pytest.mark.parametrize(
    ("policy", "text", "words"),
    [
        ("no-such-policy", "", "no-such-policy"),
        ("pass", "max_sessions: many\n", "guard.yaml:1:15: max_sessions"),
        ("pass", "limits: {client_sessions: 1, store: 'http://x'}\n", "guard.yaml: limits.store: http://x: no address"),
        ("pass", "limits: {client_sessions: 1, store: 'redis://x:port'}\n", "limits.store"),
        ("pass", "failure: {second_upstream: x}\n", "failure.second_upstream"),
        ("pass", "failure: {overload: shrug}\n", "failure.overload"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, policy: str, text: str, words: str) -> None:
    (tmp_path / "guard.yaml").write_text(text)
    with pytest.raises(ServiceError) as caught:
        read(orders(policy, config=tmp_path / "guard.yaml"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_guard_that_takes_encryption_away_says_so(tmp_path: Path) -> None:
    settings = tmp_path / "guard.yaml"
    settings.write_text("tls: {mode: strip}\n")
    stripping = read(orders(config=settings))
    assert list(warnings(stripping)) == ["tls-stripped"]
    assert described(orders(config=settings), stripping, 2525, 0)["starttls"] == "strip"
    assert warnings(read(orders())) == {}
