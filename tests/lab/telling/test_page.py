"""The page about a run: complete, self-contained, escaped, the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.errors import LabError
from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.telling.page import page, write_html
from tests.lab import legs, outcomes
from tests.pages.reading import assert_self_contained, read


def test_a_bounced_message_on_one_page() -> None:
    text = read(page(outcomes.bounced(), legs.eaten_blob())).text
    for part in (
        "Not delivered: non-delivery report 4.4.7.",
        "2 attempts in 2 days of simulated time",
        "That is what the scenario expects.",
        "data acknowledged, QUIT sent",
        "[1020 octets of binary]",
        "eats the payload of XEXCH50, 1020 octets",
        "delay notice, 12:00:00",
        "Time of Next Connection Retry",
        "The remote host did not answer within 600 seconds.",
        "0000: 58 45 58 43 48 35 30 20    XEXCH50",
        "1 more entry like it: 10/25/2007 9:11:00 AM",
        "Subject: Delivery Status Notification (Failure)",
        "Subject: Delivery Status Notification (Delay)",
        "Status: 4.4.7",
        "Your message did not reach some or all of the intended recipients.",
        "#4.4.7>",
        f"The original message, {len(outcomes.MESSAGE)} octets, is attached unchanged.",
        "Nothing was stored.",
    ):
        assert part in text, part


def test_a_delivered_message_on_one_page() -> None:
    result = outcomes.delivered()
    text = read(page(result, legs.eaten_blob())).text
    assert "Delivered. 1 attempt in less than a second of simulated time." in text
    assert "The queue was empty again within a second" in text
    assert result.sent_sha256 in text
    assert "1020 octets" in text
    assert "Event logs" not in text
    assert "Notifications to the author" not in text


def test_the_failed_step_is_marked() -> None:
    steps = [attrs.get("class") for tag, attrs in read(page(outcomes.bounced(), Capture())).elements if tag == "li"]
    assert steps == ["ok"] * 12 + ["failed"] + ["ok"] * 2


def test_nothing_is_loaded_and_nothing_runs() -> None:
    assert_self_contained(page(outcomes.bounced(), legs.eaten_blob()))


def test_what_peers_and_files_say_is_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    result = outcomes.bounced()
    result = replace(result, firewall=hostile, firewall_summary=hostile, receiver_summary=hostile)
    capture = Capture()
    legs.leg(capture, "sender", [(0.0, "S", f"220 {hostile}\r\n".encode()), (0.0, "C", f"{hostile}\r\n".encode())])
    markup = page(result, capture)
    assert "<script" not in markup
    assert hostile in read(markup).text
    assert "Subject: <b>figures</b>" in read(markup).text


def test_a_lost_reply_is_told_as_it_is() -> None:
    result = replace(outcomes.bounced(), mailbox=outcomes.delivered().mailbox)
    text = read(page(result, Capture())).text
    assert "Non-delivery report 4.4.7, though the receiver stored 1 message." in text


def test_a_lost_message_is_no_delivery() -> None:
    result = replace(outcomes.delivered(), mailbox=(), firewall_lies=True)
    markup = page(result, Capture())
    assert "Lost: the sender was told that it is delivered, and the receiver never had it." in read(markup).text
    assert 'class="verdict bad"' in markup


def test_what_the_scenario_expects_otherwise_is_said() -> None:
    result = replace(outcomes.delivered(), firewall="eat-blob")
    text = read(page(result, Capture())).text
    assert "The scenario expects otherwise" in text
    unknown = replace(outcomes.delivered(), firewall="mine.yaml")
    assert "expects nothing in particular" in read(page(unknown, Capture())).text


def test_a_message_that_no_attempt_came_to() -> None:
    result = outcomes.bounced()
    fate = replace(result.fate, attempts=())
    text = read(page(replace(result, fates=(fate,)), Capture())).text
    assert "0 attempts in 2 days" in text


def test_many_copies_are_counted() -> None:
    text = read(page(outcomes.with_copies(outcomes.bounced(), 30), Capture())).text
    assert "30 copies" in text
    assert "60 attempts" in text


def test_what_was_too_large_to_keep_is_said() -> None:
    capture = Capture(limit=1)
    legs.leg(capture, "sender", legs.opening(), 1)
    legs.leg(capture, "sender", legs.opening(), 2)
    assert "1 connection was too large to keep." in read(page(outcomes.bounced(), capture)).text


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"^.*missing/page\.html: cannot be written: No such file or directory$"):
        write_html(outcomes.delivered(), tmp_path / "missing" / "page.html", Capture())


def test_a_real_run_gives_the_same_page_twice(tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        capture = Capture()
        result = run_scenario(outcomes.scenario(), "eat-blob", sample(), tap=capture)
        write_html(result, tmp_path / name, capture)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    text = read(pages[0].decode("utf-8")).text
    assert "220 mx1.example.net Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Thu, 25 Oct 2007" in text
    assert "from here on nothing passes" in text
    assert text.count("TCP connection to port 25") == 1
