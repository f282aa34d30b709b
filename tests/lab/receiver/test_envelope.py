"""Paths and parameters of MAIL and RCPT."""

from __future__ import annotations

import pytest

from smtpguard.lab.receiver.envelope import Path, read_path

MAIL = {"SIZE", "BODY", "RET", "ENVID", "AUTH"}


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        (b"FROM:<a@b.example>", "a@b.example"),
        (b"from: a@b.example", "a@b.example"),
        (b"FROM:<>", ""),
        (b'FROM:<"a>b c"@b.example>', '"a>b c"@b.example'),
        (b"FROM:<@relay.example:a@b.example>", "a@b.example"),
    ],
)
def test_paths(argument: bytes, address: str) -> None:
    assert read_path("MAIL", argument, MAIL) == Path(address)


def test_parameters_are_remembered_as_they_came() -> None:
    path = read_path("MAIL", b"FROM:<a@b.example> size=1460 BODY=BinaryMime RET=HDRS ENVID=QQ314159 AUTH=<>", MAIL)
    assert path is not None
    assert path.parameters == {"SIZE": "1460", "BODY": "BinaryMime", "RET": "HDRS", "ENVID": "QQ314159", "AUTH": "<>"}
    path = read_path("RCPT", b"TO:<b@c.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@c.example", {"NOTIFY", "ORCPT"})
    assert path is not None
    assert path.parameters["NOTIFY"] == "SUCCESS,DELAY"


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"TO:<a@b.example>",
        b"FROM:<a@b.example",
        b"FROM:<a@b.example> SIZE=x",
        b"FROM:<a@b.example> SIZE",
        b"FROM:<a@b.example> SIZE=1 SIZE=2",
        b"FROM:<a@b.example> BODY=9BIT",
        b"FROM:<a@b.example> RET=ALL",
        b"FROM:<a@b.example> SMTPUTF8",
        b"FROM:<a@b.example>SIZE=1",
    ],
)
def test_what_is_wrong_is_none(argument: bytes) -> None:
    assert read_path("MAIL", argument, MAIL) is None


def test_a_parameter_that_is_not_offered_is_none() -> None:
    assert read_path("MAIL", b"FROM:<a@b.example> SIZE=1", {"RET"}) is None
