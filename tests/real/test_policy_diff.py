"""From a real session to a difference: ``serve --transcripts`` before Postfix, ``policy diff`` over its journal."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.real.guard_process import SMTPGUARD, GuardProcess
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import DOMAIN
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

SECRET = b"the quick brown fox"


def test_a_recorded_session_shows_where_policies_part(postfix: PrivatePostfix, tmp_path: Path) -> None:
    guard = GuardProcess(postfix.address, "pass", "--transcripts")
    try:
        with RawClient(guard.address) as client:
            client.greet()
            client.envelope(f"diff@{DOMAIN}")
            assert client.ask(b"DATA").startswith(b"354 ")
            assert client.ask(b"Subject: " + SECRET + b"\r\n\r\n" + (SECRET + b"\r\n") * 900 + b".").startswith(b"250 ")
            client.ask(b"VRFY someone")
            client.ask(b"QUIT")
        guard.sessions(1)
        journal = guard.stop()
    finally:
        guard.close()
    text = "\n".join(json.dumps(line) for line in journal)
    assert SECRET.decode() not in text
    log = tmp_path / "guard.log"
    log.write_text(text + "\n")
    policy = tmp_path / "big.yaml"
    policy.write_text(
        "summary: s\nrules:\n"
        "  - {id: big, on: message, size: '> 18000', then: {reject: 552}}\n"
        "  - {id: no-vrfy, on: command, verb: VRFY, then: {reject: 502}}\n"
    )
    found = diff("pass", str(policy), log)
    assert found.returncode == 1, found.stderr
    assert "at command 4, the end of the message, 250 to DATA:" in found.stdout
    policy.write_text(policy.read_text().replace("> 18000", "> 19000"))
    found = diff("pass", str(policy), log)
    assert "at command 5, VRFY:" in found.stdout
    assert diff("pass", "strip-xexch50", log).returncode == 0


def diff(first: str, second: str, log: Path) -> subprocess.CompletedProcess[str]:
    command = [SMTPGUARD, "policy", "diff", first, second, "--journal", str(log)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
