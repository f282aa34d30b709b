"""``smtpguard serve`` as a user starts it: a process of its own, and the JSON lines on its standard output.

``start`` returns when the first journal line has said which port it got. ``stop`` sends SIGTERM, wants exit status 0
within ten seconds and returns the whole journal. Its standard error goes to a file, which failures show.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

SMTPGUARD = str(Path(sys.executable).with_name("smtpguard"))

Line = dict[str, Any]


class GuardProcess:
    """One guard in front of ``upstream``, if it has one; ``address`` is where it listens.

    ``before`` is put before the command: what starts it on another host, or with fewer rights.
    """

    def __init__(
        self,
        upstream: tuple[str, int] | None,
        policy: str,
        *options: str,
        listen: str | None = "127.0.0.1:0",
        before: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        at = () if listen is None else ("--listen", listen)
        towards = () if upstream is None else ("--upstream", f"{upstream[0]}:{upstream[1]}")
        first = self._start(
            "listening", *before, SMTPGUARD, "serve", *at, *towards, "--policy", policy, *options, pass_fds=pass_fds
        )
        self.address = (cast(str, first["address"]), cast(int, first["port"]))
        self.tls_address = (cast(str, first["address"]), cast(int, first.get("tls_port", 0)))

    def _start(self, event: str, *command: str, pass_fds: Sequence[int] = ()) -> Line:
        """Run ``command``; its line of this event, which says that it is ready."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, pass_fds=pass_fds
        )
        self.process = self._process.pid
        self._lines: list[Line] = []
        self._news = threading.Condition()
        self._ended = False
        self._terminated = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            # On a socket that others have listened on, a worker may have a session before all of them listen.
            first: Line = self.wait_for(lambda lines: select(lines, event), 30, f"the line {event}")[0]
        except BaseException:
            self.close()
            raise
        return first

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pick: Any, seconds: float, what: str) -> Any:
        """The first true ``pick(journal so far)``; AssertionError naming ``what`` after ``seconds`` or at the end."""
        with self._news:
            self._news.wait_for(lambda: pick(self._lines) or self._ended, seconds)
            found = pick(self._lines)
        assert found, (
            f"the guard's journal lacks {what}; its last lines: {self._lines[-10:]}; stderr: {self.errors()[-1500:]}"
        )
        return found

    def sessions(self, count: int, seconds: float = 30) -> list[Line]:
        """The summaries of the first ``count`` sessions that have ended."""
        return cast(
            list[Line],
            self.wait_for(
                lambda lines: found if len(found := select(lines, "session")) >= count else [],
                seconds,
                f"{count} session summaries",
            ),
        )

    def errors(self) -> str:
        """What the process has written to its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def signal(self, number: int) -> None:
        """Send any other signal."""
        self._process.send_signal(number)

    def signal_to_the_last(self, number: int) -> None:
        """One signal after the other until the process is gone; a flood of them would only keep it from ending."""
        for _ in range(10_000):
            if self.ends_within(0.001):
                break
            self.signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._process.kill()
        self._process.wait(10)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by then."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self, seconds: float = 30) -> int:
        """Its exit status, when it ends."""
        return self._process.wait(seconds)

    def kill_worker(self, random: Random) -> None:
        """SIGKILL to one of its workers, whichever."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
        if children:
            os.kill(int(random.choice(children)), signal.SIGKILL)

    @property
    def journal(self) -> list[Line]:
        """What it has said so far."""
        with self._news:
            return list(self._lines)

    def terminate(self) -> None:
        """Send SIGTERM, once, and return at once: a second one would end the process that is just ending."""
        if not self._terminated:
            self._terminated = True
            self._process.send_signal(signal.SIGTERM)

    def reload(self) -> None:
        """Send SIGHUP; the journal says what came of it."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self, seconds: float = 10) -> list[Line]:
        """SIGTERM; its whole journal, once it has ended with status 0 and an empty standard error."""
        self.terminate()
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIGTERM did not end the guard in {seconds:g} s: {self._lines[-10:]}") from None
        self._reader.join(seconds)
        assert status == 0, (status, self.errors())
        assert self.errors() == ""
        return list(self._lines)

    def close(self) -> None:
        """End it whatever its state; safe to call twice."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


def select(journal: list[Line], event: str) -> list[Line]:
    """The lines of ``journal`` that bear this event's name."""
    return [line for line in journal if line["event"] == event]
