"""Sinks: which octets of a payload pass."""

from __future__ import annotations

from smtpguard.inspection.payload import OPEN, Sink


def test_an_open_sink_gives_back_the_very_octets() -> None:
    data = b"octets"
    assert OPEN.take(data) is data


def test_a_sink_that_keeps_some_counts_over_all_it_takes() -> None:
    sink = Sink(keep=5)
    assert (sink.take(b"abc"), sink.cut) == (b"abc", False)
    assert (sink.take(b"de"), sink.cut) == (b"de", False)
    assert (sink.take(b""), sink.cut) == (b"", False)
    assert (sink.take(b"f"), sink.cut) == (b"", True)


def test_a_cut_stays_known() -> None:
    sink = Sink(keep=1)
    assert sink.take(b"ab") == b"a"
    assert sink.take(b"") == b""
    assert sink.cut
