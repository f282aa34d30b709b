"""Load: what is held, who is too slow, when it is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from smtpguard.relay.load import Load
from smtpguard.relay.session import RelaySession
from smtpguard.relay.settings import FailureSettings, LimitSettings, RelaySettings


@dataclass(eq=False)
class One:
    """As much of a session as is looked at."""

    held: int = 0
    payload_octets: int | None = None


def look(load: Load, sessions: list[One], settings: RelaySettings, now: float = 0.0, lag: float = 0.0) -> list[One]:
    return cast("list[One]", load.look(cast("list[RelaySession]", sessions), settings, now, lag))


def test_what_is_held_is_added_up_and_bounded() -> None:
    load = Load()
    settings = RelaySettings(limits=LimitSettings(octets_held=100_000))
    look(load, [One(60_000), One(40_000)], settings)
    assert (load.held, load.overload) == (100_000, "")
    look(load, [One(60_000), One(40_001)], settings)
    assert load.overload == "octets_held"
    look(load, [], settings)
    assert (load.held, load.overload) == (0, "")


def test_a_loop_that_lags() -> None:
    load = Load()
    settings = RelaySettings(failure=FailureSettings(lag=0.5))
    look(load, [], settings, lag=0.6)
    assert load.overload == "lag"
    look(load, [], settings, lag=0.1)
    assert load.overload == ""


def test_who_sends_a_payload_too_slowly() -> None:
    load = Load()
    settings = RelaySettings(limits=LimitSettings(payload_rate=10, payload_seconds=5))
    slow, fast, idle = One(payload_octets=100), One(payload_octets=100), One()
    everyone = [slow, fast, idle]
    assert look(load, everyone, settings, 0.0) == []
    slow.payload_octets, fast.payload_octets = 149, 150
    assert look(load, everyone, settings, 4.9) == []
    assert look(load, everyone, settings, 5.0) == [slow]
    assert look(load, [fast, idle], settings, 9.0) == []
    assert look(load, [fast, idle], settings, 10.0) == [fast]


def test_a_limit_that_was_lifted_meanwhile_is_measured_anew() -> None:
    load = Load()
    settings = RelaySettings(limits=LimitSettings(payload_rate=10, payload_seconds=5))
    slow = One(payload_octets=100)
    look(load, [slow], settings, 0.0)
    look(load, [slow], RelaySettings(), 1.0)
    assert look(load, [slow], settings, 100.0) == []
    assert look(load, [slow], settings, 105.0) == [slow]


def test_a_payload_that_ended_is_measured_anew() -> None:
    load = Load()
    settings = RelaySettings(limits=LimitSettings(payload_rate=10, payload_seconds=5))
    one = One(payload_octets=100)
    look(load, [one], settings, 0.0)
    one.payload_octets = None
    look(load, [one], settings, 3.0)
    one.payload_octets = 100
    assert look(load, [one], settings, 6.0) == []
    assert look(load, [one], settings, 11.0) == [one]
