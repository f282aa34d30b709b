"""A plan carried out and undone by ``ip`` and ``nft``. Both ways may be gone twice, or from halfway.

``up`` adds the routing that is missing and then loads the ruleset in one transaction, which takes the place of an older
one; where it fails, it takes back what it added itself. ``down`` deletes the table, then whatever routing of ours it
finds. Both raise HostError with what the program said. The routing table is ours alone: ``up`` refuses one that holds
another's route, ``down`` leaves that route where it is.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from smtpguard.net import host
from smtpguard.net.host import HostError
from smtpguard.net.plan import MARK, TABLE, UNDO_RULESET, Mode, Plan, Routing, Wanted, plan, routing

_SECONDS = 30
_RULES_AT_MOST = 64
"""Copies of one rule that ``down`` removes, so that it ends even where another program adds them."""


def up(wanted: Wanted) -> Plan:
    """Turn the connections to the guard. Returns the plan that is in force now; raises HostError."""
    _require()
    for name in wanted.interfaces:
        host.require_interface(name)
    chosen = plan(wanted, host.families())
    added: list[Routing] = []
    try:
        for piece in chosen.routing:
            if not _present(piece):
                _ip(piece.command("add"))
                added.append(piece)
        _nft(chosen.ruleset, wanted.mode)
    except HostError:
        for piece in reversed(added):
            _ip(piece.command("del"))
        raise
    if not chosen.routing:  # an older plan may have had some
        _unroute()
    return chosen


def down() -> bool:
    """Leave nothing of ours. Returns whether there was anything; raises HostError."""
    _require()
    there = _run(["nft", "list", "table", "inet", "smtpguard"]).returncode == 0
    _nft(UNDO_RULESET, None)
    return _unroute() or there


def _require() -> None:
    host.program("nft")
    host.program("ip")
    host.require_net_admin()


def _unroute() -> bool:
    removed = False
    for piece in reversed(routing(host.known_families())):
        for _ in range(_RULES_AT_MOST):
            if not _ours(piece):
                break
            _ip(piece.command("del"))
            removed = True
    return removed


def _present(piece: Routing) -> bool:
    """Whether it is there already. Raises HostError where the routing table belongs to somebody else."""
    ours = _ours(piece)
    if piece.kind == "route" and len(_shown(piece)) > len(ours):
        raise HostError(f"routing table {TABLE} holds routes that are not smtpguard's; move them to another table")
    return bool(ours)


def _ours(piece: Routing) -> list[dict[str, Any]]:
    return [entry for entry in _shown(piece) if (_is_our_rule if piece.kind == "rule" else _is_our_route)(entry)]


def _is_our_rule(entry: dict[str, Any]) -> bool:
    return entry.get("priority") == TABLE and entry.get("fwmark") == entry.get("fwmask") == f"{MARK:#x}"


def _is_our_route(entry: dict[str, Any]) -> bool:
    return (entry.get("type"), entry.get("dst"), entry.get("dev")) == ("local", "default", "lo")


def _shown(piece: Routing) -> list[dict[str, Any]]:
    which = ["table", str(TABLE)] if piece.kind == "route" else []
    done = _run(["ip", "-j", piece.family, piece.kind, "show", *which])
    if done.returncode != 0:
        if "does not exist" in done.stderr:  # a table that never held a route
            return []
        raise HostError(f"ip {piece.kind} show: {_last_line(done.stderr)}")
    entries: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return entries


def _ip(command: list[str]) -> None:
    done = _run(command)
    if done.returncode != 0:
        raise HostError(f"{' '.join(command)}: {_last_line(done.stderr)}")


def _nft(ruleset: str, mode: Mode | None) -> None:
    done = _run(["nft", "-f", "-"], ruleset)
    if done.returncode == 0:
        return
    said = next((line for line in done.stderr.splitlines() if "rror" in line), done.stderr.strip())
    # Of an expression that it lacks, and has no module for, the kernel says ENOENT.
    lacks = mode is not None and "No such file or directory" in done.stderr
    hint = f"; this kernel seems to lack what {mode} needs (nft_{_MODULES[mode]})" if lacks and mode else ""
    raise HostError(f"nft: {said.strip()}{hint}")


_MODULES = {Mode.TPROXY: "tproxy, nft_socket, nft_fib_inet, nft_reject_inet", Mode.REDIRECT: "redir"}


def _run(command: list[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - the two programs above, with arguments of ours
            [host.program(command[0]), *command[1:]],
            input=given if given is not None else "",
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{command[0]} did not end within {_SECONDS} s") from None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it failed without a word"])[-1]
