"""No secret of an AUTH exchange reaches a record, whatever the rules look at and however the exchange goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from smtpguard.policy.loader import load_policy
from tests.relay.hosts import Journal, client, guard, run, server

SECRETS = [b"hunter2-initial", b"hunter2-user", b"hunter2-word", b"hunter2-stray"]
ENCODED = [base64.b64encode(secret) for secret in SECRETS]

WATCH_EVERYTHING = """
summary: Records whatever it can
rules:
  - {id: commands, on: command, then: record}
  - {id: unknown, on: command, verb: unknown, then: record}
  - {id: replies, on: reply, then: record}
  - {id: lines, on: payload, verb: [AUTH, X-EXPS], then: record}
  - {id: violations, on: violation, then: record}
"""


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that takes LOGIN's two lines, then refuses; everything else it does not know."""
    writer.write(b"220 mx\r\n")
    while line := await reader.readline():
        if line.upper().startswith((b"AUTH LOGIN", b"X-EXPS LOGIN")):
            for prompt in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                writer.write(prompt)
                await reader.readline()
            writer.write(b"535 5.7.8 no\r\n")
        elif line.upper().startswith(b"AUTH"):
            writer.write(b"504 5.5.4 unknown mechanism\r\n")
        else:
            writer.write(b"500 5.5.2 unknown: " + line[:400].strip(b"\r\n\0") + b"\r\n")  # as some servers do


@pytest.mark.parametrize("verb", [b"AUTH", b"X-EXPS"])
@pytest.mark.parametrize("transcripts", [False, True], ids=["records", "transcripts"])
def test_no_secret_is_recorded(verb: bytes, transcripts: bool, tmp_path: Path) -> None:
    policy = tmp_path / "watch.yaml"
    policy.write_text(WATCH_EVERYTHING)
    initial, user, word, stray = ENCODED

    async def test() -> None:
        journal = Journal()
        book = load_policy(str(policy))
        async with (
            server(refusing) as upstream,
            guard(upstream, book, journal, transcripts=transcripts) as box,
        ):
            async with client(box) as (reader, writer):
                await reader.readline()
                for line in (
                    verb + b" PLAIN " + initial,  # an initial response, refused
                    verb + b" LOGIN",
                    user,
                    word,
                    verb + b" CRAM-MD5",  # refused: what follows is no exchange any more
                    stray,  # so a secret comes as a command,
                    stray + b"\0",  # as a malformed one,
                    stray + b"x" * 600,  # and as one that is too long
                ):
                    writer.write(line + b"\r\n")
                    await reader.readline()
        told = json.dumps(journal, default=repr).upper()
        assert "COMMAND-RECORDED" in told
        assert "PAYLOAD-RECORDED" in told
        assert "LONG-COMMAND" in told
        assert ("XXXXXXXXXXXX" in told) is transcripts, "a masked secret keeps its length"
        for secret in (*SECRETS, *ENCODED):
            assert secret.decode().upper() not in told

    run(test())
