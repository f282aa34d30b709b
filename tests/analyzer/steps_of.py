"""Steps and views made by hand, for what no receiver of the lab and no persona does."""

from __future__ import annotations

from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE
from smtpguard.analyzer.ehlo import read_ehlo
from smtpguard.analyzer.reading import View
from smtpguard.analyzer.steps import Failure, Step, named
from smtpguard.analyzer.systems import classify

BANNER = "220 mx1.example.net Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Thu, 25 Oct 2007"
LIST = "250-mx1.example.net Hello [192.0.2.1]\r\n250-TURN\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-XEXCH50\r\n250 OK"


def step(name: str, received: str = "", failure: Failure = "", *, unasked: str = "", sent: bytes = b"") -> Step:
    """A step that was answered ``received`` (its line end is added), or failed."""
    octets = f"{received}\r\n".encode("latin-1") if received else b""
    code = int(received.splitlines()[-1][:3]) if received and not failure else 0
    return Step(name, sent or name.encode(), octets, code, failure=failure, unasked=unasked.encode("latin-1"))


def view(
    sessions: dict[str, list[Step]] | None = None, *, banner: str = BANNER, hello: Step | None = None, helo: str = ""
) -> View:
    """What there is to read: the acceptance test up to EHLO (and HELO), and ``sessions``."""
    steps = [step("banner", banner), hello or step("EHLO", LIST)]
    if helo:
        steps.append(step("HELO", helo))
    ehlo = read_ehlo(named(tuple(steps), "EHLO"))
    held = {ACCEPTANCE: tuple(steps)} | {title: tuple(those) for title, those in (sessions or {}).items()}
    return View(held, tuple(steps), ehlo, classify(steps[0].last_line, ehlo))
