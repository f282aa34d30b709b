"""One captured connection read as SMTP, for drawing: commands, replies, blobs, messages, in the order of the stream.

What the client's next octets are follows from what the server answered, as in ``smtpguard.inspection``; but nothing is
judged here, and octets that fit nothing are shown as octets. AUTH lines are shown by their length only.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Literal

from smtpguard.lab.capture.legs import Connection, Piece
from smtpguard.lab.telling.transcript import printable
from smtpguard.pages.ladder import GREETING, Item, Kind

_AUTHENTICATING = frozenset(("AUTH", "X-EXPS"))
_SIZE = re.compile(rb"\S+ +([0-9]{1,12})(?: |$)")
_END = b"\r\n.\r\n"
_GO_AHEAD, _CHALLENGE = 354, 334


def read_items(connection: Connection) -> list[Item]:
    """What was said on ``connection``, with its opening and, where it came, its close."""
    reading = _Reading(connection.opened)
    closing = connection.closing
    for place, piece in enumerate(connection.pieces):
        if closing is not None and closing.before == place:
            reading.close(closing.time, from_client=closing.from_client)
        reading.take(piece)
    reading.rest()
    if closing is not None and closing.before >= len(connection.pieces):
        reading.close(closing.time, from_client=closing.from_client)
    return reading.items


class _Reading:
    """``_wanted``: octets of a counted payload still to come; ``_mode``: what the client's next octets are."""

    def __init__(self, opened: float) -> None:
        self.items = [Item(opened, True, "open", ("TCP connection to port 25",))]
        self._owed: deque[str] = deque((GREETING,))
        self._mode: Literal["command", "blob", "message", "secret"] = "command"
        self._verb = GREETING
        self._wanted = 0
        self._blob = 0  # octets that the last XEXCH50 announced
        self._client = bytearray()
        self._server = bytearray()
        self._reply: list[bytes] = []
        self._since = 0.0  # when the first octet came that waits in a buffer

    def take(self, piece: Piece) -> None:
        buffer = self._client if piece.from_client else self._server
        if not buffer:
            self._since = piece.time
        buffer += piece.data
        if piece.from_client:
            while self._client and self._client_step():
                self._since = piece.time
        else:
            while self._server_step(piece.time):
                pass

    def close(self, time: float, *, from_client: bool) -> None:
        self.rest()
        self.items.append(Item(time, from_client, "close", ("closes the connection",)))

    def rest(self) -> None:
        """What was never finished."""
        if self._client:
            self._payload("octets", len(self._client), f"[{len(self._client)} octets, unfinished]")
        if self._server or self._reply:
            data = b"".join(self._reply) + bytes(self._server)
            self.items.append(Item(self._since, False, "reply", _shown(data), self._head(), data))
            self._server.clear()
            self._reply.clear()

    def _head(self) -> str:
        return self._owed[0] if self._owed else GREETING

    def _client_step(self) -> bool:
        """Take one thing from the client's buffer; False when it needs more."""
        if self._mode == "blob":
            if len(self._client) < self._wanted:
                return False
            return self._counted()
        if self._mode == "message":
            end = _text_end(self._client)
            if not end:
                return False
            self._payload("message", end, f"[{end} octets of message, dot line included]")
            self._owed.append(self._verb)
            self._mode = "command"
            return True
        end = self._client.find(b"\n") + 1
        if not end:
            return False
        if self._mode == "secret":
            self._payload("secret", end, f"[{end} octets of {self._verb}, not shown]")
            self._owed.append(self._verb)
            self._mode = "command"
            return True
        self._command(bytes(self._client[:end]))
        return True

    def _counted(self) -> bool:
        if self._verb == "BDAT":
            self._payload("message", self._wanted, f"[{self._wanted} octets of message]")
        else:
            self._payload("blob", self._wanted, f"[{self._wanted} octets of binary]")
            self._owed.append(self._verb)
        self._mode = "command"
        return True

    def _payload(self, kind: Kind, octets: int, text: str) -> None:
        data = bytes(self._client[:octets])
        del self._client[:octets]
        self.items.append(Item(self._since, True, kind, (text,), self._verb, data))

    def _command(self, line: bytes) -> None:
        del self._client[: len(line)]
        verb = line.split(None, 1)[0].decode("latin-1").upper() if line.strip() else ""
        shown = printable(line)
        if verb in _AUTHENTICATING and line.count(b" ") > 1:
            shown = " ".join([*shown.split(" ")[:2], "[initial response, not shown]"])
        self._verb = verb
        self._owed.append(verb)
        self.items.append(Item(self._since, True, "command", (shown,), verb, line))
        size = _SIZE.match(line.rstrip(b"\r\n"))
        if verb == "BDAT" and size is not None and int(size[1]):
            self._mode, self._wanted = "blob", int(size[1])
        if verb == "XEXCH50":
            self._blob = int(size[1]) if size is not None else 0

    def _server_step(self, time: float) -> bool:
        end = self._server.find(b"\n") + 1
        if not end:
            return False
        line = bytes(self._server[:end])
        del self._server[:end]
        if not self._reply:
            self._since = time
        self._reply.append(line)
        if line[3:4] == b"-":
            return True
        data = b"".join(self._reply)
        self._reply.clear()
        verb = self._owed.popleft() if self._owed else GREETING
        self.items.append(Item(self._since, False, "reply", _shown(data), verb, data))
        self._answered(verb, line[:3])
        return True

    def _answered(self, verb: str, digits: bytes) -> None:
        code = int(digits) if digits.isdigit() else 0
        if code == _GO_AHEAD and verb == "XEXCH50":
            self._mode, self._verb, self._wanted = "blob", verb, self._blob
        elif code == _GO_AHEAD and verb == "DATA":
            self._mode, self._verb = "message", verb
        elif code == _CHALLENGE and verb in _AUTHENTICATING:
            self._mode, self._verb = "secret", verb


def _text_end(text: bytearray) -> int:
    """Where the dot line of DATA's text ends; 0 while it has not come."""
    if text.startswith(_END[2:]):
        return len(_END) - 2
    found = text.find(_END)
    return found + len(_END) if found >= 0 else 0


def _shown(data: bytes) -> tuple[str, ...]:
    return tuple(printable(line) for line in data.splitlines(keepends=True))
