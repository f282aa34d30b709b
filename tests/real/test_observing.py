"""``serve --observe`` and ``serve --shadow`` before a real Postfix: the wire stays as it is, the journal says all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.guard_process import GuardProcess, select
from tests.real.postfix_instance import PrivatePostfix
from tests.real.test_dialogue import COMMANDS, replies

pytestmark = pytest.mark.real

STRICT = """\
summary: Refuses much, closes at once where it knows nothing
rules:
  - {id: hush, on: keyword, keyword: '*', then: strip}
  - {id: no-vrfy, on: command, verb: [VRFY, EXPN], then: {reject: 502}}
  - {id: shut, on: command, verb: unknown, then: close}
"""


@pytest.mark.parametrize("way", ["observe", "shadow"])
def test_replies_stay_the_servers_own(postfix: PrivatePostfix, tmp_path: Path, way: str) -> None:
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT)
    options = (str(path), "--observe") if way == "observe" else ("pass", "--shadow", str(path))
    guard = GuardProcess(postfix.address, *options)
    try:
        through = [replies(guard.address, COMMANDS) for _ in range(2)]
        guard.sessions(2)
        journal = guard.stop()
    finally:
        guard.close()
    assert through == [replies(postfix.address, COMMANDS)] * 2
    decided = [line for line in journal if "rule" in line and line["event"] != "rule-tally"]
    assert {line["rule"] for line in decided} == {"hush", "no-vrfy", "shut"}
    assert all(line["observed"] for line in decided)
    assert all(line.get("shadow") == ("strict" if way == "shadow" else None) for line in decided)
    counted = {line["rule"]: line for line in select(journal, "rule-tally")}
    assert {(line["mode"], line["policy"], line["client"]) for line in counted.values()} == {
        (way, "strict", "127.0.0.1")
    }
    assert (counted["no-vrfy"]["decisions"], counted["no-vrfy"]["sessions"]) == (4, 2)
    assert (counted["shut"]["decisions"], counted["shut"]["sessions"]) == (4, 2)
    assert journal[-1]["event"] == "stopped"
