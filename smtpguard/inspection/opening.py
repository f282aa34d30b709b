"""What the guard says to a server before the client's session begins: TLS on the server's leg, and who the client is.

    opening = Opening(name="[192.0.2.1]", tls="required", client=("198.51.100.7", 40210))
    opening.receive(octets)   -> effects    # of the server
    opening.tls_started()     -> effects    # the TLS that ``StartTls(SERVER)`` asked for is up
    opening.greeting                        # not None: done, these octets are the server's first for the Inspector
    opening.failed                          # not "": it can't be done, in a few words

One command at a time, each waited for, the last one answered before the client hears its greeting: so every reply of
the session answers a command of the client (laws 3 and 5). XCLIENT (Postfix, XCLIENT_README) is said only where EHLO
offers it; a server that takes it greets anew, and that greeting is the client's. One that does not offer it, or refuses
it, is used without, which is recorded. A server that speaks out of turn, or at endless length, has failed.
"""

from __future__ import annotations

from typing import Literal

from smtpguard.inspection.effects import Effect, Record, Send, StartTls
from smtpguard.smtp.keywords import keyword_name, keyword_text
from smtpguard.smtp.replies import HELD_REPLY, Reply, ReplyReader
from smtpguard.smtp.sides import SERVER

Address = tuple[str, int]

_LONGEST = HELD_REPLY
Stage = Literal["greeting", "hello", "starttls", "tls", "xclient", "done"]


class Opening:
    """One server's opening. ``name`` is what the guard calls itself; ``tls``: STARTTLS first, ``wanted`` where it is
    offered, ``required`` always; ``client``: whom XCLIENT names."""

    __slots__ = (
        "_client",
        "_effects",
        "_greeting",
        "_name",
        "_offered",
        "_reader",
        "_rest",
        "_stage",
        "_tls",
        "failed",
        "greeting",
    )

    def __init__(
        self, *, name: str, tls: Literal["no", "wanted", "required"] = "no", client: Address | None = None
    ) -> None:
        self._name = name
        self._tls = tls
        self._client = client
        self._stage: Stage = "greeting"
        self._reader = ReplyReader()
        self._rest = b""
        self._greeting = b""
        self._offered: dict[str, str] = {}
        self._effects: list[Effect] = []
        self.greeting: bytes | None = None
        self.failed = ""

    def receive(self, data: bytes) -> list[Effect]:
        """Octets of the server."""
        self._effects = []
        self._rest += data
        position = 0
        while not self.failed and self._stage != "done":
            if self._stage == "tls":
                if self._rest:
                    self._fail("clear text behind the 220 to STARTTLS")
                break
            end = self._rest.find(b"\n", position) + 1
            if (end or len(self._rest) + 1) - position + self._reader.held > _LONGEST:
                self._fail("an endless reply")
            if not end or self.failed:
                break
            reply = self._reader.feed(self._rest[position:end])
            position = end
            if reply is not None:
                # Cut off once a reply and not once a line: there may be thousands.
                self._rest = self._rest[position:]
                position = 0
                self._take(reply)
        self._rest = self._rest[position:]
        if self.greeting is not None:
            # What the server said behind it is the Inspector's to judge.
            self.greeting += self._rest
            self._rest = b""
        return self._effects

    def tls_started(self) -> list[Effect]:
        """TLS with the server is up."""
        self._effects = []
        self._tls = "no"
        self._say_hello()
        return self._effects

    # --- inside ------------------------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        if reply.fault and reply.fault != "reply-misprint":
            self._fail(f"a malformed reply ({reply.fault})")
        elif self._stage == "greeting":
            self._greeting = reply.raw
            if reply.code == 220:
                self._say_hello()
            else:
                self._finish(reply.raw)
        elif self._stage == "hello":
            self._hear_offer(reply)
        elif self._stage == "starttls":
            if reply.code == 220:
                self._stage = "tls"
                self._effects.append(StartTls(SERVER))
            else:
                self._do_without_tls(f"answered {reply.code}")
        else:
            self._hear_xclient(reply)

    def _say_hello(self) -> None:
        self._say("hello", f"EHLO {self._name}\r\n")

    def _say(self, stage: Stage, line: str) -> None:
        if self._rest:
            self._fail("more replies than commands")
            return
        self._stage = stage
        self._effects.append(Send(SERVER, line.encode("ascii")))

    def _hear_offer(self, reply: Reply) -> None:
        lines = reply.lines[1:] if reply.code == 250 else []
        self._offered = {keyword_name(line): keyword_text(line).decode("latin-1").upper() for line in lines}
        if self._tls == "no":
            self._name_client()
        elif "STARTTLS" in self._offered:
            self._say("starttls", "STARTTLS\r\n")
        else:
            self._do_without_tls("not offered")

    def _do_without_tls(self, why: str) -> None:
        if self._tls == "required":
            self._fail(f"STARTTLS is {why}")
            return
        self._effects.append(Record("starttls", {"outcome": "clear", "side": SERVER.value, "why": why}))
        self._name_client()

    def _name_client(self) -> None:
        if self._client is None:
            self._finish(self._greeting)
            return
        attributes = self._offered.get("XCLIENT", "").split()[1:]
        if "ADDR" not in attributes:
            self._effects.append(Record("xclient", {"outcome": "not-offered"}))
            self._finish(self._greeting)
            return
        host, port = self._client
        values = {
            # The guard looks no names up, and the name of its own address must not stand beside the client's.
            "NAME": "[UNAVAILABLE]",
            "ADDR": f"IPV6:{host}" if ":" in host else host,
            "PORT": str(port),
        }
        said = " ".join(f"{name}={value}" for name, value in values.items() if name in attributes)
        self._say("xclient", f"XCLIENT {said}\r\n")

    def _hear_xclient(self, reply: Reply) -> None:
        taken = 200 <= reply.code < 300
        self._effects.append(Record("xclient", {"outcome": "taken" if taken else "refused", "code": reply.code}))
        self._finish(reply.raw if reply.code in (220, 421) else self._greeting)

    def _finish(self, greeting: bytes) -> None:
        self._stage = "done"
        self.greeting = greeting

    def _fail(self, why: str) -> None:
        self.failed = self.failed or why
