"""Fingerprints: each shipped one is whole and about a policy that ships, and marks fit what they say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from smtpguard.analyzer.fingerprints import FOLDER, Fingerprint, Mark, best, fingerprints
from smtpguard.analyzer.traces import Trace
from smtpguard.policy import library
from smtpguard.policy.loader import load_policy

HIDDEN = Trace("keyword-hidden", "XEXCH50", "354 Send binary data")


def test_each_is_about_a_policy_that_ships_and_says_why_it_has_no_marks() -> None:
    for one in fingerprints():
        for name in (one.policy, *one.same):
            load_policy(name)
        assert one.box
        assert one.source
        assert bool(one.traceless) != bool(one.all or one.any)
        assert bool(one.same) == bool(one.same_because)
        assert one.traceless or one.cures


def test_each_file_is_named_after_its_policy() -> None:
    names = {path.stem for path in (library.folder() / FOLDER).iterdir()}
    assert names == {one.policy.replace(":", "-") for one in fingerprints()}


@pytest.mark.parametrize(
    ("mark", "fits"),
    [
        ("keyword-hidden", True),
        ("keyword-hidden:XEXCH50", True),
        ("keyword-hidden:X*", True),
        ("keyword-hidden:X-*", False),
        ("keyword-hidden ~ ^354", True),
        ("keyword-hidden:XEXCH50 ~ ^250", False),
        ("listed:XEXCH50", False),
    ],
)
def test_a_mark(mark: str, fits: bool) -> None:
    assert Mark(mark).fits(HIDDEN) is fits


@pytest.mark.parametrize("mark", ["", "no-such-trace", "keyword-hidden:X ~", "Keyword-hidden"])
def test_what_is_no_mark(mark: str) -> None:
    with pytest.raises(ValidationError):
        Fingerprint(policy="pass", box="b", source="s", all=(mark,))
    with pytest.raises(ValidationError):
        Fingerprint(policy="pass", box="b", source="s", any=((mark,),))


def fingerprint(policy: str, **marks: object) -> Fingerprint:
    return Fingerprint.model_validate({"policy": policy, "box": "b", "source": "s", **marks})


def test_the_one_that_explains_most_is_best_and_then_the_one_that_demands_most() -> None:
    stars = Trace("banner-stars")
    wide = fingerprint("wide", all=["banner-stars"], explains=["keyword-hidden"])
    narrow = fingerprint("narrow", all=["banner-stars"])
    narrower = fingerprint("narrower", all=["banner-stars"], none=["ehlo-refused"])
    found = best([stars, HIDDEN], [narrow, wide, narrower])
    assert found is not None
    assert (found[0].policy, found[1], found[2]) == ("wide", [stars], [HIDDEN])
    assert best([stars], [narrow, narrower])[0].policy == "narrower"  # type: ignore[index]
    assert best([HIDDEN], [narrow, wide, narrower]) is None


def test_hints_explain_nothing() -> None:
    hint = fingerprint("hint", all=["listed:XEXCH50"])
    seen = fingerprint("seen", all=["keyword-hidden"])
    assert best([Trace("listed", "XEXCH50"), HIDDEN], [hint, seen])[0].policy == "seen"  # type: ignore[index]


def test_any_of_a_group_and_none_at_all() -> None:
    one = fingerprint("one", any=[["banner-stars", "keyword-hidden:XEXCH50"]], none=["ehlo-refused"])
    assert one.match([HIDDEN]) == ([HIDDEN], [])
    assert one.match([HIDDEN, Trace("ehlo-refused")]) is None
    assert one.match([Trace("listed", "XEXCH50")]) is None
