"""Readers of what became of octets that are no commands: chunks, blobs, the end of a message, TLS. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from smtpguard.analyzer.probe_bdat import CHUNK, OUT_OF_TURN
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probe_security import STRANGER
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_xexch50 import BLOB, BLOB_OF_LINES, SIZE
from smtpguard.analyzer.reading import View, surplus
from smtpguard.analyzer.traces import Trace
from smtpguard.pages.wording import counted

# OpenSSL's words for octets that are no TLS record at all.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH", "HTTP_REQUEST", "no TLS")


def read_bdat(view: View) -> Iterator[Trace]:
    """Eaten, taken for commands, or answered by somebody who does not know what it is."""
    if not view.ehlo.has("CHUNKING"):
        return
    step = view.step(CHUNK, "chunk")
    if step is not None and step.failure in ("silent", "closed"):
        detail = f"BDAT with {_payload(step.sent)} octets: {step.outcome}"
        yield Trace("bdat-eaten", answer=step.last_line, detail=detail, step=step)
    early = view.step(OUT_OF_TURN, "chunk without MAIL")
    if early is not None and not early.failure and early.code < 300:
        detail = f"BDAT before MAIL is answered {early.last_line}: who says so has not read it"
        yield Trace("bdat-liar", answer=early.last_line, detail=detail, step=early)
    for title, name in ((CHUNK, "chunk"), (OUT_OF_TURN, "chunk without MAIL")):
        extra = surplus(view.sessions.get(title, ()), name)
        if extra:
            detail = f"{counted(extra, 'reply', 'replies')} more than commands came behind a chunk of BDAT"
            yield Trace("bdat-as-commands", detail=detail, step=view.step(title, name))
            return


def read_blob(view: View) -> Iterator[Trace]:
    """Eaten, read as lines, or taken for commands."""
    first, second = view.step(BLOB, "blob"), view.step(BLOB_OF_LINES, "blob")
    for title, step in ((BLOB, first), (BLOB_OF_LINES, second)):
        steps = view.sessions.get(title, ())
        if step is not None and step.code >= 400 and (surplus(steps, "blob") or step.code == 421):
            replies = counted(surplus(steps, "blob") + 1, "reply", "replies")
            detail = f"{replies} came to a blob of {SIZE} octets: {step.last_line}"
            yield Trace("blob-as-commands", answer=step.last_line, detail=detail, step=step)
            return
    if first is None or first.failure not in ("silent", "closed"):
        return
    waited = f"{SIZE} octets behind XEXCH50's 354: {first.outcome}"
    if second is not None and not second.failure:
        detail = f"{waited}; the same octets as whole lines: {second.last_line}"
        yield Trace("blob-by-lines", detail=detail, step=first)
    else:
        yield Trace("blob-eaten", detail=waited, step=first)


def read_ending(view: View) -> Iterator[Trace]:
    """The end of a message in two segments that nobody saw, where the same message in one was taken.

    A refusal is none: who refuses the message has seen its end. Servers do that to the second message of a stranger.
    """
    step = view.step(ENDING, "message in two segments")
    if step is not None and step.failure:
        detail = f"a message whose last CRLF came in a segment of its own: {step.outcome}"
        yield Trace("split-end-lost", answer=step.last_line, detail=detail, step=step)


def read_starttls(view: View) -> Iterator[Trace]:
    """Listed and refused, or answered and broken."""
    step, handshake = view.step(STARTTLS, "STARTTLS"), view.step(STARTTLS, "TLS handshake")
    if step is not None and view.ehlo.has("STARTTLS") and not step.failure and step.code != 220:
        detail = f"STARTTLS is listed, and answered {step.last_line}"
        yield Trace("starttls-refused", answer=step.last_line, detail=detail, confidence="likely", step=step)
    if handshake is not None and handshake.failure:
        detail = f"STARTTLS is answered {step.last_line if step else ''}, and the handshake fails: {handshake.outcome}"
        # An alert, or a certificate that can't be read, came from somebody who speaks TLS.
        in_tls = handshake.failure == "garbled" and not any(word in handshake.detail for word in _NO_TLS)
        yield Trace("starttls-broken", detail=detail, confidence="possible" if in_tls else "likely", step=step)


def read_stranger(view: View) -> Iterator[Trace]:
    """MS03-046's probe, where it ran."""
    step = view.step(STRANGER, "XEXCH50 2 2")
    if step is not None and step.code == 354 and not step.failure:
        yield Trace("stranger-may-xexch50", answer=step.last_line, step=step)


def _payload(sent: bytes) -> int:
    return len(sent.partition(b"\r\n")[2])
