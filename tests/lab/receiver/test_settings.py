"""What a scenario may say of its receiver."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from smtpguard.lab.receiver.settings import ReceiverSettings

LEAST = {"host": "mx1.example.net", "domains": ["example.net"]}


def test_the_least_that_must_be_said() -> None:
    settings = ReceiverSettings.model_validate(LEAST)
    assert (settings.profile, settings.strangers_may_xexch50, settings.users) == ("exchange-2003", True, {})


@pytest.mark.parametrize(
    "wrong",
    [{"host": ""}, {"domains": []}, {"unregistered": ["kernel32.dll"]}, {"authenticate_first": True}],
)
def test_what_is_not_taken(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReceiverSettings.model_validate(LEAST | wrong)


@pytest.mark.parametrize("users", [{"a:b": "x"}, {"a": "x:y"}, {"a": "x\ny"}, {"a\x85b": "x"}, {"": "x"}, {"a": ""}])
def test_accounts_that_the_ntlm_acceptor_would_misread(users: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="no colon and no line end"):
        ReceiverSettings.model_validate(LEAST | {"users": users})
