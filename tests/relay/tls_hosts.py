"""Certificates for the relay's tests, a server that speaks STARTTLS or TLS, and a client that does."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_settings import CertificateSettings, TlsSettings

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
KEY_FORM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@cache
def made(*names: str, since: int = -1, until: int = 30) -> tuple[bytes, bytes]:
    """A certificate of its own for ``names``, valid from and to so many days from now, and its key; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + since * DAY)
        .not_valid_after(NOW + until * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(*KEY_FORM)


def files(folder: Path, *names: str, since: int = -1, until: int = 30) -> tuple[Path, Path]:
    """The same, as two files."""
    certificate, key = made(*names, since=since, until=until)
    stem = names[0].replace("*", "star")
    paths = folder / f"{stem}.pem", folder / f"{stem}.key"
    paths[0].write_bytes(certificate)
    paths[1].write_bytes(key)
    return paths


def server_context(folder: Path, name: str = "mx.example") -> ssl.SSLContext:
    """For a server with a certificate of this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files(folder, name))
    return context


def client_context() -> ssl.SSLContext:
    """For a client that takes any certificate, and says which it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def bridging(folder: Path, *names: str, **more: object) -> RelaySettings:
    """A guard that bridges, with a certificate for each name, and trusts the certificate of the test's server."""
    certificates = [
        CertificateSettings(certificate=c, key=k) for c, k in (files(folder, n) for n in names or ("guard.example",))
    ]
    defaults: dict[str, object] = {"ca": folder / "mx.example.pem", "server_name": "mx.example"}
    if more.get("verify") is False:
        defaults = {}
    tls = TlsSettings.model_validate({"mode": "bridge", "certificates": certificates, **defaults, **more})
    return RelaySettings(linger=1.0, tls=tls)


class Tls:
    """TLS over a plain stream, octet for octet under the test's hand: asyncio's own start_tls hides what came when."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        name: str | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side, server_hostname=name)
        self._plain = bytearray()
        self.notified = False  # the other end sent close_notify
        self.cut = False  # FIN came without

    async def _more(self) -> bool:
        data = await self._reader.read(65536)
        if not data:
            self.cut = not self.notified
            return False
        self._incoming.write(data)
        return True

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def handshake(self) -> Tls:
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._more():
                    raise ConnectionResetError("FIN during the handshake") from None
            else:
                await self._flush()
                return self

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), 65536):
            self.object.write(data[start : start + 65536])
            await self._flush()

    async def _read(self) -> bool:
        """Some more in clear; False at the end."""
        while not self.notified:
            try:
                data = self.object.read(65536)
            except ssl.SSLWantReadError:
                if not await self._more():
                    return False
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self.notified = True
                return False
            self._plain += data
            return True
        return False

    async def until(self, mark: bytes) -> bytes:
        """Everything up to and with ``mark``; less at the end."""
        looked = 0
        while (at := self._plain.find(mark, looked)) < 0:
            looked = max(0, len(self._plain) - len(mark))
            if not await self._read():
                at = len(self._plain)
                break
        found = bytes(self._plain[: at + len(mark)])
        del self._plain[: at + len(mark)]
        return found

    async def line(self) -> bytes:
        return await self.until(b"\n")

    async def rest(self) -> bytes:
        """Everything up to the end."""
        while await self._read():
            pass
        found = bytes(self._plain)
        self._plain.clear()
        return found

    async def notify(self) -> None:
        """close_notify, without FIN."""
        with suppress(ssl.SSLError):
            self.object.unwrap()
        await self._flush()


async def reply(tls: Tls) -> bytes:
    """One whole reply."""
    found = b""
    while True:
        line = await tls.line()
        found += line
        if line[3:4] != b"-":
            return found


async def ask(tls: Tls, line: bytes) -> bytes:
    """One command, its reply."""
    await tls.write(line)
    return await reply(tls)


class TlsServer:
    """An SMTP server with STARTTLS, or with TLS from the first octet on.

    ``messages`` is what it took, ``lines`` what it heard, ``notified`` whether each session ended with a close_notify.
    """

    def __init__(self, context: ssl.SSLContext, *, implicit: bool = False, offers: bool = True) -> None:
        self._context = context
        self._implicit = implicit
        self._offers = offers
        self.messages: list[bytes] = []
        self.lines: list[bytes] = []
        self.notified: list[bool] = []
        self.behind_220 = b""  # what it injects
        self.in_place_of_tls = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._implicit:
            await self._encrypted(await self._tls(reader, writer), greet=True)
            return
        writer.write(b"220 mx.example ESMTP\r\n")
        while line := await reader.readline():
            self.lines.append(line)
            if line == b"STARTTLS\r\n" and self._offers:
                writer.write(b"220 2.0.0 go\r\n" + self.behind_220)
                if self.in_place_of_tls:
                    await reader.read(1)
                    writer.write(self.in_place_of_tls)
                    await reader.read()
                    return
                await self._encrypted(await self._tls(reader, writer), greet=False)
                return
            if line.startswith(b"EHLO"):
                writer.write(
                    b"250-mx.example\r\n" + b"250-STARTTLS\r\n" * self._offers + b"250-CHUNKING\r\n250 XEXCH50\r\n"
                )
            elif line.startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            elif line.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()

    async def _tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Tls:
        return await Tls(reader, writer, self._context, server_side=True).handshake()

    async def _encrypted(self, tls: Tls, *, greet: bool) -> None:
        if greet:
            await tls.write(b"220 mx.example ESMTPS\r\n")
        while line := await tls.line():
            self.lines.append(b"tls " + line)
            if line.startswith(b"EHLO"):
                await tls.write(b"250-mx.example\r\n250-CHUNKING\r\n250-AUTH PLAIN LOGIN\r\n250 XEXCH50\r\n")
            elif line.startswith(b"DATA"):
                await tls.write(b"354 go\r\n")
                self.messages.append(await tls.until(b"\r\n.\r\n"))
                await tls.write(b"250 taken\r\n")
            elif line.startswith(b"BIG"):
                await tls.write(b"250 " + b"x" * int(line.split()[1]) + b"\r\n")
            elif line == b"AUTH LOGIN\r\n":
                await tls.write(b"334 VXNlcm5hbWU6\r\n")
                await tls.line()
                await tls.write(b"334 UGFzc3dvcmQ6\r\n")
                await tls.line()
                await tls.write(b"235 2.7.0 in\r\n")
            elif line.startswith(b"QUIT"):
                await tls.write(b"221 bye\r\n")
                await tls.rest()
                break
            else:
                await tls.write(b"250 ok\r\n")
        self.notified.append(tls.notified)
        await tls.notify()
