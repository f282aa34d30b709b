"""Suspects: the box that explains the most first, another one for what is left, nobody where nothing fits."""

from __future__ import annotations

from smtpguard.analyzer.naming import name_boxes
from smtpguard.analyzer.traces import Trace

STARS = Trace("banner-stars")
MASK = Trace("keyword-masked", "XXXXXXXA")
TYPED = Trace("segment-matching")
BLOB = Trace("blob-eaten", detail="1020 octets behind XEXCH50's 354: nothing")


def policies(*traces: Trace) -> list[str]:
    return [suspect.policy for suspect in name_boxes(traces)]


def test_nobody() -> None:
    assert policies() == []
    assert policies(Trace("listed", "XEXCH50"), Trace("banner-text", answer="220 mx ESMTP Postfix")) == []


def test_a_box_with_its_reasons_cures_and_source() -> None:
    (suspect,) = name_boxes([BLOB])
    assert (suspect.policy, suspect.same, suspect.confidence) == ("eat-blob", ("eat-ack",), "certain")
    assert suspect.why == ("1020 octets behind XEXCH50's 354: nothing",)
    assert any("KB818222" in cure for cure in suspect.cures)
    assert suspect.source == "KB818222"
    assert "ISA Server 2000" in suspect.box


def test_two_boxes_in_one_path() -> None:
    suspects = name_boxes([STARS, MASK, TYPED, BLOB])
    assert [suspect.policy for suspect in suspects] == ["cisco-asa", "eat-blob"]
    assert [suspect.confidence for suspect in suspects] == ["certain", "possible"]


def test_the_surest_trace_decides_how_sure_the_name_is() -> None:
    assert name_boxes([Trace("unknown-verb-closed", confidence="likely"), Trace("length-limit", "NOOP of 16 octets",
                       confidence="likely")])[0].confidence == "likely"  # fmt: skip


def test_stars_and_xs_are_the_asa_and_stars_and_no_ehlo_the_pix() -> None:
    assert policies(STARS, MASK) == ["cisco-asa"]
    assert policies(STARS, Trace("ehlo-refused")) == ["cisco-pix:x"]
    assert policies(STARS) == []
