"""Readers of the banner and of what EHLO brought. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtpguard.analyzer.ehlo import is_starred
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.reading import View, plain
from smtpguard.analyzer.steps import named
from smtpguard.analyzer.systems import proxy_of
from smtpguard.analyzer.traces import Trace

_COMMON = ("PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME", "STARTTLS", "SIZE")
_STARS = re.compile(r"220 [*20 ]*\*{4,}[*20 ]*")

# The steps that EHLO's reply may be that of, in this order.
_SAMPLES = (
    (UNKNOWN_VERBS, "NOOP", "NOOP", "ehlo-as-noop"),
    (UNKNOWN_VERBS, "unknown verb 1", "an unknown verb", "ehlo-as-unknown"),
    (UNKNOWN_VERBS, "HELO again", "HELO", "ehlo-as-helo"),
    (TYPED, "typed HELO", "HELO", "ehlo-as-helo"),  # where the server takes no second one
)


def read_banner(view: View) -> Iterator[Trace]:
    """Stars, a product's own greeting, and the text itself."""
    step = named(view.steps, "banner")
    if step is None or step.failure:
        return
    yield Trace("banner-text", answer=step.last_line, step=step)
    if _STARS.fullmatch(step.last_line):
        yield Trace("banner-stars", answer=step.last_line, step=step)
    elif proxy_of(step.last_line):
        detail = f"the banner is that of {proxy_of(step.last_line)}: {step.last_line}"
        yield Trace("banner-injected", answer=step.last_line, detail=detail, confidence="likely", step=step)


def read_list(view: View) -> Iterator[Trace]:
    """What is listed, and which lines were overwritten."""
    step = named(view.steps, "EHLO")
    for keyword in sorted(view.ehlo.names):
        yield Trace("listed", keyword, step=step)
    if view.ehlo.texts:
        yield from (Trace("unlisted", keyword) for keyword in _COMMON if not view.ehlo.has(keyword))
    for line in view.ehlo.masked:
        if is_starred(line):
            yield Trace("keyword-starred", line, detail=f"the list has {line}, with a star for a letter", step=step)
        else:
            yield Trace("keyword-masked", line, detail=f"the list has {line} where a keyword was", step=step)


def read_hello(view: View) -> Iterator[Trace]:
    """EHLO refused, or answered as another verb is."""
    ehlo, helo = named(view.steps, "EHLO"), named(view.steps, "HELO")
    if ehlo is None or ehlo.failure:
        return
    if not ehlo.accepted and ehlo.code >= 500 and helo is not None and helo.accepted:
        detail = f"EHLO is refused ({ehlo.last_line}) and HELO is taken ({helo.last_line})"
        yield Trace("ehlo-refused", answer=ehlo.last_line, detail=detail, step=ehlo)
    elif ehlo.accepted and not view.ehlo.texts:
        for title, name, who, kind in _SAMPLES:
            sample = view.step(title, name)
            if sample is not None and plain(sample) == plain(ehlo):
                detail = f"EHLO is answered as {who} is: {ehlo.last_line}"
                yield Trace(kind, answer=ehlo.last_line, detail=detail, step=ehlo)
                return
