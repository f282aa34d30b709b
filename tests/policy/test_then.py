"""Words, long forms and short forms of ``then:``."""

from __future__ import annotations

import pytest

from smtpguard.policy import actions
from smtpguard.policy.actions import ACTIONS, Action
from smtpguard.policy.then import read_then


@pytest.mark.parametrize(
    ("written", "action"),
    [
        ("strip", actions.Strip()),
        ({"delay": 5}, actions.Delay(5.0)),
        ({"delay": {"seconds": 0.5}}, actions.Delay(0.5)),
        ({"slice": 1}, actions.Slice(1)),
        ({"slice": {"octets": 2, "seconds": 0.1}}, actions.Slice(2, 0.1)),
        ({"cap": 102400}, actions.Cap(102400)),
        ({"truncate": 10}, actions.Truncate(10)),
        ({"rewrite": "NOOP"}, actions.Rewrite("NOOP")),
        ({"advertise": "SIZE"}, actions.Advertise(("SIZE",))),
        ({"advertise": {"keywords": ["SIZE", "DSN"], "instead": True}}, actions.Advertise(("SIZE", "DSN"), True)),
        ({"mask": "star"}, actions.Mask("star")),
        ("close", actions.Close()),
        ({"close": 421}, actions.Close(421)),
        ({"eat": {}}, actions.Eat()),
        ("reject", actions.Reject(550, "5.7.1", "Refused by policy")),
        ({"reject": 451}, actions.Reject(451, "4.7.1", "Refused by policy")),
        ({"reject": {"code": 502, "enhanced": ""}}, actions.Reject(502, "")),
        ({"reject": {"code": 250, "text": "OK"}}, actions.Reject(250, "", "OK")),
        ({"reject": {"text": "No", "exact": True}}, actions.Reject(550, "5.7.1", "No", True)),
    ],
)
def test_forms(written: object, action: Action) -> None:
    assert read_then(written) == action


@pytest.mark.parametrize("name", [name for name in ACTIONS if name not in ("cap", "truncate", "advertise")])
def test_a_word_is_the_action_with_its_defaults(name: str) -> None:
    made = read_then(name)
    assert type(made) is ACTIONS[name]
    assert made == ACTIONS[name]()
