"""The sender's settings: defaults, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.lab.sending import settings


def test_the_defaults_are_an_exchange_server_that_uses_everything() -> None:
    usual = settings()
    assert (usual.hello, usual.content, usual.starttls, usual.authenticate) == ("EHLO", "bdat", "never", "none")
    assert (usual.pipelining, usual.split_end, usual.suppress_external, usual.messages) == (True, False, False, 1)
    assert type(usual).model_fields["blob"].default == 1020
    assert usual.uses_xexch50("example.net")


def test_the_organisation_has_no_case() -> None:
    inside = settings(suppress_external=True, internal_domains=("Example.NET",))
    assert inside.internal("example.net")
    assert inside.uses_xexch50("EXAMPLE.net")
    assert not inside.uses_xexch50("example.org")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(settings(authenticate="ntlm", user="MAIL1", password="secret"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipients": ()},
        {"recipients": ("bob",)},
        {"recipients": ("bob@example.net", "bob@example.net")},
        {"recipients": ("bob@example.net>\r\nRSET",)},
        {"address": "alice"},
        {"address": "b\u00f6b@example.com"},
        {"host": "two words"},
        {"host": ""},
        {"source": "192.0.2.1"},
        {"source": "localhost"},
        {"source": "::1"},
        {"recipients": ("bob@a..net",)},
        {"address": "alice@" + "x" * 64},
        {"internal_domains": ("a b",)},
        {"blob": 0},
        {"blob": 1_073_741_824},
        {"messages": 0},
        {"hello": "ehlo"},
        {"authenticate": "ntlm"},
        {"authenticate": "login", "user": "x"},
        {"starttls": True},
        {"unknown": 1},
    ],
)
def test_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
