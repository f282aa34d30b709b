"""An SMTP client that sends exactly the octets that it is told to, and reads replies one by one."""

from __future__ import annotations

import socket
from types import TracebackType

PATIENCE = 60.0  # seconds for any one reply: a 50 MB message on a busy machine takes some


class RawClient:
    """One connection. Replies come as the octets of the whole reply; b"" is the peer's end."""

    def __init__(self, address: tuple[str, int], source: str = "") -> None:
        """``source`` is the address to come from; left out, the kernel's choice."""
        self._socket = socket.create_connection(address, timeout=PATIENCE, source_address=(source, 0))
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def send(self, octets: bytes) -> None:
        """All of them, in as many segments as TCP likes."""
        self._socket.sendall(octets)

    def reply(self) -> bytes:
        """The next whole reply; b"" when the peer closed or reset the connection before one."""
        lines = b""
        while True:
            try:
                line = self._file.readline(4096)
            except ConnectionResetError:
                line = b""
            lines += line
            if not line or line[3:4] != b"-":
                return lines

    def ask(self, command: bytes) -> bytes:
        """Send ``command`` and CRLF, and return its reply."""
        self.send(command + b"\r\n")
        return self.reply()

    def code(self) -> int:
        """The code of the next reply, 0 at the peer's end."""
        return int(self.reply()[:3] or b"0")

    def greet(self) -> None:
        """Read the banner and say EHLO."""
        assert self.reply().startswith(b"220 ")
        assert self.ask(b"EHLO client.example").startswith(b"250-")

    def envelope(self, recipient: str, parameters: bytes = b"") -> None:
        """MAIL and RCPT, one at a time."""
        sender = b"MAIL FROM:<sender@client.example>" + (b" " + parameters if parameters else b"")
        assert self.ask(sender).startswith(b"250 ")
        assert self.ask(b"RCPT TO:<" + recipient.encode() + b">").startswith(b"250 ")

    def bye(self) -> None:
        """QUIT, its 221, and the end of the connection."""
        assert self.ask(b"QUIT").startswith(b"221 ")
        assert self.reply() == b""
