"""Scenarios and profiles as files of the package."""

from __future__ import annotations

import pytest

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError
from smtpguard.lab.profile import Profile, Replies, load_profile
from smtpguard.lab.scenario import Scenario, load_scenario


@pytest.mark.parametrize("name", documents.names("scenarios"))
def test_every_scenario_loads_and_its_parts_exist(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert load_profile(scenario.receiver.profile).name == scenario.receiver.profile
    domain = scenario.sender.recipients[0].rpartition("@")[2]
    assert scenario.receiver.host in {row.host for row in scenario.mx_table.look_up(domain)}


@pytest.mark.parametrize("name", documents.names("profiles"))
def test_every_profile_loads(name: str) -> None:
    assert load_profile(name).name == name


def test_kb818222_says_what_comes_of_each_policy_of_the_issue() -> None:
    scenario = load_scenario("kb818222")
    assert scenario.expects == {
        "none": "delivered",
        "pass": "delivered",
        "strip-xexch50": "delivered",
        "strip-exchange": "delivered",
        "refuse-xexch50": "delivered",
        "eat-blob": "ndr",
        "eat-ack": "ndr",
        "close-on-xexch50": "ndr",
    }
    assert scenario.expected("./my-own.yaml") is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(LabError, match=r"unknown scenario 'kb81822' \(did you mean 'kb818222'\?\)"):
        load_scenario("kb81822")
    with pytest.raises(LabError, match="unknown profile 'exchange-2030'"):
        load_profile("exchange-2030")


def test_a_name_is_no_path() -> None:
    with pytest.raises(LabError, match="unknown scenario"):
        load_scenario("../scenarios/kb818222")


def test_a_document_that_does_not_fit_names_the_field() -> None:
    with pytest.raises(LabError, match=r"^scenario x: name: Field required$"):
        documents.parse("title: t", "scenario x", Scenario)


def test_a_document_that_is_no_yaml_names_the_line() -> None:
    with pytest.raises(LabError, match=r"^profile x:2: "):
        documents.parse("a: 1\nb: [", "profile x", Profile)


def test_a_text_marked_as_ours_must_be_there() -> None:
    profile = load_profile("exchange-2003").model_dump()
    with pytest.raises(ValueError, match="no such reply: chunck"):
        Profile.model_validate(profile | {"ours": {"chunck"}})


def test_what_exchange_2003_offers() -> None:
    profile = load_profile("exchange-2003")
    assert profile.offers("XEXCH50")
    assert profile.offers("AUTH")
    assert not profile.offers("STARTTLS")
    assert profile.ours < set(Replies.model_fields)
