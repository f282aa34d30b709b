"""The laws that need a server to agree with: order of replies, no invented success, agreement, ends of data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.policy.actions import Record, Reject, Strip
from smtpguard.policy.rulebook import Facts, Rulebook
from smtpguard.smtp.line_ends import Normaliser
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.reference import ReferenceServer
from tests.inspection.rulebooks import WATCH, rulebooks
from tests.inspection.strategies import Unit, choices, client_garbage, units
from tests.inspection.world import Session, Talk, converse, replies
from tests.playbook import UNKNOWN, inspector, rule, rulebook
from tests.playbook.steps import Eof, Feed

TAG = re.compile(rb" #([^ :+\r\n]*)(?::(\d+))?(\+END)?\r?$", re.MULTILINE)
NUMBER = re.compile(rb"\bn(\d+)\b")
ENDS_EARLY = re.compile(r"eaten|dropped|closed|stall|uncertain|timeout|reset")
GROUP = [b"NOOP n%d\r\n", b"MAIL FROM:<n%d@a.example>\r\n", b"RCPT TO:<n%d@b.example>\r\n", b"FROB n%d\r\n"]


class Walk:
    """Reads the client's replies beside its commands: each reply is the one that its command is owed."""

    def __init__(self, session: Session, script: Sequence[Unit]) -> None:
        self._replies: Iterator[tuple[int, bytes]] = iter(replies(session.received))
        self.complete = True
        self.messages = 0
        try:
            self._next(Unit(b"GREETING\r\n"), accepts=True)
            for unit in script:
                self._walk(unit)
        except StopIteration:
            self.complete = False
        self.left_over = list(self._replies)

    def _next(self, unit: Unit, *, accepts: bool = False, ends_message: bool = False) -> int:
        code, line = next(self._replies)
        tag = TAG.search(line)
        if tag is None:
            assert code >= 400, f"{line!r} was never said by the server"
        else:
            number = NUMBER.search(unit.line)
            fitting = unit.verb[:20] in (tag[1], b"GREETING") or tag[1] in (b"NOOP", b"X" * len(unit.verb))
            assert fitting, f"{line!r} came for {unit.line!r}"
            assert tag[2] is None or (number is not None and number[1] == tag[2]), f"{line!r} came for {unit.line!r}"
        if ends_message and code // 100 == 2:
            assert tag is not None, f"{line!r} makes up a success"
            assert tag[3], f"{line!r} makes up a success"
            self.messages += 1
        if tag is None and code == 421:
            raise StopIteration
        return code

    def _walk(self, unit: Unit) -> None:
        code = self._next(unit, ends_message=unit.counted and unit.line.endswith(b" LAST\r\n"))
        if unit.counted:
            return
        for _ in unit.follow:
            if code // 100 != 3:
                return
            code = self._next(unit, ends_message=unit.verb == b"DATA")


def ended_early(session: Session) -> bool:
    """Whether the guard, before any FIN, said that it let something hang or ended the session."""
    outcomes = session.outcomes[: session.before_fin]
    records = [record for outcome in outcomes for record in outcome.records]
    return any(outcome.marks for outcome in outcomes) or any(
        ENDS_EARLY.search(record.event) and not record.fields.get("observed") for record in records
    )


@given(book=rulebooks(), script=units(), choices=choices)
def test_law_3_one_reply_a_command_in_order(book: Rulebook, script: list[Unit], choices: list[int]) -> None:
    session = converse(inspector(book), script, choices)
    walk = Walk(session, script)
    assert walk.left_over == []
    assert walk.complete or ended_early(session)


@given(
    verbs=st.sets(st.sampled_from(["NOOP", "MAIL", "RCPT", "RSET", UNKNOWN]), min_size=1, max_size=2),
    lines=st.lists(st.sampled_from(GROUP), min_size=2, max_size=8),
    choices=choices,
)
def test_law_3_own_replies_wait_behind_the_servers(verbs: set[str], lines: list[bytes], choices: list[int]) -> None:
    script = [Unit(line, awaits=False) for line in (text % n for n, text in enumerate(lines))]
    session = converse(inspector(rule("no", "command", Reject(), verb=verbs)), script, choices)
    walk = Walk(session, script)
    assert (walk.left_over, walk.complete) == ([], True)


@given(book=rulebooks(), script=units(), choices=choices)
def test_law_4_no_message_is_accepted_but_by_the_server(book: Rulebook, script: list[Unit], choices: list[int]) -> None:
    session = converse(inspector(book), script, choices)
    assert Walk(session, script).messages <= session.server.messages_accepted
    told = [fields for fields in session.events("message") if fields["accepted"]]
    assert len(told) <= session.server.messages_accepted


def assert_clean(server: ReferenceServer) -> None:
    for line in server.commands:
        assert not set(line) & {0x00, 0x0A, 0x0D}, line


@given(book=rulebooks(), script=units(), choices=choices)
def test_law_5_no_octet_of_a_payload_becomes_a_command(book: Rulebook, script: list[Unit], choices: list[int]) -> None:
    session = converse(inspector(book), script, choices)
    assert_clean(session.server)
    assert not [line for line in session.server.commands if b"PAYLOAD" in line]
    sent = iter(payload for unit in script for payload in unit.follow)
    for payload in session.server.payloads:
        whole = (payload, payload + b"\r\n", payload + b".\r\n")
        assert any(one in whole or normalised(one) in whole for one in sent), payload


def normalised(payload: bytes) -> bytes:
    """The text as the rule `normalise` sends it on."""
    return Normaliser().feed(payload.removesuffix(b".\r\n")) + b".\r\n"


class Watch:
    """A rulebook that alters nothing of a command and keeps every line that was taken for one."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        looks = rule("look", "command", Record(), when=self._look)
        self.rulebook = rulebook(looks, rule("hide", "keyword", Strip(), keyword="NO-SUCH-KEYWORD"))

    def _look(self, facts: Facts) -> bool:
        if facts.verb not in ("TURN", "ATRN"):  # refused by the guard: the server never sees them
            self.seen.append(facts.line)
        return False

    def assert_agrees(self, session: Session) -> None:
        """What the guard took for commands is what the server took for commands."""
        assert_clean(session.server)
        if ended_early(session) or session.server.gone:
            assert session.server.commands == self.seen[: len(session.server.commands)]
        else:
            assert session.server.commands == self.seen


@given(script=units(polite=False), choices=choices)
def test_law_5_guard_and_server_agree_on_hasty_clients(script: list[Unit], choices: list[int]) -> None:
    watch = Watch()
    watch.assert_agrees(converse(inspector(watch.rulebook), script, choices))


@given(pieces=st.lists(client_garbage, min_size=1, max_size=8), choices=choices, tls=st.booleans())
def test_law_5_guard_and_server_agree_on_garbage(pieces: list[bytes], choices: list[int], tls: bool) -> None:
    watch = Watch()
    talk = Talk(inspector(watch.rulebook), ReferenceServer(choices, tls=tls))
    talk.feed(Feed(SERVER, talk.session.server.greeting()))
    for piece in pieces:
        talk.client(piece)
        talk.settle()
    talk.feed(Eof(CLIENT))
    watch.assert_agrees(talk.session)


@given(book=rulebooks(), pieces=st.lists(client_garbage, min_size=1, max_size=8), choices=choices)
def test_law_7_no_bare_line_end_reaches_the_server_in_a_command(
    book: Rulebook, pieces: list[bytes], choices: list[int]
) -> None:
    talk = Talk(inspector(book), ReferenceServer(choices))
    talk.feed(Feed(SERVER, talk.session.server.greeting()))
    for piece in pieces:
        talk.client(piece)
        talk.settle()
    assert_clean(talk.session.server)


@given(script=units(), choices=choices)
def test_law_7_every_message_ends_where_the_server_says(script: list[Unit], choices: list[int]) -> None:
    session = converse(inspector(WATCH), script, choices)
    counted = [fields["size"] for fields in session.events("message") if fields["verb"] == "DATA"]
    assert counted == [len(text) for text in session.server.texts]
