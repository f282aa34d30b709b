"""Plans as data: what they say, and what can't be planned."""

from __future__ import annotations

from typing import Any

import pytest

from smtpguard.net.plan import MARK, TABLE, Mode, PlanError, Wanted, WhenDown, plan, routing
from tests.net.namespaces import Host

TPROXY = Wanted(Mode.TPROXY, ("eth0",))


def test_a_plan_puts_what_was_wanted_on_top_of_the_ruleset() -> None:
    ruleset = plan(Wanted(Mode.TPROXY, ("eth0", "eth1"), (25, 465), 10025, WhenDown.PASS)).ruleset
    head, _, rest = ruleset.partition("\n\n")
    assert head.splitlines() == [
        'define in_interfaces = { "eth0", "eth1" }',
        "define ports = { 25, 465 }",
        "define to_port = 10025",
        f"define guard_mark = {MARK:#x}",
        "define when_down = pass",
    ]
    assert rest.index("delete table inet smtpguard") < rest.index("table inet smtpguard {")


def test_every_definition_is_used_and_every_name_is_defined() -> None:
    for mode in Mode:
        head, _, rest = plan(Wanted(mode, ("eth0",))).ruleset.partition("\n\n")
        rules = " ".join(line for line in rest.splitlines() if not line.strip().startswith("#"))
        defined = {line.split()[1] for line in head.splitlines()}
        used = {word.strip(":;")[1:] for word in rules.split() if word.strip(":;").startswith("$")}
        assert defined == used


def test_redirect_needs_no_routing_and_one_family_no_more_than_its_own() -> None:
    assert plan(Wanted(Mode.REDIRECT, ("eth0",))).routing == ()
    assert {piece.family for piece in plan(TPROXY, ("-4",)).routing} == {"-4"}
    assert [piece.command("add") for piece in routing(("-6",))] == [
        ["ip", "-6", "route", "add", "local", "::/0", "dev", "lo", "table", str(TABLE)],
        ["ip", "-6", "rule", "add", "priority", str(TABLE), "fwmark", f"{MARK:#x}/{MARK:#x}", "lookup", str(TABLE)],
    ]


def test_down_undoes_the_steps_of_up_in_the_other_order() -> None:
    steps: Any = plan(TPROXY).as_dict()
    ups = [step["command"] for step in steps["up"]]
    downs = [step["command"] for step in steps["down"]]
    assert ups[-1] == downs[0] == ["nft", "-f", "-"]
    assert [["del" if word == "add" else word for word in command] for command in reversed(ups[:-1])] == downs[1:]


@pytest.mark.real
@pytest.mark.parametrize("mode", Mode)
def test_the_script_is_one_that_a_shell_can_run(router: Host, mode: Mode) -> None:
    before = router.network()
    script = plan(Wanted(mode, ("in0",))).as_script()
    router.run("sh", given=script)
    assert "inet smtpguard" in router.network()
    undo = [line.removeprefix("#   ") for line in script.splitlines() if line.startswith("#   ")]
    router.run("sh", "-e", given="\n".join(undo))
    assert router.network() == before


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"ports": (25, 0)}, "--ports 0: no port"),
        ({"to_port": 65536}, "--to-port 65536: no port"),
        ({"ports": ()}, "at least one port"),
        ({"interfaces": ()}, "at least one port and one interface"),
        ({"ports": (25, 2525)}, "2525 can't be both"),
        ({"interfaces": ("eth0", "lo")}, "--in lo: it carries the guard's own connections"),
        ({"interfaces": ('x" }; flush',)}, "no interface has such a name"),
        ({"interfaces": ("eth*",)}, "no interface has such a name"),
        ({"interfaces": ("sixteen-letters-",)}, "no interface has such a name"),
        ({"mode": Mode.REDIRECT, "when_down": WhenDown.PASS}, "redirect can't let mail pass"),
    ],
)
def test_what_makes_no_sense_is_one_line(wanted: dict[str, Any], expected: str) -> None:
    with pytest.raises(PlanError, match=expected) as caught:
        Wanted(**{"mode": Mode.TPROXY, "interfaces": ("eth0",), **wanted})
    assert "\n" not in str(caught.value)
