"""What is to be delivered, as the sender hands it to a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """``blob`` are the message properties that XEXCH50 carries, opaque here. All recipients are of one domain."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    blob: bytes

    @property
    def domain(self) -> str:
        """The remote domain; one queue serves one domain, so it is that of every recipient."""
        return domain_of(self.recipients[0])


def domain_of(address: str) -> str:
    """The part behind the last ``@``, in lower case."""
    return address.rpartition("@")[2].lower()
