"""SVG elements as text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from smtpguard.pages import svg

HOSTILE = "<script>&\"' ready at  2"


def parsed(markup: str) -> ET.Element:
    return ET.fromstring(markup)


def test_text_and_attributes_are_escaped_and_blanks_stay() -> None:
    words = parsed(svg.text(1, 2.5, HOSTILE, 'a"b', "end"))
    assert words.text == HOSTILE
    assert words.attrib == {"x": "1", "y": "2.5", "class": 'a"b', "text-anchor": "end"}


def test_a_box_with_a_hint_has_a_title() -> None:
    assert parsed(svg.box(0, 0, 1, 1, "x", HOSTILE))[0].text == HOSTILE
    assert len(parsed(svg.box(0, 0, 1, 1, "x"))) == 0


def test_an_arrows_head_points_where_it_goes() -> None:
    right = parsed(f"<g>{svg.arrow(10, 100, 5, 'x')}</g>")
    left = parsed(f"<g>{svg.arrow(100, 10, 5, 'x')}</g>")
    assert right[1].attrib["points"] == "100,5 91,0.5 91,9.5"
    assert left[1].attrib["points"] == "10,5 19,0.5 19,9.5"


def test_a_drawing_says_what_it_is_and_scales() -> None:
    whole = parsed(svg.drawing(1000, 20.0, svg.line(0, 0, 1, 1, "x"), HOSTILE))
    assert whole.attrib["viewBox"] == "0 0 1000 20"
    assert whole.attrib["aria-label"] == HOSTILE
    assert "width" not in whole.attrib
