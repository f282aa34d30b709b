"""The sender's connection: octets as given, replies whole, reasons for each failure."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.sender import wire as texts
from smtpguard.lab.sender.wire import DROPPED, GARBLED, OURS, UNREACHABLE, AttemptError, Wire
from smtpguard.lab.telling.transcript import Transcript
from tests.lab.hosts import Serve, serving
from tests.lab.sending import Heard


def first_reply(*pieces: bytes) -> list[bytes]:
    """The lines of the first reply that ``Wire`` reads when the server sends ``pieces`` and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(1)

    async def main() -> list[bytes]:
        async with serving(serve) as port:
            wire = await Wire.connect("127.0.0.1", port, 600.0, Transcript())
            try:
                return (await wire.reply()).lines
            finally:
                await wire.close()

    return run_virtual(main)


def failure(*pieces: bytes) -> str:
    with pytest.raises(AttemptError) as caught:
        first_reply(*pieces)
    return caught.value.reason


def test_a_reply_in_pieces() -> None:
    assert first_reply(b"25", b"0-a\r", b"\n250 b\r\n") == [b"250-a\r\n", b"250 b\r\n"]


def test_the_misprint_of_the_analyzer_page_is_read() -> None:
    reply = first_reply(b"250-mx\r\n240-X-EXPS=LOGIN *\r\n250 OK\r\n")
    assert reply == [b"250-mx\r\n", b"240-X-EXPS=LOGIN *\r\n", b"250 OK\r\n"]


def test_what_is_no_reply() -> None:
    assert failure(b"SSH-2.0-x\r\n") == GARBLED
    assert failure(b"250-a\r\n550 b\r\n") == GARBLED
    assert failure(b"2" * 70_000) == GARBLED
    assert failure(b"250-half") == DROPPED
    assert failure(*[b"250-" + b"x" * 20_000 + b"\r\n"] * 4) == GARBLED


def test_nobody_listens() -> None:
    async def main() -> None:
        async with serving(_silent) as port:
            pass
        with pytest.raises(AttemptError, match=UNREACHABLE):
            await Wire.connect("127.0.0.1", port, 600.0, Transcript())

    run_virtual(main)


def test_a_peer_that_reads_nothing_is_given_up() -> None:
    async def main() -> float:
        async with serving(_deaf) as port:
            wire = await Wire.connect("127.0.0.1", port, 600.0, Transcript())
            with pytest.raises(AttemptError) as caught:
                await wire.binary(bytes(32_000_000))
            assert caught.value.silent
            await wire.close()
            await wire.close()
            return asyncio.get_running_loop().time()

    assert run_virtual(main) >= 600.0


def test_octets_go_out_as_given() -> None:
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.read(-1))

    blob = bytes(range(256)) + b"\r\n.\r\n"

    async def main() -> None:
        async with serving(serve) as port:
            wire = await Wire.connect("127.0.0.1", port, 600.0, Transcript())
            await wire.command(b"XEXCH50 261 2")
            await wire.binary(blob)
            await wire.chunk(b"\r\n.\r\n")
            await asyncio.sleep(1)
            await wire.close()

    run_virtual(main)
    assert bytes(seen) == b"XEXCH50 261 2\r\n" + blob + b"BDAT 5 LAST\r\n\r\n.\r\n"


def heard(serve: Serve) -> list[tuple[object, ...]]:
    tap = Heard()

    async def main() -> None:
        async with serving(serve) as port:
            wire = await Wire.connect("127.0.0.1", port, 600.0, Transcript())
            wire.listen(tap, 4)
            with suppress(AttemptError):
                await wire.reply()
                await wire.message(b".", b"..\r\n.\r\n", split_end=True)
                await wire.commands([b"RSET", b"NOOP"])
                await wire.reply()
            await wire.close()
            await wire.leave()

    run_virtual(main)
    return tap.calls


def test_a_tap_hears_each_write_and_each_read_once() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await reader.readuntil(b"NOOP\r\n")
        writer.write(b"250 a\r\n250 b\r\n")
        await reader.read(-1)

    assert heard(serve) == [
        ("opened", "sender", 4, 0.0),
        (b"220 x\r\n", False),
        (b"..\r\n.", True),
        (b"\r\n", True),
        (b"RSET\r\nNOOP\r\n", True),
        (b"250 a\r\n250 b\r\n", False),
        ("closed", 4, True),
    ]


def test_a_tap_hears_who_closed_first() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await reader.readuntil(b"NOOP\r\n")
        writer.transport.abort()

    assert heard(serve)[-1] == ("closed", 4, False)


def test_what_the_transcript_shows_instead() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"334 c2VjcmV0\r\n" + await reader.readuntil(b"\r\n"))

    async def main() -> list[str]:
        transcript = Transcript()
        async with serving(serve) as port:
            wire = await Wire.connect("127.0.0.1", port, 600.0, transcript)
            await wire.command(b"535 password", b"[password]")
            assert (await wire.reply(b"[challenge]")).lines == [b"334 c2VjcmV0\r\n"]
            await wire.reply(b"[challenge]")
            await wire.close()
        return [said.text for said in transcript.lines]

    assert run_virtual(main) == ["[password]", "334 [challenge]", "535 password"]


def test_what_is_ours_is_a_text_here() -> None:
    assert "DROPPED" not in OURS
    assert all(isinstance(getattr(texts, name), str) for name in OURS)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(2000)


_: Serve = _silent
