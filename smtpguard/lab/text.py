"""The text behind DATA: dots doubled on the way out, taken off on the way in (RFC 5321 4.5.2).

Only CRLF.CRLF ends it.
"""

from __future__ import annotations

import asyncio

_END = b".\r\n"


def stuffed(content: bytes) -> bytes:
    """``content`` as it goes over the wire, with the line that ends it. A missing last CRLF is added: DATA needs it."""
    text = content.replace(b"\r\n.", b"\r\n..")
    if text.startswith(b"."):
        text = b"." + text
    if text and not text.endswith(b"\r\n"):
        text += b"\r\n"
    return text + _END


async def read_text(reader: asyncio.StreamReader, most: int | None = None) -> bytes:
    """Read up to and with the final dot line; give the content without it and without the doubled dots.

    What comes behind ``most`` octets is read and forgotten; of a longer text they, and a line at most, are given.
    Raises ``asyncio.IncompleteReadError`` when the connection ends first.
    """
    content = bytearray()
    line_start = True
    while True:
        try:
            piece = await reader.readuntil(b"\r\n")
            whole = True
        except asyncio.LimitOverrunError as overrun:
            piece = await reader.readexactly(overrun.consumed)
            whole = False
        if line_start and piece == _END:
            return bytes(content)
        if most is None or len(content) <= most:
            content += piece[1:] if line_start and piece.startswith(b".") else piece
        line_start = whole
