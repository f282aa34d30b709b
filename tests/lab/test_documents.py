"""Scenarios and profiles as files of the package."""

from __future__ import annotations

import pytest

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError
from smtpguard.lab.firewall import find_rulebook, known_policies
from smtpguard.lab.receiver.profile import Profile, Replies, load_profile
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.scenario.model import Scenario
from smtpguard.policy import library
from smtpguard.policy.errors import PolicyError


@pytest.mark.parametrize("name", documents.names("scenarios"))
def test_every_scenario_loads_and_its_parts_exist(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert load_profile(scenario.receiver.profile).name == scenario.receiver.profile
    domain = scenario.sender.recipients[0].rpartition("@")[2]
    assert scenario.receiver.host in {row.host for row in scenario.zones.mx[domain]}


@pytest.mark.parametrize("name", documents.names("profiles"))
def test_every_profile_loads(name: str) -> None:
    assert load_profile(name).name == name


def test_kb818222_says_what_comes_of_each_policy_of_the_issue() -> None:
    scenario = load_scenario("kb818222")
    assert {firewall: ending.outcome for firewall, ending in scenario.expects.items()} == {
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
    with pytest.raises(LabError, match="unknown profile 'exchange-2030'"):
        load_profile("exchange-2030")


def test_a_name_is_no_path() -> None:
    with pytest.raises(LabError, match="unknown profile"):
        load_profile("../profiles/exchange-2003")


def test_a_document_that_does_not_fit_names_the_field() -> None:
    with pytest.raises(LabError, match=r"^scenario x:1:1: the field 'name' is missing$"):
        documents.parse("title: t", "scenario x", Scenario)


def test_a_document_that_is_no_yaml_names_the_line() -> None:
    with pytest.raises(LabError, match=r"^profile x:2:\d+: not valid YAML: "):
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


def test_a_misspelt_field_is_told_before_the_field_that_is_missing_for_it() -> None:
    with pytest.raises(LabError, match=r"^x:1:1: naem: unknown field \(did you mean 'name'\?\)$"):
        documents.parse("naem: n\ntitle: t", "x", Scenario)


@pytest.mark.parametrize("name", documents.names("policies"))
def test_every_policy_of_the_lab_loads_and_is_known(name: str) -> None:
    assert find_rulebook(name).summary
    assert name in known_policies()
    assert name not in library.shipped()


def test_a_variant_is_found_by_the_lab_too() -> None:
    with pytest.raises(PolicyError, match="'strip-from-outside' has no variant 'x'"):
        find_rulebook("strip-from-outside:x")
    with pytest.raises(PolicyError, match=r"no policy is called 'eat-bolb' \(did you mean 'eat-blob'"):
        find_rulebook("eat-bolb:x")
