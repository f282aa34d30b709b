"""Where two policies part over the same recorded conversations.

Each conversation is replayed twice, under each policy compiled to observe, so that both see all of what was said; what
the rules would have done is compared, decision by decision, up to the first that differs. Alike are decisions that do
the same at the same place, whatever the rules are called. What only records is no decision, nor is a rule in observe
mode; a policy whose own mode is ``observe`` is compared as if it acted. Behind a decision that ends the session on both
sides nothing is compared: it would not have come about.

Known limits: the conversation is the one that took place. After a refusal the client would have said something else,
and rules on what a recording does not show (content, TCP segments, TLS) can't be judged: ``blind_spots`` names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from smtpguard.inspection.effects import Record
from smtpguard.policy.actions import Action
from smtpguard.policy.actions import Record as RecordAction
from smtpguard.policy.compile import compile_policy
from smtpguard.policy.inheritance import Policy
from smtpguard.policy.model import RuleModel
from smtpguard.policy.rulebook import Rulebook
from smtpguard.replay.captures import Conversation
from smtpguard.replay.replay import SLICE, Place, Replay, replay, slices

_FACTS = ("where", "verb", "keyword", "violation", "section", "size", "length", "code")
_CUTS = ("split_end", "split_verb")  # conditions on the cuts that a replay makes itself
_UNSEEN = (*_CUTS, "content", "tls")  # conditions on what not every recording shows
_SETTINGS = {"uncertain": "on-uncertain", "rule-crashed": "on-crash", "turn": "turn"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What one policy does at one ``place``. ``facts``: what was judged, as the journal names it; ``does``: an action,
    or the word of a setting; ``by``: the rule's id or the setting's name."""

    place: Place
    facts: tuple[tuple[str, object], ...]
    does: Action | str
    by: str = field(compare=False)

    @property
    def action(self) -> str:
        """The action's name."""
        return self.does if isinstance(self.does, str) else self.does.name


@dataclass(frozen=True, slots=True)
class Parting:
    """The first place where two policies do not do the same; None is a policy that lets it pass there."""

    place: Place
    first: Decision | None
    second: Decision | None


def _asks(rule: RuleModel, conditions: tuple[str, ...]) -> bool:
    return any(getattr(rule, name) is not None for name in conditions)


class Contender:
    """One of the two policies: what its rules do, and what they have counted so far."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self.rulebook: Rulebook = compile_policy(policy, observe=True)
        self._actions = {
            placed.rule.id: placed.rule.then
            for placed in policy.rules
            if placed.rule.mode != "observe"
            and not isinstance(placed.rule.then, RecordAction)
            and not _asks(placed.rule, _CUTS)
        }
        self.blind_spots = [placed.rule.id for placed in policy.rules if _asks(placed.rule, _UNSEEN)]
        self._tallies: dict[str, int] = {}

    def decisions(self, conversation: Conversation, number: int) -> list[Decision]:
        """What it does in the ``number``-th conversation, to the end of what it would know of."""
        done = replay(conversation, self.rulebook, cut=_by_line, number=number, tallies=self._tallies)
        return list(self._decided(done))

    def _decided(self, done: Replay) -> Iterator[Decision]:
        for place, record in zip(done.places, done.records, strict=True):
            if "after" in record.fields:
                return
            decision = self._decision(place, record)
            if decision is not None:
                yield decision

    def _decision(self, place: Place, record: Record) -> Decision | None:
        fields = record.fields
        facts = tuple((name, fields[name]) for name in _FACTS if name in fields)
        if record.event in _SETTINGS:
            does = str(fields.get("would") or fields.get("then") or fields.get("outcome"))
            return Decision(place, (("where", record.event), *facts), does, _SETTINGS[record.event])
        action = self._actions.get(str(fields.get("rule", "")))
        return Decision(place, facts, action, str(fields["rule"])) if action is not None else None


def parting(first: Contender, second: Contender, conversation: Conversation, number: int) -> Parting | None:
    """Where the two part in ``conversation``, the ``number``-th that both see; None where they don't."""
    ones, twos = first.decisions(conversation, number), second.decisions(conversation, number)
    for index, (one, two) in enumerate(zip(ones, twos, strict=False)):
        if one == two:
            continue
        if (one.place, one.facts) == (two.place, two.facts):
            return Parting(one.place, one, two)
        # The earlier one stands alone; of two in one read the one that the other policy does not come to as well.
        if one.place < two.place or (one.place == two.place and one not in twos[index:]):
            return Parting(one.place, one, None)
        return Parting(two.place, None, two)
    shorter = min(len(ones), len(twos))
    if len(ones) > shorter:
        return Parting(ones[shorter].place, ones[shorter], None)
    return Parting(twos[shorter].place, None, twos[shorter]) if len(twos) > shorter else None


def _by_line(data: bytes) -> Iterable[bytes]:
    """A turn cut at its line ends, so that a record's place is exact; long ones as a relay reads them."""
    return data.splitlines(keepends=True) if len(data) <= SLICE else slices(data)
