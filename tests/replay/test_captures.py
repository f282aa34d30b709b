"""Conversations out of captures: who is client, what was said in which order, how it ended."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from smtpguard.replay.captures import CaptureError, Conversation, Endpoint, Gap, Turn, read_capture
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.replay.wire import HERE, HERE6, THERE, THERE6, Wire, pcap, pcapng

GREETING, QUIT, BYE = b"220 mx ESMTP\r\n", b"QUIT\r\n", b"221 Bye\r\n"


def one(path: Path) -> Conversation:
    (conversation,) = read_capture(path)
    return conversation


def said(conversation: Conversation) -> list[tuple[Side, bytes]]:
    return [(turn.side, turn.data or turn.end.encode()) for turn in conversation.turns]


def session(wire: Wire) -> list[bytes]:
    return [
        *wire.opened(),
        wire.s(0, GREETING, 0),
        wire.c(0, QUIT, len(GREETING)),
        wire.s(len(GREETING), BYE, len(QUIT)),
        wire.fin("s", len(GREETING + BYE), acked=len(QUIT)),
        wire.fin("c", len(QUIT), acked=len(GREETING + BYE) + 1),
    ]


SESSION = [(SERVER, GREETING), (CLIENT, QUIT), (SERVER, BYE), (SERVER, b"fin"), (CLIENT, b"fin")]


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_whole_session(tmp_path: Path, write: Callable[..., Path], v6: bool) -> None:
    found = one(write(tmp_path / "a", session(Wire(v6=v6))))
    assert found.client == Endpoint(HERE6 if v6 else HERE, 40000)
    assert found.server == Endpoint(THERE6 if v6 else THERE, 25)
    assert said(found) == SESSION
    assert found.said(CLIENT) == QUIT
    assert found.said(SERVER) == GREETING + BYE
    assert found.whole
    assert not found.gap
    assert found.gaps == {CLIENT: (), SERVER: ()}


def test_gzip_and_a_path_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(pcap(tmp_path / "a", session(Wire())).read_bytes()))
    assert said(read_capture(str(path))[0]) == SESSION


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    found = one(pcap(tmp_path / "a", session(Wire())))
    assert [turn.time for turn in found.turns] == [3.0, 4.0, 5.0, 6.0, 7.0]


def test_what_one_side_says_without_a_break_is_one_turn(tmp_path: Path) -> None:
    wire = Wire()
    frames = [*wire.opened(), wire.s(0, b"220 ", 0), wire.s(4, b"mx\r\n", 0), wire.c(0, QUIT, 8)]
    found = one(pcap(tmp_path / "a", frames))
    assert found.turns == (Turn(SERVER, b"220 mx\r\n", "", 3.0), Turn(CLIENT, QUIT, "", 5.0))


def test_order_is_that_in_which_octets_could_be_read(tmp_path: Path) -> None:
    wire = Wire()
    frames = [
        *wire.opened(),
        wire.c(4, b"B", 0),
        wire.s(0, b"220 early\r\n", 0),
        wire.c(0, b"NOOP", 0),
        wire.c(0, b"NOOP", 0),
        wire.s(0, b"220 early\r\n", 5),
        wire.s(11, b"250\r\n", 5),
    ]
    found = one(pcap(tmp_path / "a", frames))
    assert said(found) == [(SERVER, b"220 early\r\n"), (CLIENT, b"NOOPB"), (SERVER, b"250\r\n")]
    assert not found.gap


def test_overlap_across_turns(tmp_path: Path) -> None:
    wire = Wire()
    frames = [*wire.opened(), wire.c(0, b"EHLO "), wire.c(3, b"O a\r\n"), wire.c(0, b"EHLO a\r\n")]
    assert one(pcap(tmp_path / "a", frames)).said(CLIENT) == b"EHLO a\r\n"


def test_a_gap_is_reported_and_does_not_move_what_follows(tmp_path: Path) -> None:
    wire = Wire()
    frames = [
        *wire.opened(),
        wire.s(0, GREETING, 0),
        # EHLO, 6 octets, is missing
        wire.s(len(GREETING), b"250 mx\r\n", 6),
        wire.c(6, QUIT, len(GREETING) + 8),
        wire.s(len(GREETING) + 8, BYE, 12),
    ]
    found = one(pcap(tmp_path / "a", frames))
    assert said(found) == [(SERVER, GREETING + b"250 mx\r\n"), (CLIENT, QUIT), (SERVER, BYE)]
    assert found.gap
    assert found.gaps == {CLIENT: (Gap(0, 6),), SERVER: ()}


def test_a_side_that_was_not_captured_is_a_gap(tmp_path: Path) -> None:
    wire = Wire()
    found = one(pcap(tmp_path / "a", [*wire.opened()[::2], wire.c(0, QUIT, 20), wire.fin("c", 6, acked=30)]))
    assert said(found) == [(CLIENT, QUIT), (CLIENT, b"fin")]
    assert found.gaps == {CLIENT: (), SERVER: (Gap(0, 29),)}


@pytest.mark.parametrize(("port", "mail"), [(40000, 25), (40000, 587), (1024, 465), (40000, 2525)])
def test_without_a_syn_the_port_tells_the_server(tmp_path: Path, port: int, mail: int) -> None:
    wire = Wire(port, mail)
    for frames in ([wire.s(0, b"500 what\r\n", 0), wire.c(0, QUIT, 10)], [wire.c(0, QUIT, 0), wire.s(0, BYE, 6)]):
        found = one(pcap(tmp_path / "a", frames))
        assert found.server == Endpoint(THERE, mail)
        assert not found.whole


@pytest.mark.parametrize(("port", "mail"), [(25, 25), (40000, 50000)])
def test_without_a_syn_and_a_port_the_greeting_tells_the_server(tmp_path: Path, port: int, mail: int) -> None:
    wire = Wire(port, mail)
    assert one(pcap(tmp_path / "a", [wire.c(0, QUIT), wire.s(0, GREETING)])).server == Endpoint(THERE, mail)
    assert one(pcap(tmp_path / "a", [wire.s(0, QUIT), wire.c(0, GREETING)])).server == Endpoint(HERE, port)


def test_without_any_sign_the_higher_port_is_the_client(tmp_path: Path) -> None:
    wire = Wire(50009, 8000)
    assert one(pcap(tmp_path / "a", [wire.s(0, b"?"), wire.c(0, b"!")])).client == Endpoint(HERE, 50009)


def test_the_syn_tells_the_client_even_to_a_mail_port(tmp_path: Path) -> None:
    wire = Wire(25, 40000)
    found = one(pcap(tmp_path / "a", session(wire)))
    assert found.client == Endpoint(HERE, 25)
    answered = one(pcap(tmp_path / "a", session(wire)[1:]))  # the SYN lost, its answer caught
    assert answered.client == Endpoint(HERE, 25)


def test_a_reset_ends_its_side_and_its_octets_are_not_said(tmp_path: Path) -> None:
    wire = Wire()
    frames = [*wire.opened(), wire.s(0, GREETING, 0), wire.reset("c", 0, b"go away"), wire.c(0, QUIT)]
    found = one(pcap(tmp_path / "a", frames))
    assert said(found) == [(SERVER, GREETING), (CLIENT, b"reset")]


def test_a_fin_with_octets_ends_behind_them_and_once(tmp_path: Path) -> None:
    wire = Wire()
    frames = [*wire.opened(), wire.fin("c", 0, QUIT), wire.fin("c", 0, QUIT), wire.reset("c", 7)]
    assert said(one(pcap(tmp_path / "a", frames))) == [(CLIENT, QUIT), (CLIENT, b"fin")]


def test_a_fin_behind_a_gap_comes_at_the_end(tmp_path: Path) -> None:
    wire = Wire()
    frames = [*wire.opened(), wire.fin("c", 9, b"x"), wire.s(0, GREETING)]
    found = one(pcap(tmp_path / "a", frames))
    assert said(found) == [(SERVER, GREETING), (CLIENT, b"x"), (CLIENT, b"fin")]
    assert found.gaps[CLIENT] == (Gap(0, 9),)


def test_connections_are_told_apart_and_stand_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    first, second = session(Wire(40001)), session(Wire(40002))
    frames = [frame for pair in zip(first, second, strict=True) for frame in pair]
    found = read_capture(pcap(tmp_path / "a", frames))
    assert [conversation.client.port for conversation in found] == [40001, 40002]
    assert [said(conversation) for conversation in found] == [SESSION, SESSION]


def test_the_same_ports_again_are_another_conversation(tmp_path: Path) -> None:
    again = Wire(base=900_000)
    found = read_capture(pcap(tmp_path / "a", [*session(Wire()), *session(again), again.opened()[0]]))
    assert [said(conversation) for conversation in found] == [SESSION, SESSION]


@pytest.mark.parametrize("seen", [1, 3])
def test_a_call_that_nobody_took_is_no_part_of_the_next_from_the_same_port(tmp_path: Path, seen: int) -> None:
    found = one(pcap(tmp_path / "a", [*Wire().opened()[:seen], *session(Wire(base=900_000))]))
    assert said(found) == SESSION
    assert not found.gap


def test_a_syn_sent_twice_is_one_conversation(tmp_path: Path) -> None:
    frames = session(Wire())
    assert said(one(pcap(tmp_path / "a", [frames[0], *frames, frames[0]]))) == SESSION


def test_a_connection_without_an_octet_is_left_out(tmp_path: Path) -> None:
    wire = Wire()
    assert read_capture(pcap(tmp_path / "a", [*wire.opened(), wire.reset("s", 0)])) == []
    assert read_capture(pcap(tmp_path / "b", [])) == []


def test_frames_that_are_no_tcp_are_skipped(tmp_path: Path) -> None:
    frames = session(Wire())
    assert said(one(pcap(tmp_path / "a", [b"\xff" * 60, *frames, b""]))) == SESSION


def test_an_unknown_link_type_is_an_error(tmp_path: Path) -> None:
    path = pcap(tmp_path / "a.pcap", session(Wire()), link=195)
    with pytest.raises(CaptureError) as raised:
        read_capture(path)
    assert str(raised.value) == f"{path}: link type 195 is none of those that are read here"


def test_a_broken_capture_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(tmp_path / "b", session(Wire())).read_bytes()[:-1])
    with pytest.raises(CaptureError, match=r"\A[^\n]*a\.pcap: cut short at octet \d+, inside frame 8\Z"):
        read_capture(path)
