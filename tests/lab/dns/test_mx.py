"""One row of an MX lookup."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from smtpguard.lab.dns.mx import Exchanger


@pytest.mark.parametrize("wrong", [{"preference": -1}, {"preference": 65_536}, {"host": ""}, {"weight": 1}])
def test_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Exchanger.model_validate({"preference": 10, "host": "mx1.example.net"} | wrong)
