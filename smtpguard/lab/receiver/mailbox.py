"""The receiver's mailbox store: every message as it came, octet for octet, nothing added and nothing mended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """``content``: without dot-stuffing and the final dot line; ``blob``: XEXCH50 data of the same transaction.

    ``parameters`` and ``recipient_parameters`` (one a recipient): of MAIL and RCPT, by upper-case name. ``peer``: the
    account that the client proved to be, or empty; ``tls``: whether the message came encrypted.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    blob: bytes | None
    verb: Literal["DATA", "BDAT"]
    message_id: str
    time: float
    parameters: dict[str, str] = field(default_factory=dict)
    recipient_parameters: tuple[dict[str, str], ...] = ()
    peer: str = ""
    tls: bool = False

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


class Mailbox:
    """Messages in the order of their arrival. ``orphaned_blobs``: stored, but no message followed in its session.

    ``link_states``: what X-LINK2STATE brought, each put together from its chunks.
    """

    def __init__(self) -> None:
        self.messages: list[StoredMessage] = []
        self.orphaned_blobs: list[bytes] = []
        self.link_states: list[bytes] = []

    def keep(self, message: StoredMessage) -> None:
        """Store one more message."""
        self.messages.append(message)
