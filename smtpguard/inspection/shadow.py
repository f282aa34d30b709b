"""A second rulebook beside the one that acts: it sees the same octets, says what it would have done, touches nothing.

    inspector = ShadowedInspector(rulebook, shadow, client=…, server=…)
    inspector = ShadowedInspector(rulebook, None, transcribe=True, client=…, server=…)

``shadow`` is compiled to observe (``load_policy(…, observe=True)``). Its Inspector is fed what the client said and what
the server said, before the acting one has altered anything; where the acting one answers in the server's place, that
answer is the server's word to the shadow, in its turn among the others. So the shadow follows the dialogue that really
took place, past the point where it would have refused, eaten or closed. Its records carry ``shadow`` with its name, and
``after`` once something that it decided would have ended the session: what follows would then not have come about.

With ``transcribe`` the shadow keeps a transcript (see ``transcribing``), which the summary holds; without a rulebook of
its own it does only that.

No risk: effects of the shadow other than records go nowhere, and an exception ends the shadow alone, which
``shadow-crashed`` says. It is given up (``shadow-lost``, with the reason) where it can't know any more what answers
what: behind a payload that the acting policy misreads, behind replies that one delays while it owes answers of its own,
and where it holds more than ``MAX_HELD`` octets, which is also the bound of its memory. Known limits: it runs in the
same thread, so a regular expression of a rule that takes long takes long here too. And a command that comes in one read
with one that the acting policy answers itself comes before that answer to the shadow, and may be a violation of
pipelining; in two reads it comes behind.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from smtpguard.inspection.deadlines import Deadlines
from smtpguard.inspection.effects import Effect, Record
from smtpguard.inspection.inspector import Inspector, Shortcut
from smtpguard.inspection.meter import Meter
from smtpguard.inspection.terms import DEFAULT, Terms
from smtpguard.inspection.transcribing import Transcriber
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side

MAX_HELD = 131_072
"""Octets that a shadow may hold: the 32 KiB behind what waits, and one read of 64 KiB, with room to spare."""

_TOLD = frozenset(("uncertain", "turn", "line-refused"))
"""Records without a rule that are a shadow's own; what was said and accepted, the acting Inspector records."""


_NO_RULES = Rulebook("transcript", on_uncertain="tunnel", on_crash="pass", turn="tunnel", transparent=True)


def _never(_data: bytes, _now: float) -> None:
    return None


class ShadowedInspector(Inspector):
    """An Inspector with another one in its shadow; ``shadow_tallies`` counts for that one's rules over all sessions."""

    __slots__ = ("_answers", "_judges", "_name", "_outcome", "_shadow", "_transcript")

    def __init__(
        self,
        rulebook: Rulebook,
        shadow: Rulebook | None,
        *,
        transcribe: bool = False,
        client: str | None = None,
        server: str | None = None,
        rng: Random | None = None,
        number: int = 0,
        tallies: dict[str, int] | None = None,
        shadow_tallies: dict[str, int] | None = None,
        deadlines: Deadlines | None = None,
        meter: Meter | None = None,
        terms: Terms = DEFAULT,
    ) -> None:
        self._judges = shadow is not None
        shadow = shadow if shadow is not None else _NO_RULES
        if not shadow.transparent:
            raise ValueError(f"the shadow {shadow.name} may alter something: compile it to observe")
        super().__init__(
            rulebook,
            client=client,
            server=server,
            rng=rng,
            number=number,
            tallies=tallies,
            deadlines=deadlines,
            meter=meter,
            terms=terms,
        )
        kind = Transcriber if transcribe else Inspector
        self._transcript: dict[str, object] | None = None
        self._shadow: Inspector | None = kind(
            shadow,
            client=client,
            server=server,
            number=number,
            tallies=shadow_tallies,
            deadlines=deadlines,
            terms=Terms(tls=terms.tls),
        )
        self._name = shadow.name
        self._outcome: dict[str, object] = {}  # of a shadow that was given up
        self._answers: list[bytes] = []
        self._session.answers = self._answers

    # --- what happens, to both ---------------------------------------------------------------------------------

    def start(self, now: float | None = None) -> list[Effect]:
        """The client has connected."""
        told = self._contained(lambda shadow: shadow.start(now))
        return self._joined(told, super().start(now), now)

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        """Octets that were read from ``side``."""
        if self._shadow is None or self.closed:
            return super().receive(side, data, now)
        if side is SERVER and self._owes_answers():
            return self._receive_by_line(data, now)
        told = self._show(side, data, now)
        return self._joined(told, super().receive(side, data, now), now)

    def eof(self, side: Side, now: float | None = None) -> list[Effect]:
        """``side`` has closed its sending direction."""
        told = self._contained(lambda shadow: shadow.eof(side, now))
        return self._joined(told, super().eof(side, now), now)

    def tls_started(self, side: Side, now: float | None = None) -> list[Effect]:
        """TLS is up; with the client it begins the session anew for both."""
        told = self._contained(lambda shadow: shadow.tls_started(side, now)) if side is CLIENT else []
        return self._joined(told, super().tls_started(side, now), now)

    def advance(self, now: float) -> list[Effect]:
        """Time has passed. A shadow waits for nothing and nobody."""
        return self._joined([], super().advance(now), now)

    def summary(self) -> dict[str, object]:
        """Counts of the session; under ``shadow`` what the shadow decided, under ``transcript`` what was said."""
        summary = super().summary()
        if self._judges:
            counts = self._outcome if self._shadow is None else self._counts(self._shadow)
            summary["shadow"] = {"policy": self._name, **counts}
        transcript = self._shadow.transcript() if isinstance(self._shadow, Transcriber) else self._transcript
        if transcript is not None:
            summary["transcript"] = transcript
        return summary

    @property
    def held(self) -> int:
        """Octets held now, the shadow's copies among them."""
        return super().held + (self._shadow.held if self._shadow is not None else 0)

    def shortcut(self, side: Side) -> Shortcut:
        """None: the shadow must hear every octet."""
        return _never

    def reached(self, server: str | None, terms: Terms) -> None:
        """Another server than was meant takes the session."""
        super().reached(server, terms)
        if self._shadow is not None:
            self._shadow.reached(server, Terms(tls=terms.tls))

    def part(self) -> None:
        """Both let go of their parts."""
        super().part()
        if self._shadow is not None:
            self._shadow.part()

    # --- inside ------------------------------------------------------------------------------------------------

    def _receive_by_line(self, data: bytes, now: float | None) -> list[Effect]:
        """An answer of our own may have to come between two replies in ``data``: line by line, so that the shadow
        hears them in their order. How the stream is cut makes no difference to what leaves (law 2)."""
        if self._server_flow.due is not None:
            # The replies are held back here and our answers behind them, in an order that shows later.
            return self._joined([self._lost("delayed replies")], super().receive(SERVER, data, now), now)
        effects: list[Effect] = []
        position = 0
        while position < len(data) and not self.closed:
            end = (data.find(b"\n", position) + 1 if self._owes_answers() else 0) or len(data)
            line = data[position:end]
            position = end
            told = self._show(SERVER, line, now)
            effects += self._joined(told, super().receive(SERVER, line, now), now)
        return effects

    def _owes_answers(self) -> bool:
        return any(exchange.own is not None for exchange in self._session.dialogue.pending)

    def _joined(self, told: list[Effect], effects: list[Effect], now: float | None) -> list[Effect]:
        """What the shadow told, then the effects: a Close stays the last of them."""
        if self._answers:
            answers = b"".join(self._answers)
            self._answers.clear()
            told += self._show(SERVER, answers, now)
        if self._session.blind and self._shadow is not None:
            told.append(self._lost("misread payload"))
        return [*told, *effects] if told else effects

    def _show(self, side: Side, data: bytes, now: float | None) -> list[Effect]:
        told = self._contained(lambda shadow: shadow.receive(side, data, now))
        if self._shadow is not None and self._shadow.held > MAX_HELD:
            told.append(self._lost("too much held"))
        return told

    def _contained(self, happens: Callable[[Inspector], list[Effect]]) -> list[Effect]:
        """What the shadow says of something that happens to it; an error of it ends it, and nothing else."""
        if self._shadow is None or self.closed:
            return []
        try:
            return self._heard(happens(self._shadow))
        except Exception as error:
            self._give_up("crashed")
            return [Record("shadow-crashed", {"shadow": self._name, "error": type(error).__name__})]

    def _heard(self, effects: list[Effect]) -> list[Effect]:
        """The records that are the shadow's own."""
        return [
            Record(effect.event, {**effect.fields, "shadow": self._name})
            for effect in effects
            if isinstance(effect, Record) and ("rule" in effect.fields or effect.event in _TOLD)
        ]

    def _lost(self, why: str) -> Record:
        self._give_up(why)
        return Record("shadow-lost", {"shadow": self._name, "why": why})

    def _give_up(self, why: str) -> None:
        if isinstance(self._shadow, Transcriber):
            self._transcript = {**self._shadow.transcript(), "ended": "lost"}
        if self._shadow is not None:
            self._outcome = {**self._counts(self._shadow), "followed": False, "why": why}
            self._shadow.part()
            self._shadow = None

    @staticmethod
    def _counts(shadow: Inspector) -> dict[str, object]:
        counts = shadow.summary()
        return {"decisions": counts["decisions"], "verdicts": counts["observed"], "followed": True}
