"""Why a run ended as it did, in a word: what the firewall did in the attempt that decided it, else what the sender saw.

The word is the participle of the firewall's record (``payload-eaten`` gives ``eaten``), or one of ours: the sender's
reason in a word; ``504`` or the like where XEXCH50 was refused and the mail went on; ``clear`` where TLS was to be used
and was not there. Empty where nothing odd happened.
"""

from __future__ import annotations

from smtpguard.lab.result import RunResult
from smtpguard.lab.sender.hello import NO_TLS, TLS_REFUSED
from smtpguard.lab.sender.opening import NO_ADDRESS, NO_EXCHANGER, NO_SUCH_DOMAIN, UNRESOLVED
from smtpguard.lab.sender.transaction import OUT_OF_STEP
from smtpguard.lab.sender.wire import DROPPED, GARBLED, NO_HANDSHAKE, UNREACHABLE

_REASONS = {
    DROPPED: "dropped",
    GARBLED: "garbled",
    UNREACHABLE: "unreachable",
    NO_HANDSHAKE: "handshake",
    NO_TLS: "unencrypted",
    TLS_REFUSED: "unencrypted",
    OUT_OF_STEP: "misread",
    **dict.fromkeys((UNRESOLVED, NO_SUCH_DOMAIN, NO_EXCHANGER, NO_ADDRESS), "unresolved"),
}


def cause(result: RunResult) -> str:
    """The word for ``result``."""
    attempts = result.fate.attempts
    if not attempts:
        return "unreached"
    began = attempts[-1].began
    decided = [event for event in result.events if event.host == "firewall" and "rule" in event.fields]
    words = [event.event.rpartition("-")[2] for event in decided if event.time >= began]
    if words:
        return words[-1]
    return _reason(attempts[-1].attempt.reason) if result.outcome == "ndr" else _seen_by_the_sender(result)


def _seen_by_the_sender(result: RunResult) -> str:
    for event in result.events:
        if event.host != "sender":
            continue
        if event.event == "xexch50-refused":
            return str(event.fields["reply"])[:3]
        if event.event in ("starttls-not-offered", "starttls-refused"):
            return "clear"
    return ""


def _reason(reason: str) -> str:
    if reason in _REASONS:
        return _REASONS[reason]
    return "refused" if reason[:1].isdigit() else "silent"
