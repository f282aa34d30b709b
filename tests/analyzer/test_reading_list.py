"""Banner and list: each trace, and what is none."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.reading_list import read_banner, read_hello, read_list
from tests.analyzer.steps_of import BANNER, LIST, step, view


@pytest.mark.parametrize(
    ("banner", "kinds"),
    [
        (BANNER, ["banner-text"]),
        ("220 mx.example.net ESMTP Postfix", ["banner-text"]),
        ("220 ***************0*2******20**0****", ["banner-text", "banner-stars"]),
        ("220 *", ["banner-text"]),
        ("220 mx **** welcome ****", ["banner-text", "banner-injected"]),  # `systems.yaml` has four stars as a proxy's
        ("220 ESMTP virus scanner ready", ["banner-text", "banner-injected"]),
    ],
)
def test_the_banner(banner: str, kinds: list[str]) -> None:
    assert [trace.kind for trace in read_banner(view(banner=banner))] == kinds


def test_masks_of_both_styles() -> None:
    hello = step("EHLO", "250-mx\r\n250-XXXXXXXA\r\n250-CHU*KING\r\n250 SIZE")
    traces = [(trace.kind, trace.of) for trace in read_list(view(hello=hello))]
    assert ("keyword-masked", "XXXXXXXA") in traces
    assert ("keyword-starred", "CHU*KING") in traces
    assert ("listed", "SIZE") in traces
    assert ("unlisted", "PIPELINING") in traces


def test_a_reply_without_a_list_says_nothing_of_keywords() -> None:
    assert list(read_list(view(hello=step("EHLO", "250 mx")))) == []


def test_ehlo_refused_and_helo_taken() -> None:
    (trace,) = read_hello(view(hello=step("EHLO", "500 what"), helo="250 mx"))
    assert trace.kind == "ehlo-refused"
    assert trace.words == "EHLO is refused (500 what) and HELO is taken (250 mx)"
    assert list(read_hello(view(hello=step("EHLO", "421 later"), helo="250 mx"))) == []
    assert list(read_hello(view(hello=step("EHLO", failure="silent")))) == []


@pytest.mark.parametrize(
    ("noop", "unknown", "helo", "kind"),
    [
        ("250 OK", "500 no", "250 mx Hello", "ehlo-as-helo"),
        ("250 mx Hello", "500 no", "250 hi", "ehlo-as-noop"),
        ("250 OK", "250 mx Hello", "250 hi", "ehlo-as-unknown"),
        ("250 OK", "500 no", "503 already", None),
    ],
)
def test_whose_answer_ehlo_got(noop: str, unknown: str, helo: str, kind: str | None) -> None:
    samples = {
        UNKNOWN_VERBS: [step("NOOP", noop), step("HELO again", helo), step("unknown verb 1", unknown)],
        TYPED: [step("typed HELO", "250 other")],
    }
    traces = [trace.kind for trace in read_hello(view(samples, hello=step("EHLO", "250 mx Hello")))]
    assert traces == ([kind] if kind else [])


def test_a_whole_list_is_no_trace() -> None:
    assert list(read_hello(view(hello=step("EHLO", LIST)))) == []
