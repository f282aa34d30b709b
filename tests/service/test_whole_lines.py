"""Whole lines, however a pipe cuts them."""

from __future__ import annotations

from smtpguard.service.whole_lines import MAX_LINE, WholeLines


def test_every_cut_gives_the_same_lines() -> None:
    text = b'{"a":1}\n{"b":2}\n\n{"c":3}\n'
    for cut in range(len(text) + 1):
        lines = WholeLines()
        assert lines.feed(text[:cut]) + lines.feed(text[cut:]) == [b'{"a":1}', b'{"b":2}', b"", b'{"c":3}']
        assert not lines.cut()


def test_what_a_dead_writer_left_is_dropped() -> None:
    lines = WholeLines()
    assert lines.feed(b'{"a":1}\n{"b"') == [b'{"a":1}']
    assert lines.cut()
    assert lines.feed(b'{"c":3}\n') == [b'{"c":3}']


def test_a_line_without_end_is_given_up() -> None:
    lines = WholeLines()
    assert lines.feed(b"x" * (MAX_LINE + 1)) == []
    assert lines.cut()
    assert not lines.cut()
    assert lines.feed(b'{"a":1}\n') == [b'{"a":1}']


def test_the_rest_of_a_line_that_was_given_up_is_no_line() -> None:
    lines = WholeLines()
    assert lines.feed(b'{"a":1}\n' + b"x" * (MAX_LINE + 1)) == [b'{"a":1}']
    assert lines.feed(b"x" * MAX_LINE) == []
    assert lines.feed(b'x}\n{"b":2}\n{"c"') == [b'{"b":2}']
    assert lines.feed(b":3}\n") == [b'{"c":3}']
