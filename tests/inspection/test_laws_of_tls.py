"""The laws of inspection for sessions that the guard bridges, answers for, refuses or strips: any conversation at all,
with handshakes that end well or badly at any time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.inspection.flow import HELD_OCTETS
from smtpguard.inspection.terms import Terms
from smtpguard.inspection.wording import OWN_TLS_READY
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.replies import HELD_REPLY
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.reference import ReferenceServer
from tests.inspection.rulebooks import PASS, WATCH, rulebooks
from tests.inspection.strategies import Unit, choices, client_garbage, server_garbage, units
from tests.inspection.test_laws_of_dialogue import Walk, Watch, assert_clean
from tests.inspection.world import Talk, replay
from tests.playbook import inspector
from tests.playbook.slicing import SLICINGS
from tests.playbook.steps import Eof, Feed, Input, TlsFailed, TlsUp

TERMS = st.builds(
    Terms,
    starttls=st.sampled_from(["bridge", "bridge", "refuse", "strip"]),
    offer=st.sampled_from(["never", "missing", "always"]),
    tls=st.booleans(),
    shielded=st.booleans(),
)
STARTTLS = Unit(b"STARTTLS\r\n")
SIDES = st.sampled_from([CLIENT, SERVER])


@st.composite
def scripts(draw: st.DrawFn) -> list[Unit]:
    """A client's commands, STARTTLS among them."""
    script = draw(units())
    hello = Unit(b"EHLO n900\r\n")
    at = draw(st.integers(0, len(script)))
    return [hello, *script[:at], STARTTLS, *([hello] if draw(st.booleans()) else []), *script[at:]]


def talk(book: Rulebook, terms: Terms, script: list[Unit], drawn: list[int]) -> Talk:
    """A polite client that waits for every reply."""
    found = Talk(inspector(book, terms=terms), ReferenceServer(drawn, tls=True))
    found.feed(Feed(SERVER, found.session.server.greeting()))
    for unit in script:
        if unit.counted:
            found.client(unit.line + b"".join(unit.follow))
            found.settle()
            continue
        have = found.count()
        found.client(unit.line)
        found.settle()
        for payload in unit.follow:
            if found.last_code(have) // 100 != 3:
                break
            have = found.count()
            found.client(payload)
            found.settle()
    found.session.before_fin = len(found.session.outcomes)
    found.feed(Eof(CLIENT))
    found.feed(Eof(SERVER))
    return found


@given(terms=TERMS, script=scripts(), drawn=choices)
def test_law_3_one_reply_a_command_before_tls_and_in_it(terms: Terms, script: list[Unit], drawn: list[int]) -> None:
    session = talk(WATCH, terms, script, drawn).session
    # The one success that the guard says in its own name is no lie: it is TLS with the guard.
    session.received = session.received.replace(OWN_TLS_READY, OWN_TLS_READY[:-2] + b" #STARTTLS\r\n")
    walk = Walk(session, script)
    assert walk.left_over == []
    marks = [mark for mark in session.marks if not mark.startswith("starting tls")]
    assert walk.complete or session.server.gone or "closed" in marks


@given(book=rulebooks(), terms=TERMS, script=scripts(), drawn=choices)
def test_law_4_no_success_is_made_up(book: Rulebook, terms: Terms, script: list[Unit], drawn: list[int]) -> None:
    session = talk(book, terms, script, drawn).session
    told = [fields for fields in session.events("message") if fields["accepted"]]
    assert len(told) <= session.server.messages_accepted


@given(terms=TERMS, pieces=st.lists(client_garbage, min_size=1, max_size=8), drawn=choices)
def test_law_5_guard_and_server_agree(terms: Terms, pieces: list[bytes], drawn: list[int]) -> None:
    watch = Watch()
    found = Talk(inspector(watch.rulebook, terms=terms), ReferenceServer(drawn, tls=True))
    found.feed(Feed(SERVER, found.session.server.greeting()))
    for piece in pieces:
        found.client(piece)
        found.settle()
    found.feed(Eof(CLIENT))
    session = found.session
    assert_clean(session.server)
    # What the guard answers itself it has seen, and the server has not.
    seen = iter(watch.seen)
    assert all(line in seen for line in session.server.commands)
    assert session.server.opaque == b""


EVENTS = st.lists(
    st.builds(Feed, st.just(CLIENT), client_garbage)
    | st.builds(Feed, st.just(SERVER), server_garbage | st.just(b"220 go\r\n"))
    | st.builds(Feed, st.just(CLIENT), st.just(b"EHLO a\r\nSTARTTLS\r\n"))
    | st.builds(TlsUp, SIDES)
    | st.builds(TlsFailed, SIDES, st.booleans())
    | st.builds(Eof, SIDES),
    max_size=14,
)


@given(book=rulebooks() | st.just(PASS), terms=TERMS, events=EVENTS)
def test_laws_2_and_6_any_events_in_any_slicing(book: Rulebook, terms: Terms, events: list[Input]) -> None:
    """Nothing raises, nothing is said behind an end, nothing grows; a handshake may end that nobody began."""
    events = [Feed(SERVER, b"220 mx.example\r\n"), *events]
    ends = {side for event in events if isinstance(event, Eof) for side in [event.side]}
    seen = []
    for slicing in SLICINGS.values():
        shell, outcomes = replay(inspector(book, terms=terms), _until_ended(events, ends), slicing)
        assert not [outcome.error for outcome in outcomes if outcome.error]
        assert shell.most_held <= HELD_OCTETS + 65_536 + HELD_REPLY
        seen.append([outcome.comparable() for outcome in outcomes])
    assert all(one == seen[0] for one in seen[1:])


def _until_ended(events: list[Input], ends: set[object]) -> list[Input]:
    """No peer speaks behind its own FIN."""
    gone: set[object] = set()
    kept = []
    for event in events:
        side = getattr(event, "side", None)
        if isinstance(event, Feed | Eof) and side in gone:
            continue
        if isinstance(event, Eof):
            gone.add(side)
        kept.append(event)
    return kept
