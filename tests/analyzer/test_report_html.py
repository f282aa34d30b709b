"""The page: whole, self-contained, escaped, with the ladder of each step that failed."""

from __future__ import annotations

from dataclasses import replace

from smtpguard.analyzer.findings import Comparison
from smtpguard.analyzer.report_html import as_html
from smtpguard.analyzer.target import Target
from tests.analyzer import made
from tests.analyzer.analyzing import of_profile, of_server
from tests.lab.hosts import script
from tests.pages.reading import assert_self_contained, read


def test_a_clean_server_has_no_ladder() -> None:
    markup = as_html(of_profile("exchange-2003").analysis)
    text = read(markup).text
    assert "Nothing found (exit status 0)" in text
    assert "Edition without DATA: passed; with DATA: passed." in text
    assert "<svg" not in markup
    assert 'class="verdict good"' in markup
    assert "Findings" not in text


def test_the_ladder_of_a_failed_step_stands_under_its_finding() -> None:
    markup = as_html(of_profile("exchange-2003", "bdat-eater").analysis)
    text = read(markup).text
    assert markup.count("<svg") == 2  # one more for the probe that lost its chunk
    drawing = markup[markup.index("<svg") : markup.index("</svg>")]
    assert "BDAT mail acceptance failure" in drawing
    assert "30 seconds in which nothing is said" in drawing
    assert "octets of message]" in drawing
    assert "BDAT mail acceptance test:" in text
    assert 'class="verdict bad"' in markup


def test_findings_at_one_step_share_the_ladder() -> None:
    markup = as_html(of_profile("iis").analysis)
    assert markup.count("<svg") == 1
    assert markup.count("See EHLO in the conversation above (mail acceptance test).") == 2
    drawing = markup[markup.index("<svg") : markup.index("</svg>")]
    assert drawing.count("<rect") == 3
    assert "Both are true" in read(markup).text


def test_what_the_path_doctor_says_is_there() -> None:
    text = read(as_html(made.analysis())).text
    for part in (
        "a firewall <of that time>",
        "eat-blob, and from outside the same: line-oriented",
        "SuppressExternal = 1 (KB818222)",
        "1020 octets went out and nothing came back",
        "certain",
        "a firewall that passes the verb",
        "smtpguard lab up --firewall eat-blob",
        "[1020 octets]",
        "Past the box: 10.0.0.5:2525.",
        "XEXCH50 is gone",
        "250 <none>",
    ):
        assert part in text, part


def test_a_comparison_that_found_nothing_or_could_not_be_made() -> None:
    same = replace(made.analysis(), comparison=Comparison(Target("10.0.0.5")))
    assert "Nothing differs" in read(as_html(same)).text
    broken = replace(made.analysis(), comparison=Comparison(Target("10.0.0.5"), untested="connection refused"))
    assert "It could not be looked at: connection refused" in read(as_html(broken)).text


def test_what_a_server_says_is_escaped_and_nothing_is_loaded() -> None:
    for analysis in (made.analysis(banner=made.HOSTILE), of_server(script(made.HOSTILE, made.HOSTILE)).analysis):
        markup = as_html(analysis)
        assert_self_contained(markup)
        assert "<script" not in markup
        assert "<script>alert(1)</script>" in read(markup).text
        assert "\x1b" not in markup


def test_nothing_could_be_tested() -> None:
    text = read(as_html(of_server(script(b"SSH-2.0-OpenSSH_9.2\r\n")).analysis)).text
    assert "Could not test 127.0.0.1:" in text
    assert "What answers is no SMTP server" in text
    assert "SSH-2.0-OpenSSH_9.2" in text
