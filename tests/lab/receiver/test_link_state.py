"""X-LINK2STATE: chunks put together, and the lengths and orders of CVE-2005-0560 refused."""

from __future__ import annotations

import pytest

from smtpguard.lab.clock import run_virtual
from tests.lab.hosts import converse, receiving

CHUNK = b"250 2.0.0 Chunk received"  # ours, as the next
WHOLE = b"250 2.0.0 Link state received"
ARGUMENTS = b"501 5.5.4 Invalid arguments"
SEQUENCE = b"503 5.5.1 Bad sequence of commands"


def talk(*arguments: bytes) -> tuple[list[bytes], list[bytes]]:
    """The answers to one X-LINK2STATE for each argument, and what was put together."""

    async def main() -> tuple[list[bytes], list[bytes]]:
        async with receiving() as host:
            octets = b"".join(b"X-LINK2STATE " + argument + b"\r\n" for argument in arguments)
            answer = await converse(host.port, octets)
        return answer.split(b"\r\n")[1:-1], host.mailbox.link_states

    return run_virtual(main)


def test_chunks_become_one_table() -> None:
    lines, tables = talk(b"FIRST CHUNK={00000003}abc", b"next CHUNK=def", b"LAST CHUNK=", b"LAST CHUNK=x")
    assert lines == [CHUNK, CHUNK, WHOLE, SEQUENCE]
    assert tables == [b"{00000003}abcdef"]


@pytest.mark.parametrize("argument", [b"", b"CHUNK=x", b"MIDDLE CHUNK=x", b"FIRST", b"FIRST DATA=x"])
def test_a_chunk_without_a_place_is_refused(argument: bytes) -> None:
    assert talk(argument)[0] == [ARGUMENTS]


@pytest.mark.parametrize("place", [b"NEXT", b"LAST"])
def test_a_chunk_before_the_first_is_refused(place: bytes) -> None:
    assert talk(place + b" CHUNK=x")[0] == [SEQUENCE]


def test_a_length_over_520_is_refused_by_count_and_in_truth() -> None:
    lines, tables = talk(
        b"FIRST CHUNK=" + b"x" * 520,
        b"NEXT CHUNK=" + b"x" * 521,
        b"LAST CHUNK=x",
        b"FIRST CHUNK={00000209}x",
        b"FIRST CHUNK={00000208}x",
    )
    assert lines == [CHUNK, ARGUMENTS, SEQUENCE, ARGUMENTS, CHUNK]
    assert not tables


def test_the_table_is_bounded() -> None:
    chunk = b" CHUNK=" + b"x" * 512
    lines, tables = talk(b"FIRST" + chunk, *[b"NEXT" + chunk] * 128, b"LAST CHUNK=")
    assert lines == [CHUNK] * 128 + [ARGUMENTS, SEQUENCE]
    assert not tables


def test_a_command_over_1024_octets_ends_the_session() -> None:
    lines, _ = talk(b"FIRST CHUNK=" + b"x" * 1000, b"LAST CHUNK=")
    assert lines == [b"421 5.5.2 Syntax error (command line too long)"]
