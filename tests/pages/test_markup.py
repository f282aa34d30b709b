"""Pieces of HTML."""

from __future__ import annotations

from smtpguard.pages.markup import facts, folded, section, table, tag, words


def test_text_is_escaped_and_markup_is_not() -> None:
    assert words("b", "<&>") == "<b>&lt;&amp;&gt;</b>"
    assert tag("p", "<b>x</b>", 'a"b') == '<p class="a&quot;b"><b>x</b></p>'
    assert folded("<x>", "<b>y</b>") == "<details><summary>&lt;x&gt;</summary><b>y</b></details>"


def test_a_section_without_anything_in_it_is_left_out() -> None:
    assert section("Title", "") == ""
    assert section("Title", "<p>x</p>") == "<section><h2>Title</h2><p>x</p></section>\n"


def test_a_table_sets_its_numbers_to_the_right() -> None:
    drawn = table(("<A>", "B"), [["<i>a</i>", "1"]], frozenset((1,)))
    assert '<th>&lt;A&gt;</th><th class="number">B</th>' in drawn
    assert '<td><i>a</i></td><td class="number">1</td>' in drawn


def test_facts_leave_out_what_has_no_text() -> None:
    assert facts([("a", "<1>"), ("b", "")]) == '<dl class="facts"><dt>a</dt><dd>&lt;1&gt;</dd></dl>'
