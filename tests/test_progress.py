"""Long work tells of itself: a bar on a terminal, a line now and then elsewhere, and nothing for what is soon over."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from rich.console import Console

from smtpguard.progress import LongWork

SECONDS = 30.0  # that a test waits for a thread at most


class Screen(io.StringIO):
    """What is written, and whether ``enough`` of it was."""

    def __init__(self, enough: Callable[[str], bool]) -> None:
        super().__init__()
        self._enough = enough
        self.seen = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._enough(self.getvalue()):
            self.seen.set()
        return written


def test_short_work_says_nothing() -> None:
    for terminal in (False, True):
        out = io.StringIO()
        with LongWork("a moment", console=Console(file=out, force_terminal=terminal), after=SECONDS) as work:
            work.show("more of it", 1)
        assert out.getvalue() == ""


def test_elsewhere_a_line_now_and_then_with_what_it_is_at() -> None:
    screen = Screen(lambda text: "2 of 9" in text)
    with LongWork("1 of 9 [runs]", 9, console=Console(file=screen), after=0.0, every=0.01) as work:
        work.show("2 of 9 [runs]", 2)
        assert screen.seen.wait(SECONDS)
    lines = screen.getvalue().splitlines()
    assert lines[-1] == "smtpguard: 2 of 9 [runs] (0 s)"
    assert "\x1b" not in screen.getvalue()


def test_a_terminal_gets_a_line_that_is_gone_in_the_end() -> None:
    screen = Screen(lambda text: "2 of 9" in text and "━" in text)
    console = Console(file=screen, force_terminal=True, width=100)
    with LongWork("1 of 9", 9, console=console, after=0.0) as work:
        work.show("2 of 9 [runs]", 2)
        assert screen.seen.wait(SECONDS)
    assert "[runs]" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # the line is wiped
    assert "\x1b[?25h" in screen.getvalue()  # and the cursor is back


def test_an_error_in_the_work_is_not_lost_and_wipes_the_line() -> None:
    screen = Screen(lambda text: "waiting" in text)
    console = Console(file=screen, force_terminal=True, width=100)

    def interrupted() -> None:
        with LongWork("waiting", console=console, after=0.0):
            assert screen.seen.wait(SECONDS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen.getvalue().endswith("\x1b[2K")


def test_a_stderr_that_is_gone_does_not_end_the_work() -> None:
    class Gone(io.StringIO):
        tried = threading.Event()

        def write(self, text: str) -> int:
            self.tried.set()
            raise BrokenPipeError

    gone = Gone()
    with LongWork("on and on", console=Console(file=gone), after=0.0):
        assert gone.tried.wait(SECONDS)
