"""TLS on one of a session's connections: which side of it we are, what the journal hears, who is told how it went."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpguard.relay.tls_contexts import TlsContexts
from smtpguard.relay.tls_layer import Failed, Started, TlsLayer
from smtpguard.relay.tls_settings import TlsSettings
from smtpguard.smtp.sides import CLIENT

if TYPE_CHECKING:
    from smtpguard.relay.connection import Connection
    from smtpguard.relay.guard import Journal


@dataclass(slots=True)
class TlsStarter:
    """Begins TLS for the sessions of a guard. ``contexts`` may be swapped between two handshakes."""

    settings: TlsSettings
    contexts: TlsContexts
    journal: Journal

    def start(
        self, session: str, connection: Connection, host: str, started: Started, failed: Failed, early: bytes = b""
    ) -> None:
        """Begin a handshake; ``host`` is the server's, ``early`` was read of the client's already."""
        settings = self.settings
        side = connection.side
        if side is CLIENT:
            context, name = self.contexts.server, None
        else:
            context, name = self.contexts.client, settings.server_name or host

        def up() -> None:
            found = layer.get_extra_info("ssl_object")
            self.journal("tls", {"session": session, "side": side.value, **_found(found)})
            started()

        def cut() -> None:
            self.journal("tls-cut", {"session": session, "side": side.value})

        assert context is not None  # noqa: S101 - no listener offers TLS without a certificate
        layer = TlsLayer(
            connection, context, loop=asyncio.get_running_loop(), server_name=name, started=up, failed=failed, cut=cut
        )
        layer.begin(settings.handshake, early)


def _found(connection: ssl.SSLObject) -> dict[str, object]:
    cipher = connection.cipher()
    return {
        "version": connection.version() or "",
        "cipher": cipher[0] if cipher is not None else "",
        **({"verified": connection.context.verify_mode is ssl.CERT_REQUIRED} if not connection.server_side else {}),
    }
