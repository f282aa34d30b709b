"""A run as one page: no script, no request to anywhere, readable in light and dark and on paper.

Raises ``LabError`` for a file that can't be written. The same run gives the same page, octet for octet.
"""

from __future__ import annotations

from pathlib import Path

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.errors import LabError
from smtpguard.lab.result import RunResult
from smtpguard.lab.telling import page_parts as html_parts
from smtpguard.lab.telling.ladder_choice import ladders
from smtpguard.lab.telling.page_queue import queue
from smtpguard.pages.markup import section, words
from smtpguard.pages.page import page as framed


def write_html(result: RunResult, path: Path, capture: Capture) -> None:
    """Write the page about ``result`` to ``path``; ``capture`` was the run's tap."""
    try:
        path.write_text(page(result, capture), encoding="utf-8", newline="\n")
    except OSError as error:
        raise LabError(f"{path}: cannot be written: {error.strerror or error}") from None


def page(result: RunResult, capture: Capture) -> str:
    """The page about ``result``."""
    drawn = ladders(capture, result.events, firewall=not result.without_firewall)
    body = [
        html_parts.head(result),
        section("The fifteen steps of KB818222, last attempt", html_parts.steps(result)),
        section("The conversation", html_parts.conversations(result, drawn, capture.missed)),
        section("The sender's queue", queue(result)),
        section("Event logs", html_parts.event_logs(result)),
        section("Notifications to the author", html_parts.notifications(result)),
        section("The receiver's mailbox", html_parts.mailbox(result)),
        words("footer", "Made by smtpguard's lab of simulated systems."),
    ]
    return framed(f"{result.scenario.title}, {result.firewall}", "".join(body))
