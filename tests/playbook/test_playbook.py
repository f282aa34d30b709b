"""The playbook by itself, against an Inspector so small that it can be seen to be right."""

from __future__ import annotations

import pytest

from smtpguard.inspection.effects import (
    Close,
    Effect,
    Finish,
    Pause,
    Record,
    Reset,
    Resume,
    Send,
    Tunnel,
)
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other
from tests.playbook import (
    C,
    Playbook,
    S,
    advance,
    closed,
    drain,
    eof_client,
    finished,
    like,
    lost_server,
    no_record,
    own_reply,
    paused,
    reading,
    record,
    reset,
    to_client,
    to_server,
    tunnelled,
)
from tests.playbook.slicing import SLICINGS


class Echoing:
    """Passes everything on; an octet of the client that is a capital letter of the table below does more."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.held = 0
        self.closed = False

    def start(self, now: float | None = None) -> list[Effect]:
        return [Record("started", {})]

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        effects: list[Effect] = []
        for octet in data:
            effects += self._octet(side, bytes((octet,)), now or 0.0)
        return effects

    def _octet(self, side: Side, octet: bytes, now: float) -> list[Effect]:
        passed: Effect = Send(other(side), octet)
        match octet:
            case b"R":
                return [passed, Record("letter", {"letter": "R", "side": side.value})]
            case b"X":
                raise ZeroDivisionError("an X came")
            case b"K":
                self.closed = True
                return [passed, Close()]
            case b"Z":
                self.closed = True
                return [passed, Reset()]
            case b"T":
                return [passed, Tunnel()]
            case b"D":
                self.deadline = now + 10
                return [passed]
            case b"P" if side is CLIENT:
                return [passed, Pause(CLIENT)]
            case b"G" if side is SERVER:
                return [passed, Resume(CLIENT)]
        return [passed]

    def eof(self, side: Side, now: float | None = None) -> list[Effect]:
        return [Finish(other(side))]

    def lost(self, side: Side, now: float | None = None) -> list[Effect]:
        self.closed = True
        return [Record("lost", {"side": side.value}), Close()]

    def advance(self, now: float) -> list[Effect]:
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        return [Send(CLIENT, f"late at {now:g}\r\n".encode())]

    def drain(self, now: float | None = None) -> list[Effect]:
        return [Send(CLIENT, b"421 bye\r\n")]


class Segmenting(Echoing):
    """Breaks law 2: marks where each read began."""

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        return [Send(other(side), b"|" + data)]


class Forgetful(Echoing):
    """Breaks law 2 in a record that no playbook names."""

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        return [Send(other(side), data), Record("read", {"size": len(data)})]


class Talkative(Echoing):
    """Asks for what no shell can do: sends behind its own Finish and its own Close."""

    def eof(self, side: Side, now: float | None = None) -> list[Effect]:
        return [Finish(other(side)), Send(other(side), b"one more")]

    def lost(self, side: Side, now: float | None = None) -> list[Effect]:
        self.closed = True
        return [Close(), Send(CLIENT, b"one more")]

    def drain(self, now: float | None = None) -> list[Effect]:
        return [Close()]


def failure(playbook: Playbook) -> str:
    with pytest.raises(AssertionError) as caught:
        assert playbook
    return str(caught.value)


def test_a_conversation_that_fits_is_true() -> None:
    assert (
        Playbook(Echoing)
        << record("started")
        >> C(b"hello\r\nR")
        << to_server(b"hello\r\nR")
        << record("letter", letter="R")
        >> S(b"there\r\n")
        << to_client(b"there\r\n")
        >> eof_client()
        << finished(SERVER)
    )


def test_nothing_runs_until_it_is_asserted() -> None:
    made: list[Echoing] = []

    def factory() -> Echoing:
        made.append(Echoing())
        return made[-1]

    playbook = Playbook(factory) >> C(b"hello") << to_server(b"hello")
    assert made == []
    assert playbook
    assert len(made) == len(SLICINGS)


def test_adjacent_sends_to_a_side_merge_on_both_sides_of_the_comparison() -> None:
    assert Playbook(Echoing) >> C(b"abc") << to_server(b"a") << to_server(b"bc")


def test_a_failure_shows_the_whole_transcript_as_a_diff() -> None:
    text = failure(
        Playbook(Echoing) >> C(b"one\r\n") << to_server(b"one\r\n") >> C(b"two\r\n") << to_server(b"six\r\n")
    )
    assert "slicing whole" in text
    assert "  >> C b'one\\r\\n'" in text
    assert "  << to server b'one\\r\\n'" in text
    assert "- << to server b'six\\r\\n'" in text
    assert "+ << to server b'two\\r\\n'" in text


def test_a_traceback_stands_inline() -> None:
    text = failure(Playbook(Echoing) >> C(b"aX") << to_server(b"aX"))
    assert "+ ZeroDivisionError: an X came" in text
    assert "  >> C b'aX'" in text


@pytest.mark.parametrize(
    "playbook",
    [
        pytest.param(lambda: Playbook(Echoing) >> C(b"a"), id="a send that was not named"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"a") << to_client(b"a"), id="the wrong side"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"K") << to_server(b"K"), id="a close that was not named"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"K") << to_server(b"K") << reset(), id="a reset for a close"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"a") << to_server(b"a") << closed(), id="a close that was not"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"T") << to_server(b"T"), id="a tunnel that was not named"),
        pytest.param(lambda: Playbook(Echoing) >> eof_client() << finished(CLIENT), id="the wrong side finished"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"a") << to_server(b"a") << paused(CLIENT), id="no pause"),
        pytest.param(lambda: Playbook(Echoing) >> C(b"P") << to_server(b"P") << reading(CLIENT), id="a pause"),
        pytest.param(lambda: Playbook(Echoing) << record("other") >> eof_client() << finished(SERVER), id="no record"),
        pytest.param(
            lambda: Playbook(Echoing) >> C(b"R") << to_server(b"R") << record("letter", letter="Q"), id="other field"
        ),
        pytest.param(
            lambda: Playbook(Echoing) >> C(b"R") << to_server(b"R") << record("letter", colour=None), id="no such field"
        ),
        pytest.param(
            lambda: Playbook(Echoing) >> C(b"R") << to_server(b"R") << record("letter") << record("letter"),
            id="one record for two",
        ),
        pytest.param(
            lambda: Playbook(Echoing) >> C(b"R") << to_server(b"R") << no_record("letter", letter="R"), id="unwanted"
        ),
        pytest.param(
            lambda: Playbook(Echoing) >> C(b"hi\r\n") << to_server(like(rb"h.\n")), id="a pattern that does not fit"
        ),
    ],
)
def test_whatever_comes_out_otherwise_fails(playbook: object) -> None:
    assert callable(playbook)
    assert "the conversation went another way" in failure(playbook())


def test_patterns_and_octets_join() -> None:
    assert Playbook(Echoing) >> C(b"250 ab\r\nnext") << to_server(like(rb"250 [^\r\n]+\r\n")) << to_server(b"next")


def test_own_reply_wants_one_line_and_the_rule_in_brackets() -> None:
    def said(line: bytes) -> Playbook:
        return Playbook(Echoing) >> S(line) << own_reply(b"550 5.7.1 ", rule="no.x")

    assert said(b"550 5.7.1 Not here [no.x]\r\n")
    for line in (b"550 5.7.1 Not here\r\n", b"550 5.7.1 a\r\nb [no.x]\r\n", b"550 5.7.1 Not here [noox]\r\n"):
        assert failure(said(line))


def test_records_come_in_order_and_others_are_ignored() -> None:
    def session() -> Playbook:
        return Playbook(Echoing) >> C(b"R") << to_server(b"R") >> lost_server() << closed()

    assert session() << record("lost", side="server")
    text = failure(session().strict() << record("lost"))
    assert "+ << record letter letter='R' side='client'" in text


def test_order_of_records_within_a_step_counts() -> None:
    class Two(Echoing):
        def start(self, now: float | None = None) -> list[Effect]:
            return [Record("first", {}), Record("second", {})]

    assert Playbook(Two) << record("first") << record("second")
    assert failure(Playbook(Two) << record("second") << record("first"))


def test_octets_of_a_paused_side_wait_until_it_is_read_again() -> None:
    assert (
        Playbook(Echoing)
        >> C(b"aP")
        << to_server(b"aP")
        << paused(CLIENT)
        >> C(b"bc")
        >> S(b"G")
        << to_client(b"G")
        << to_server(b"bc")
        << reading(CLIENT)
    )


def test_time_is_a_step_and_deadlines_are_kept_exactly() -> None:
    assert (
        Playbook(Echoing)
        >> C(b"D")
        << to_server(b"D")
        >> advance(seconds=9.5)
        >> advance(seconds=90)
        << to_client(b"late at 1010\r\n")
    )


def test_a_deadline_that_never_moves_on_is_a_failure_not_a_hang() -> None:
    class Stuck(Echoing):
        def advance(self, now: float) -> list[Effect]:
            return []

    text = failure(Playbook(Stuck) >> C(b"D") << to_server(b"D") >> advance(seconds=90))
    assert "the deadline does not move on" in text


def test_the_same_playbook_runs_under_every_slicing() -> None:
    text = failure(Playbook(Segmenting) >> C(b"ab") << to_server(b"|ab"))
    assert "slicing octets" in text
    assert "+ << to server b'|a|b'" in text
    assert (Playbook(Segmenting) >> C(b"ab") << to_server(b"|ab")).in_one_read()
    assert Playbook(Segmenting, {"whole": SLICINGS["whole"]}) >> C(b"ab") << to_server(b"|ab")


def test_slicings_must_agree_on_what_the_playbook_does_not_name() -> None:
    text = failure(Playbook(Forgetful) >> C(b"ab") << to_server(b"ab"))
    assert "slicing octets (+) differs from whole (-)" in text
    assert "- << record read size=2" in text


def test_effects_that_no_shell_can_carry_out_fail() -> None:
    assert "behind a Finish" in failure(Playbook(Talkative) >> eof_client() << finished(SERVER))
    assert "behind the end of the session" in failure(Playbook(Talkative) >> lost_server() << closed())
    assert "denies it" in failure(Playbook(Talkative) >> drain() << closed())


def test_nothing_is_fed_behind_the_end() -> None:
    assert Playbook(Echoing) >> C(b"aK") << to_server(b"aK") << closed() >> S(b"c") >> C(b"d") >> advance(seconds=9)


def test_a_reset_a_tunnel_and_a_drain_can_be_claimed() -> None:
    assert Playbook(Echoing) >> C(b"T") << to_server(b"T") << tunnelled() >> drain() << to_client(b"421 bye\r\n")
    assert Playbook(Echoing) >> C(b"Z") << to_server(b"Z") << reset() >> C(b"more")


def test_a_playbook_that_nobody_asserts_is_noticed() -> None:
    def write_one() -> None:
        _ = Playbook(Echoing) >> C(b"a")

    with pytest.warns(ResourceWarning, match="never asserted"):
        write_one()


@pytest.mark.parametrize("name", SLICINGS)
def test_every_slicing_gives_all_octets_in_reads_that_the_relay_could_make(name: str) -> None:
    data = b"a\r\nbb\rc\n\r\n" * 20_000
    pieces = list(SLICINGS[name](data))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= 65536 for piece in pieces)


def test_slicings_cut_where_they_say() -> None:
    data = b"ab\r\ncd\r\n"
    assert list(SLICINGS["whole"](data)) == [data]
    assert list(SLICINGS["octets"](data)) == [b"a", b"b", b"\r", b"\n", b"c", b"d", b"\r", b"\n"]
    assert list(SLICINGS["lines"](data)) == [b"ab\r\n", b"cd\r\n"]
    assert list(SLICINGS["between CR and LF"](data)) == [b"ab\r", b"\ncd\r", b"\n"]
    assert list(SLICINGS["random 1"](data * 9)) == list(SLICINGS["random 1"](data * 9))
    assert list(SLICINGS["random 1"](data * 9)) != list(SLICINGS["random 2"](data * 9))
