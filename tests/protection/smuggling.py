"""SMTP smuggling, tried out: each sequence under each policy before each receiver, and how many messages came of one.

The attack is one message whose text holds a false end of data and a second message behind it. ``python -m
tests.protection.smuggling`` (part of ``make golden``) writes the tables of docs/smuggling.md anew: the columns of the
receivers in ``receiver`` always, those of real servers where they are installed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from tests.protection.receiver import GREETING, READINGS, Reading, Receiver
from tests.relay.hosts import Journal, client, guard, server
from tests.smtp.false_ends import FALSE_ENDS

PAGE = Path(__file__).parents[2] / "docs" / "smuggling.md"
POLICIES = ("pass", "harden:refuse", "harden:normalise")

OUTER = b"first@test.example"
INNER = b"second@test.example"


class Outcome(NamedTuple):
    """``messages`` that the receiver took; ``told``: the code that the client heard for the message it sent."""

    messages: int
    told: int


def text(form: bytes, outer: bytes = OUTER, inner: bytes = INNER) -> bytes:
    """What the client sends after the 354."""
    headers = b"From: <a@client.example>\r\nTo: <%s>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <%s>\r\n"
    smuggled = b"MAIL FROM:<ceo@client.example>\r\nRCPT TO:<" + inner + b">\r\nDATA\r\n"
    body = headers % (outer, outer) + b"\r\nfirst" + form + smuggled
    return body + headers % (inner, inner) + b"\r\nsecond\r\n.\r\n"


async def attempt(policy: str, form: bytes, reading: Reading) -> tuple[Outcome, Receiver, Journal]:
    """One attack through a guard of its own, over sockets."""
    receivers: list[Receiver] = []
    journal = Journal()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers.append(Receiver(reading))
        writer.write(GREETING)
        while not receivers[-1].gone and (data := await reader.read(65_536)):
            writer.write(receivers[-1].receive(data))
            await writer.drain()

    async with server(talk) as upstream, guard(upstream, policy, journal) as box, client(box) as (reader, writer):
        assert (await _reply(reader)).startswith(b"220")
        for line in (b"EHLO client.example", b"MAIL FROM:<a@client.example>", b"RCPT TO:<" + OUTER + b">"):
            writer.write(line + b"\r\n")
            assert (await _reply(reader)).startswith(b"250"), line
        writer.write(b"DATA\r\n")
        assert (await _reply(reader)).startswith(b"354")
        writer.write(text(form))
        told = int((await _reply(reader))[:3] or 0)
        writer.write(b"QUIT\r\n")
        writer.write_eof()
        await reader.read()
        await journal.until("session")
    return Outcome(len(receivers[0].messages), told), receivers[0], journal


async def _reply(reader: asyncio.StreamReader) -> bytes:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    return line


# --- the page ------------------------------------------------------------------------------------------------------

Cells = dict[tuple[str, str, str], str]
"""By policy, form and receiver: how many messages came of one."""


def read_page() -> Cells:
    """The tables of the page."""
    cells: Cells = {}
    policy, heads = "", []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            policy, heads = (line.split("`")[1] if "`" in line else ""), []
        elif line.startswith("|") and policy:
            row = [cell.strip() for cell in line.strip("|").split("|")]
            if not heads:
                heads = row
            elif not set(line) <= set("|-"):
                cells |= {
                    (policy, row[0].strip("`"), head): cell for head, cell in zip(heads[1:], row[1:], strict=True)
                }
    return cells


def receivers(cells: Cells) -> list[str]:
    """The columns, in the order of the page."""
    return list(dict.fromkeys(receiver for _, _, receiver in cells))


def table(cells: Cells, policy: str) -> list[str]:
    """One policy's table, line by line."""
    columns = receivers(cells)
    lines = ["| end of data | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for form in FALSE_ENDS:
        row = " | ".join(cells.get((policy, form, receiver), "") for receiver in columns)
        lines.append(f"| `{form}` | {row} |")
    return lines


def write_page(cells: Cells) -> None:
    """Put the tables of ``cells`` in the place of those of the page."""
    lines: list[str] = []
    policy, written = "", False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            policy, written = line.split("`")[1], False
        if not (policy and line.startswith("|")):
            lines.append(line)
        elif not written:
            written = True
            lines += table(cells, policy)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


async def tried() -> Cells:
    """The columns of the receivers of our own."""
    cells: Cells = {}
    for policy in POLICIES:
        for name, form in FALSE_ENDS.items():
            for reading in READINGS:
                outcome, _, _ = await attempt(policy, form, reading)
                cells[policy, name, reading] = str(outcome.messages)
    return cells


def regenerate() -> None:
    """Try all of it and write the page."""
    from tests.real import smuggled

    known = {key: cell for key, cell in read_page().items() if key[2] not in READINGS}
    cells = asyncio.run(tried())
    write_page({**cells, **(smuggled.tried() or known)})


if __name__ == "__main__":
    regenerate()
