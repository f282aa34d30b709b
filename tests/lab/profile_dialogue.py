"""A scripted dialogue with a receiver profile that touches every reply it has, and its transcript as text.

Regenerate the golden transcripts of every profile, then read the difference before it is kept:

    python -m tests.lab.profile_dialogue
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import spnego

from smtpguard.lab import documents
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.receiver.profile import Profile, load_profile
from tests.lab.hosts import receiving

GOLDEN = Path(__file__).parent / "golden" / "profiles"
USER, PASSWORD = "relay", "Relay-2003"
WITH_ID = b"Message-ID: <1@mail1.example.com>\r\nSubject: x\r\n\r\n.dot\r\n"
WITHOUT_ID = b"Subject: x\r\n\r\nhi\r\n"


class Client:
    """Types lines and writes down what goes over the wire, one line a line; octets are counted, not shown."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    async def connect(self, port: int, title: str) -> None:
        """Open a connection and read the banner."""
        self._lines.append(f"== {title}")
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        await self.reply()

    async def reply(self, shown: str = "") -> bytes:
        """The next reply; its last line."""
        while True:
            line = await self._reader.readuntil(b"\r\n")
            self._lines.append("<-- " + (shown or line[:-2].decode("latin-1")))
            if line[3:4] != b"-":
                return line[:-2]

    async def say(self, *lines: str) -> None:
        """Type each line and read its reply."""
        for line in lines:
            self._lines.append(f"--> {line}" if len(line) < 100 else f"--> {line[:10]}... ({len(line)} octets)")
            self._writer.write(line.encode("latin-1") + b"\r\n")
            await self.reply()

    async def octets(self, data: bytes) -> None:
        """Send octets and read the reply behind them."""
        self._lines.append(f"--> ({len(data)} octets)")
        self._writer.write(data)
        await self.reply()

    async def chunk(self, data: bytes, last: str = " LAST") -> None:
        """Send a BDAT command with its octets."""
        self._lines.append(f"--> BDAT {len(data)}{last}")
        self._writer.write(b"BDAT %d%b\r\n" % (len(data), last.encode("ascii")))
        await self.octets(data)

    async def ntlm(self, verb: str, password: str) -> None:
        """An NTLM exchange; its messages are random, and named instead of shown."""
        context = spnego.client(USER, password, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        await self.say(f"{verb} NTLM")
        self._message("NTLM negotiate message", context.step())
        challenge = await self.reply("334 (NTLM challenge message)")
        self._message("NTLM authenticate message", context.step(base64.b64decode(challenge[4:])))
        await self.reply()

    def _message(self, shown: str, octets: bytes | None) -> None:
        self._lines.append(f"--> ({shown})")
        self._writer.write(base64.b64encode(octets or b"") + b"\r\n")

    async def login(self, verb: str, password: str) -> None:
        """A LOGIN exchange."""
        await self.say(f"{verb} LOGIN", _base64(USER), _base64(password))

    async def tls(self) -> None:
        """STARTTLS and its handshake; the certificate is nobody's to trust."""
        await self.say("STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self._writer.start_tls(context)
        self._lines.append("== (under TLS)")

    async def close(self) -> None:
        """See that the server has ended the connection, and end it here."""
        assert await self._reader.read() == b""
        self._writer.close()
        await self._writer.wait_closed()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


Part = Callable[[Client, Profile], Awaitable[None]]


async def _small_verbs(client: Client, profile: Profile) -> None:
    await client.say("HELO mail1.example.com", "EHLO mail1.example.com", "NOOP", "XYZZY", "VRFY bob", "HELP")
    await client.say("ETRN example.com", "TURN", "ATRN example.com", "RSET")
    await client.say("X-LINK2STATE FIRST CHUNK={00000003}abc", "X-LINK2STATE LAST CHUNK={00000003}def")
    await client.say(*sorted(profile.not_here))
    await client.say("QUIT")


async def _envelope(client: Client, profile: Profile) -> None:
    await client.say("EHLO mail1.example.com", "RCPT TO:<bob@example.net>", "MAIL alice@example.com")
    await client.say("MAIL FROM:<alice@example.com>", "MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.org>")
    await client.say("DATA", "RSET", "MAIL FROM:<>", "RSET", "MAIL FROM:<alice@example.com> SIZE=99999999", "RSET")
    await client.say("MAIL FROM:<alice@example.com> SIZE=1460 RET=FULL")
    await client.say("RCPT TO:<bob@example.net> NOTIFY=FAILURE,DELAY", "XEXCH50 1020 2", "QUIT")


async def _messages(client: Client, profile: Profile) -> None:
    await client.say("EHLO mail1.example.com")
    for content in (WITH_ID, WITHOUT_ID):
        await client.say("MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.net>", "DATA")
        await client.octets(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    if "BDAT" in profile.verbs:
        await client.say("MAIL FROM:<alice@example.com> BODY=BINARYMIME", "RCPT TO:<bob@example.net>")
        await client.chunk(WITH_ID[:20], "")
        await client.chunk(WITH_ID[20:])
    await client.say("QUIT")


async def _peer(client: Client, profile: Profile) -> None:
    await client.say("EHLO mail1.example.com", "AUTH CRAM-MD5")
    for verb, mechanisms in profile.mechanisms.items():
        await client.say(*(f"{verb} GSSAPI" for mechanism in mechanisms if mechanism == "GSSAPI"))
        if "LOGIN" in mechanisms:
            await client.login(verb, "wrong")
        await client.ntlm(verb, "wrong")
        await client.say(f"{verb} NTLM", "*")
    last = next(reversed(profile.mechanisms))
    await (client.login if "LOGIN" in profile.mechanisms[last] else client.ntlm)(last, PASSWORD)
    await client.say("TURN", "MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.net>", "XEXCH50 1020 2")
    if "XEXCH50" in profile.verbs:
        await client.octets(bytes(1020))
    await client.say("QUIT")


async def _ntlm(client: Client, profile: Profile) -> None:
    await client.say("EHLO mail1.example.com")
    await client.ntlm("AUTH", PASSWORD)
    await client.say("QUIT")


async def _tls(client: Client, profile: Profile) -> None:
    await client.say("EHLO mail1.example.com")
    await client.tls()
    await client.say("EHLO mail1.example.com", "STARTTLS", "MAIL FROM:<alice@example.com>", "QUIT")


async def _too_long(client: Client, profile: Profile) -> None:
    await client.say("NOOP " + "x" * profile.longest_command)


PARTS: dict[str, Part] = {
    "the small verbs": _small_verbs,
    "an envelope": _envelope,
    "messages": _messages,
    "an Exchange server of the organisation": _peer,
    "the same by AUTH NTLM": _ntlm,
    "STARTTLS": _tls,
    "a line that is too long": _too_long,
}


async def _converse(profile: Profile) -> list[str]:
    lines = [f"# {profile.summary}. Written by tests/lab/profile_dialogue.py."]
    async with receiving(profile.name, strangers_may_xexch50=False, users={USER: PASSWORD}) as host:
        for title, part in PARTS.items():
            if part is _tls and not profile.certificate:
                continue
            client = Client(lines)
            await client.connect(host.port, title)
            await part(client, profile)
            await client.close()
            await asyncio.sleep(1)
    return lines


def transcript(name: str) -> str:
    """The dialogue with the profile ``name``."""
    return "\n".join(run_virtual(lambda: _converse(load_profile(name)))) + "\n"


def regenerate() -> None:
    """Write every profile's golden transcript."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in documents.names("profiles"):
        (GOLDEN / f"{name}.txt").write_text(transcript(name), encoding="latin-1", newline="\n")


if __name__ == "__main__":
    regenerate()
