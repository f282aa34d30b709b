"""The frame: self-contained, its title escaped, what a text brings in never taken for a place to fill."""

from __future__ import annotations

from smtpguard.pages.page import page


def test_the_frame_holds_title_style_and_body() -> None:
    shown = page("a < b", "<p>$title ${x}</p>")
    assert "<title>a &lt; b</title>" in shown
    assert "<p>$title ${x}</p>" in shown
    assert ":root {" in shown


def test_nothing_is_fetched_and_nothing_runs() -> None:
    shown = page("t", "")
    for word in ("http:", "https:", "<script", "<link", "url(", "@import"):
        assert word not in shown
