"""The queue's timeline as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from smtpguard.lab.telling.timeline import WIDTH, Timeline, draw
from tests.lab import outcomes

SVG = "{http://www.w3.org/2000/svg}"


def picture(end: float) -> ET.Element:
    result = outcomes.bounced()
    return ET.fromstring(draw(Timeline(result.timeline, result.fates, end)))


def boxes(drawn: ET.Element, kind: str) -> list[ET.Element]:
    return [one for one in drawn.iter(f"{SVG}rect") if one.attrib["class"] == kind]


def texts(drawn: ET.Element) -> list[str]:
    return [one.text or "" for one in drawn.iter(f"{SVG}text")]


def test_two_days_are_drawn_whole_and_their_first_hours_once_more() -> None:
    drawn = picture(172800.0)
    said = texts(drawn)
    assert "the first 3 hours once more" in said
    assert said.count("example.net") == 2
    assert "delay notice, 12:00:00" in said
    assert "NDR, 2d 00:00:00" in said
    assert len(boxes(drawn, "failed")) == 4 + 1  # two attempts twice, and the legend


def test_a_short_run_is_drawn_once() -> None:
    drawn = picture(7200.0)
    assert texts(drawn).count("example.net") == 1
    assert "NDR, 2d 00:00:00" not in texts(drawn)


def test_bands_are_as_long_as_their_states() -> None:
    drawn = picture(2400.0)
    active = boxes(drawn, "state-Active")[:2]
    retry = boxes(drawn, "state-Retry")[:2]
    full = sum(float(one.attrib["width"]) for one in (*active, *retry))
    assert [round(float(one.attrib["width"]) / full, 3) for one in active] == [0.25, 0.25]
    assert [round(float(one.attrib["width"]) / full, 3) for one in retry] == [0.025, 0.475]
    title = active[0].find(f"{SVG}title")
    assert title is not None
    assert title.text == "Active, 00:00:00 to 00:10:00."


def test_states_that_took_no_time_are_not_in_the_legend() -> None:
    said = texts(picture(172800.0))
    assert "queue Retry" in said
    assert "queue Ready" not in said
    assert "attempt that delivered" not in said


def test_everything_lies_inside_the_drawing() -> None:
    drawn = picture(172800.0)
    _, _, width, height = (float(number) for number in drawn.attrib["viewBox"].split())
    assert width == WIDTH
    for one in drawn.iter(f"{SVG}rect"):
        assert float(one.attrib["x"]) + float(one.attrib["width"]) <= width
        assert float(one.attrib["y"]) + float(one.attrib["height"]) <= height


def test_a_delivery_within_a_second_is_not_drawn() -> None:
    result = outcomes.delivered()
    assert draw(Timeline(result.timeline, result.fates, 0.0)) == ""
