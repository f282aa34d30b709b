"""The receiver's mailbox store: every message as it came, octet for octet, nothing added and nothing mended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """``content``: without dot-stuffing and the final dot line; ``blob``: XEXCH50 data of the same transaction."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    blob: bytes | None
    verb: Literal["DATA", "BDAT"]
    message_id: str
    time: float

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


class Mailbox:
    """Messages in the order of their arrival. ``orphaned_blobs``: stored, but no message followed in its session."""

    def __init__(self) -> None:
        self.messages: list[StoredMessage] = []
        self.orphaned_blobs: list[bytes] = []

    def keep(self, message: StoredMessage) -> None:
        """Store one more message."""
        self.messages.append(message)
