"""A ladder as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder import direct_ladder, firewall_ladder
from smtpguard.pages.ladder_drawing import WIDTH, draw
from tests.lab import legs
from tests.lab.legs import leg

SVG = "{http://www.w3.org/2000/svg}"
STALL = Event(0.0, "firewall", "stall", {"session": "1", "verb": "XEXCH50", "why": "payload eaten"})


def drawn(capture: Capture, *events: Event, firewall: bool = True) -> ET.Element:
    near = capture.connections("sender")[0]
    far = capture.connections("receiver")
    ladder = firewall_ladder(near, far[0] if far else None, events) if firewall else direct_ladder(near)
    return ET.fromstring(draw(ladder, "the sender", "the <firewall>", "the receiver"))


def texts(picture: ET.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def classes(picture: ET.Element, name: str) -> list[str]:
    return [element.attrib["class"] for element in picture.iter(f"{SVG}{name}")]


def test_the_whole_story_of_an_eaten_blob() -> None:
    picture = drawn(legs.eaten_blob(), STALL)
    said = texts(picture)
    assert said[:3] == ["the sender", "the <firewall>", "the receiver"]
    assert "XEXCH50 1020 2" in said
    assert "[1020 octets of binary]" in said
    assert "10 minutes in which nothing is said" in said
    assert "from here on nothing passes: payload eaten" in said
    assert classes(picture, "line").count("cross") == 2
    assert classes(picture, "rect") == ["alarm"]
    assert [time for time in said if time.startswith("00:")] == ["00:00:00", "00:10:00"]


def test_an_arrow_that_was_stopped_ends_at_the_firewall() -> None:
    picture = drawn(legs.eaten_blob())
    (blob,) = [one for one in picture.iter(f"{SVG}line") if one.attrib["class"] == "payload"]
    lifelines = [float(one.attrib["x1"]) for one in picture.iter(f"{SVG}line") if one.attrib["class"] == "life"]
    assert float(blob.attrib["x1"]) == lifelines[0]
    assert abs(float(blob.attrib["x2"]) - lifelines[1]) < 10


def test_without_a_firewall_there_are_two_lifelines_and_no_cross() -> None:
    picture = drawn(legs.eaten_blob(), firewall=False)
    assert classes(picture, "line").count("life") == 2
    assert "cross" not in classes(picture, "line")
    assert "the <firewall>" not in texts(picture)


def test_what_was_changed_has_no_cross() -> None:
    capture = Capture()
    leg(capture, "sender", legs.opening(keywords=legs.KEYWORDS.replace(b"XEXCH50", b"XXXXXXA")))
    leg(capture, "receiver", legs.opening())
    assert "cross" not in classes(drawn(capture), "line")


def test_a_list_of_keywords_is_wrapped_with_arguments_kept_together() -> None:
    said = texts(drawn(legs.eaten_blob()))
    place = said.index("250-mx1.example.net Hello")
    assert said[place + 1] == "    PIPELINING · CHUNKING · AUTH GSSAPI NTLM · XEXCH50"


def test_long_lines_are_cut_and_refusals_are_marked() -> None:
    capture = Capture()
    leg(
        capture,
        "sender",
        [(0.0, "S", b"220 " + b"x" * 400 + b"\r\n"), (0.0, "C", b"NOOP\r\n"), (0.0, "S", b"500 no\r\n")],
    )
    picture = drawn(capture, firewall=False)
    assert max(len(words) for words in texts(picture)) < 130
    assert any(words.endswith("…") for words in texts(picture))
    assert "bad" in classes(picture, "text")


def test_everything_lies_inside_the_drawing() -> None:
    picture = drawn(legs.eaten_blob(), STALL)
    _, _, width, height = (float(number) for number in picture.attrib["viewBox"].split())
    assert width == WIDTH
    for element in picture.iter():
        for name, limit in (("x", width), ("x1", width), ("x2", width), ("y", height), ("y1", height), ("y2", height)):
            assert 0 <= float(element.attrib.get(name, 0)) <= limit


def test_an_empty_connection_can_be_drawn() -> None:
    capture = Capture()
    leg(capture, "sender", [])
    assert "TCP connection to port 25" in texts(drawn(capture, firewall=False))


PIECES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0]),
        st.sampled_from(["C", "S", "C.", "S."]),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [legs.XEXCH50, legs.GO_AHEAD, b"DATA\r\n", b"354 go\r\n", b"BDAT 9\r\n", b"AUTH NTLM\r\n", b"334 \r\n"]
            ),
        ),
    ),
    max_size=12,
)


@given(PIECES, PIECES)
@settings(max_examples=150, deadline=None)
def test_whatever_was_said_can_be_drawn(near: list[legs.Said], far: list[legs.Said]) -> None:
    capture = Capture()
    leg(capture, "sender", near)
    leg(capture, "receiver", far)
    ladder = firewall_ladder(capture.connections("sender")[0], capture.connections("receiver")[0], [STALL])
    told = b"".join(row.sender.data for row in ladder.rows if row.sender is not None and row.sender.from_client)
    assert told == capture.connections("sender")[0].octets(from_client=True)
    ET.fromstring(draw(ladder, "a", "b", "c"))
