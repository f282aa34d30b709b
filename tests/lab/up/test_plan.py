"""What ``lab up`` is to bring up: speed, the firewall chosen, and wishes that contradict each other."""

from __future__ import annotations

import pytest

from smtpguard.lab.errors import LabError
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.up.plan import Wanted, faster, plan

KB818222 = load_scenario("kb818222")
PLACE = ("127.0.0.1", 2525)


def test_the_senders_figures_are_divided() -> None:
    quick = faster(Schedule(), 60)
    assert (quick.timeout, quick.glitch_retry, quick.retries) == (10, 1, (15, 30, 60, 240))
    assert (quick.delay_notice, quick.expiry) == (720, 2880)
    counts = ("glitch_retries", "messages_per_connection", "problem_failures", "attempts_at_most")
    assert {name: getattr(quick, name) for name in counts} == {name: getattr(Schedule(), name) for name in counts}


def test_speed_one_changes_nothing() -> None:
    assert faster(Schedule(), 1) == Schedule()


@pytest.mark.parametrize(("timeout", "left"), [(600, 1), (1.5, 1), (0.25, 0.25)])
def test_a_silent_peer_gets_its_second_unless_the_scenario_gives_less(timeout: float, left: float) -> None:
    assert faster(Schedule(timeout=timeout), 100_000).timeout == left


def test_the_firewall_is_the_scenarios_unless_another_is_wanted() -> None:
    assert plan(KB818222, Wanted()).firewall == "eat-blob"
    assert plan(KB818222, Wanted(firewall="pass")).firewall == "pass"
    none = plan(KB818222, Wanted(firewall="none"))
    assert (none.firewall, none.rulebook) == ("none", None)
    elsewhere = plan(KB818222, Wanted(firewall_at=PLACE))
    assert (elsewhere.firewall, elsewhere.rulebook) == ("none", None)


def test_the_plan_runs_at_the_speed() -> None:
    assert plan(KB818222, Wanted(speed=2)).scenario.schedule == faster(KB818222.schedule, 2)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Wanted(firewall_at=PLACE, firewall="pass"), "--firewall-at puts a firewall of your own"),
        (Wanted(firewall_at=PLACE, receiver_at=PLACE), "leave --receiver out"),
        (Wanted(firewall_at=PLACE, listen=PLACE), "--listen is the firewall's"),
        (Wanted(firewall="none", listen=PLACE), "--listen is the firewall's"),
        (Wanted(receiver_at=PLACE, receiver_listen=PLACE), "leave --receiver-listen out"),
        (Wanted(sender=False, sender_port=25), "--no-sender leaves it out"),
        (Wanted(sender=False, receiver_at=PLACE, firewall="none"), "leaves no host to bring up"),
    ],
)
def test_contradictions(wanted: Wanted, complaint: str) -> None:
    with pytest.raises(LabError, match=complaint):
        plan(KB818222, wanted)
