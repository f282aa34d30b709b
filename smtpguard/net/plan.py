"""What ``smtpguard net up`` does to a host, as data: a ruleset for nft, and pieces of routing for ip.

Pure: nothing here looks at the host. The rulesets themselves stand in ``rulesets/``, one a mode; a plan puts nft's own
``define`` lines on top. The mark, the routing table and its priority are the same in every plan, so that ``down`` needs
to know nothing of the ``up`` before it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files

MARK = 0x2000_0000
"""The one bit of the packet mark that means "deliver here". The others are left to whoever uses them."""

TABLE = 5325
"""The routing table, and the priority of the rule that leads there: RFC 5321's SMTP and its port."""

UNDO_RULESET = "add table inet smtpguard\ndelete table inet smtpguard\n"
"""Deletes the table in one transaction, whether it is there or not."""

LOOPBACK = "lo"

_INTERFACE = re.compile(
    r"[^\s/:\"\\*]{1,15}"
)  # what the kernel takes (dev_valid_name), less what nft would read as more


class Mode(StrEnum):
    """How connections are turned to the guard."""

    TPROXY = "tproxy"
    REDIRECT = "redirect"


class WhenDown(StrEnum):
    """What becomes of new connections while no guard listens."""

    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105 - a verdict


class PlanError(Exception):
    """What was asked for can't be planned; the text is one clear line."""


@dataclass(frozen=True)
class Wanted:
    """Which connections the guard is to get. Raises PlanError where they can't be turned to it."""

    mode: Mode
    interfaces: tuple[str, ...]
    ports: tuple[int, ...] = (25, 587)
    to_port: int = 2525
    when_down: WhenDown = WhenDown.REFUSE

    def __post_init__(self) -> None:
        for option, ports in (("--ports", self.ports), ("--to-port", (self.to_port,))):
            for port in ports:
                if not 1 <= port <= 65535:
                    raise PlanError(f"{option} {port}: no port; expected 1 to 65535")
        if not self.ports or not self.interfaces:
            raise PlanError("expected at least one port and one interface")
        if self.to_port in self.ports:
            raise PlanError(
                f"port {self.to_port} can't be both intercepted and the guard's own; choose another --to-port"
            )
        for name in self.interfaces:
            if not _INTERFACE.fullmatch(name):
                raise PlanError(f"--in {name!r}: no interface has such a name; `ip link` lists those of this host")
        if LOOPBACK in self.interfaces:
            raise PlanError(
                f"--in {LOOPBACK}: it carries the guard's own connections; name the interface that clients come from"
            )
        if self.mode is Mode.REDIRECT and self.when_down is WhenDown.PASS:
            raise PlanError("redirect can't let mail pass while no guard listens; that takes --mode tproxy")


@dataclass(frozen=True)
class Routing:
    """One piece of routing: a rule or a route of one family, as ``ip`` takes it."""

    family: str  # -4 or -6
    kind: str  # rule or route
    selector: tuple[str, ...]

    def command(self, verb: str) -> list[str]:
        """``verb`` is add or del."""
        return ["ip", self.family, self.kind, verb, *self.selector]


@dataclass(frozen=True)
class Plan:
    """``wanted``, worked out. ``up`` takes the routing first and the ruleset last; ``down`` goes the other way."""

    wanted: Wanted
    ruleset: str
    routing: tuple[Routing, ...]

    def as_dict(self) -> dict[str, object]:
        """For ``--format json``: each command as its arguments, nft's input beside it."""
        wanted = self.wanted
        load = ["nft", "-f", "-"]
        return {
            "mode": wanted.mode.value,
            "in": list(wanted.interfaces),
            "ports": list(wanted.ports),
            "to_port": wanted.to_port,
            "when_down": wanted.when_down.value,
            "up": [
                *({"command": piece.command("add")} for piece in self.routing),
                {"command": load, "input": self.ruleset},
            ],
            "down": [
                {"command": load, "input": UNDO_RULESET},
                *({"command": piece.command("del")} for piece in reversed(self.routing)),
            ],
        }

    def as_script(self) -> str:
        """A shell script that does what ``up`` does on a host where nothing is up yet; how to undo it, in comments."""
        adds = "".join(f"{shlex.join(piece.command('add'))}\n" for piece in self.routing)
        dels = "".join(f"#   {shlex.join(piece.command('del'))}\n" for piece in reversed(self.routing))
        return (
            f"set -e\n{adds}nft -f - <<'END'\n{self.ruleset}END\n\n"
            f"# To undo it: smtpguard net down, or\n#   nft delete table inet smtpguard\n{dels}"
        )


def plan(wanted: Wanted, families: tuple[str, ...] = ("-4", "-6")) -> Plan:
    """The plan for a host that has these address families."""
    template = files("smtpguard.net").joinpath("rulesets", f"{wanted.mode}.nft").read_text(encoding="utf-8")
    routed = wanted.mode is Mode.TPROXY
    return Plan(wanted, f"{_definitions(wanted)}\n{template}", routing(families) if routed else ())


def routing(families: tuple[str, ...] = ("-4", "-6")) -> tuple[Routing, ...]:
    """What delivers marked packets here whatever their address, a route and the rule that leads to it a family."""
    everywhere = {"-4": "0.0.0.0/0", "-6": "::/0"}
    table, mark = str(TABLE), f"{MARK:#x}/{MARK:#x}"
    return tuple(
        piece
        for family in families
        for piece in (
            Routing(family, "route", ("local", everywhere[family], "dev", LOOPBACK, "table", table)),
            Routing(family, "rule", ("priority", table, "fwmark", mark, "lookup", table)),
        )
    )


def _definitions(wanted: Wanted) -> str:
    interfaces = ", ".join(f'"{name}"' for name in wanted.interfaces)
    lines = [
        f"define in_interfaces = {{ {interfaces} }}",
        f"define ports = {{ {', '.join(map(str, wanted.ports))} }}",
        f"define to_port = {wanted.to_port}",
    ]
    if wanted.mode is Mode.TPROXY:
        lines += [f"define guard_mark = {MARK:#x}", f"define when_down = {wanted.when_down}"]
    return "\n".join(lines) + "\n"
