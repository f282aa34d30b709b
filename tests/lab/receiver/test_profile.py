"""The profiles: each against its golden transcript, which is reviewed against the facts, and against itself.

After a change of a profile: ``python -m tests.lab.profile_dialogue`` writes the transcripts anew.
"""

from __future__ import annotations

import re

import pytest

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError
from smtpguard.lab.receiver.profile import Profile, Replies, load_profile
from tests.lab.profile_dialogue import GOLDEN, transcript

NAMES = documents.names("profiles")
# Facts, section 2, and the list "if Exchange 2003 event sinks are not loaded".
NOT_LOADED = (
    "TURN|ATRN|SIZE 5242880|ETRN|PIPELINING|DSN|ENHANCEDSTATUSCODES|8bitmime|BINARYMIME|CHUNKING|VRFY|"
    "AUTH GSSAPI NTLM|OK"
)
LISTS = {
    "exchange-2003": "TURN|ATRN|SIZE|ETRN|PIPELINING|DSN|ENHANCEDSTATUSCODES|8bitmime|BINARYMIME|CHUNKING|VRFY|"
    "X-EXPS GSSAPI NTLM|AUTH GSSAPI NTLM|X-LINK2STATE|XEXCH50|OK",
    "exchange-2000": "TURN|ATRN|SIZE|ETRN|PIPELINING|DSN|ENHANCEDSTATUSCODES|8bitmime|BINARYMIME|CHUNKING|VRFY|"
    "X-EXPS GSSAPI NTLM LOGIN|X-EXPS=LOGIN|AUTH GSSAPI NTLM LOGIN|AUTH=LOGIN|X-LINK2STATE|XEXCH50|OK",
    "sbs-2003": "TURN|SIZE|ETRN|PIPELINING|DSN|ENHANCEDSTATUSCODES|8bitmime|BINARYMIME|CHUNKING|VRFY|TLS|STARTTLS|"
    "X-EXPS GSSAPI NTLM LOGIN|X-EXPS=LOGIN|AUTH GSSAPI NTLM LOGIN|AUTH=LOGIN|X-LINK2STATE|XEXCH50|OK",
    "exchange-55": "XEXCH50|HELP|ETRN|DSN|SIZE 0|AUTH LOGIN|AUTH=LOGIN",
    "exchange-2010": "SIZE|PIPELINING|DSN|ENHANCEDSTATUSCODES|STARTTLS|X-ANONYMOUSTLS|AUTH NTLM|X-EXPS GSSAPI NTLM|"
    "8BITMIME|BINARYMIME|CHUNKING|XEXCH50|XRDST|XSHADOW",
    "iis": NOT_LOADED,
}
NEVER = ("DIGEST_QUERY", "200 LAST CHUNK")  # facts, section 9


@pytest.mark.parametrize("name", NAMES)
def test_the_dialogue_is_the_golden_one(name: str) -> None:
    assert transcript(name) == (GOLDEN / f"{name}.txt").read_text(encoding="latin-1")


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_dialogue_touches_every_reply(name: str) -> None:
    golden = (GOLDEN / f"{name}.txt").read_text(encoding="latin-1")
    profile = load_profile(name)
    texts = profile.replies.model_dump(exclude_none=True) | {"banner": profile.banner}
    for reply, text in texts.items():
        wire = "\r\n".join(f"<-- {line}" for line in text.split("\r\n"))
        pattern = re.sub(r"\\\{\w+\\\}", "[^\n]+", re.escape(wire).replace("\\\r\\\n", "\n"))
        assert re.search(f"(?m)^{pattern}$", golden), reply


@pytest.mark.parametrize("name", NAMES)
def test_the_list_is_that_of_the_facts(name: str) -> None:
    greeting, *keywords = load_profile(name).ehlo
    assert greeting == "{fqdn} Hello [{ip}]"
    assert "|".join(keywords) == LISTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_advertised_is_there(name: str) -> None:
    profile = load_profile(name)
    for line in profile.ehlo[1:]:
        keyword, *words = re.split("[ =]", line)
        if keyword in {"AUTH", "X-EXPS"}:
            assert set(words) <= set(profile.mechanisms[keyword])
        verb = {"CHUNKING": "BDAT"}.get(keyword, keyword)
        if verb in {
            "BDAT",
            "VRFY",
            "HELP",
            "ETRN",
            "TURN",
            "ATRN",
            "STARTTLS",
            "AUTH",
            "X-EXPS",
            "X-LINK2STATE",
            "XEXCH50",
        }:
            assert verb in profile.verbs


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_facts_forbid_is_said(name: str) -> None:
    golden = (GOLDEN / f"{name}.txt").read_text(encoding="latin-1")
    assert not [words for words in NEVER if words in golden]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_facts_mark_as_found_is_not_ours(name: str) -> None:
    profile = load_profile(name)
    found = {"helo", "sender", "recipient", "data", "quit"} | ({"blob_refused"} if name != "exchange-2010" else set())
    assert not profile.ours & found


def changed(**parts: object) -> dict[str, object]:
    return load_profile("exchange-2003").model_dump() | parts


def replies(**texts: str | None) -> dict[str, object]:
    return {"replies": load_profile("exchange-2003").replies.model_dump() | texts}


def test_a_reply_that_a_verb_needs_must_be_there() -> None:
    with pytest.raises(ValueError, match="replies: missing: blob_stored"):
        Profile.model_validate(changed(**replies(blob_stored=None)))


def test_a_reply_that_nothing_brings_about_must_not() -> None:
    with pytest.raises(ValueError, match="nothing brings these about: tls_go_ahead"):
        Profile.model_validate(changed(**replies(tls_go_ahead="220 go")))


def test_ours_names_only_what_the_profile_says() -> None:
    with pytest.raises(ValueError, match="the profile has no such reply: tls_go_ahead"):
        Profile.model_validate(changed(ours={"tls_go_ahead"}))


@pytest.mark.parametrize(("size", "limit"), [("SIZE", None), ("SIZE 0", None), ("size 512", 512), ("SIZE x", None)])
def test_the_limit_is_the_figure_behind_size(size: str, limit: int | None) -> None:
    texts = replies(too_big="552 too big") if limit else {}
    profile = Profile.model_validate(changed(ehlo=("hello", "XEXCH50", size), **texts))
    assert profile.largest_message == limit


def test_a_text_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="'too_big'"):
        load_profile("exchange-2003").replies.text("too_big")
    assert "too_big" in Replies.model_fields


def test_an_unknown_profile_is_one_line() -> None:
    with pytest.raises(LabError, match="unknown profile 'exchange-2002'"):
        load_profile("exchange-2002")
