"""``up`` and ``down`` on a router of the test's own: they may be gone twice, from halfway, and leave nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from smtpguard.net.plan import MARK, TABLE, UNDO_RULESET, Mode, Wanted, WhenDown, plan
from tests.net.namespaces import PATH, SMTPGUARD, Host, unprivileged

pytestmark = pytest.mark.real


def up(router: Host, mode: Mode, *options: str) -> str:
    return router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0", *options)


def refusal(router: Host, *command: str) -> str:
    """The one line with which smtpguard ends."""
    done = router.attempt(*command)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("smtpguard: ")
    return line


@pytest.mark.parametrize("mode", Mode)
def test_down_leaves_nothing_and_up_again_changes_nothing(router: Host, mode: Mode) -> None:
    before = router.network()
    up(router, mode)
    during = router.network()
    assert during != before
    up(router, mode)
    assert router.network() == during
    router.run(SMTPGUARD, "net", "down")
    assert router.network() == before
    assert "nothing to remove" in router.run(SMTPGUARD, "net", "down")
    assert router.network() == before


def test_another_up_takes_the_place_of_the_first(router: Host) -> None:
    up(router, Mode.REDIRECT)
    redirected = router.network()
    up(router, Mode.TPROXY, "--when-down", "pass", "--ports", "25")
    assert "goto pass" in router.network()
    assert "587" not in router.network()
    up(router, Mode.REDIRECT)
    assert router.network() == redirected


def test_down_leaves_nothing_of_an_up_that_was_broken_off_anywhere(router: Host) -> None:
    before = router.network()
    chosen = plan(Wanted(Mode.TPROXY, ("in0",)))
    for count in range(len(chosen.routing) + 1):
        for piece in chosen.routing[:count]:
            router.run(*piece.command("add"))
        assert "removed" in router.run(SMTPGUARD, "net", "down") or count == 0
        assert router.network() == before
    # And of a `down` that was: the table gone, some routing not.
    up(router, Mode.TPROXY)
    router.run("nft", "-f", "-", given=UNDO_RULESET)
    router.run(*chosen.routing[-1].command("del"))
    router.run(SMTPGUARD, "net", "down")
    assert router.network() == before


def test_down_touches_nobody_elses(router: Host) -> None:
    router.run("nft", "add", "table", "inet", "other")
    router.run("ip", "rule", "add", "priority", str(TABLE), "fwmark", "0x1", "lookup", "main")
    router.run("ip", "rule", "add", "priority", "77", "fwmark", f"{MARK:#x}/{MARK:#x}", "lookup", "main")
    before = router.network()
    up(router, Mode.TPROXY)
    router.run(SMTPGUARD, "net", "down")
    assert router.network() == before


def test_a_routing_table_of_somebody_else_is_refused(router: Host) -> None:
    router.run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2", "table", str(TABLE))
    before = router.network()
    line = refusal(router, SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0")
    assert f"routing table {TABLE}" in line
    assert router.network() == before
    router.run(SMTPGUARD, "net", "down")
    assert router.network() == before


@pytest.fixture
def taken(router: Host) -> Iterator[Host]:
    """A router whose table inet smtpguard belongs to a program that still runs: nobody else may change it."""
    owner = subprocess.Popen(
        router.inside("nft", "-i"), env={"PATH": PATH}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        owner.stdin.write("add table inet smtpguard { flags owner; }\nlist tables\n")
        owner.stdin.flush()
        while "smtpguard" not in owner.stdout.readline():
            assert owner.poll() is None
        yield router
    finally:
        owner.kill()
        owner.communicate(timeout=10)


def test_an_up_that_fails_takes_back_what_it_did(taken: Host) -> None:
    before = taken.network()
    line = refusal(taken, SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0")
    assert "nft: " in line
    assert "Operation not permitted" in line
    assert taken.network() == before


@pytest.mark.parametrize("mode", Mode)
def test_the_capability_is_enough_and_root_is_not_needed(router: Host, mode: Mode) -> None:
    before = router.network()
    alone = unprivileged("net_admin")
    router.run(*alone, SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    assert router.network() != before
    router.run(*alone, SMTPGUARD, "net", "down")
    assert router.network() == before


@pytest.mark.parametrize("command", [("up", "--mode", "tproxy", "--in", "in0"), ("down",)])
def test_without_the_capability(router: Host, command: tuple[str, ...]) -> None:
    before = router.network()
    line = refusal(router, *unprivileged("net_raw"), SMTPGUARD, "net", *command)
    assert "CAP_NET_ADMIN" in line
    assert router.network() == before


def test_an_interface_that_is_not_there(router: Host) -> None:
    before = router.network()
    line = refusal(router, SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0", "--in", "eth7")
    assert "eth7" in line
    assert "in0" in line
    assert router.network() == before


@pytest.mark.parametrize("command", [("up", "--mode", "redirect", "--in", "in0"), ("down",)])
def test_without_nft(router: Host, command: tuple[str, ...]) -> None:
    """`ip netns exec` has given the command a view of the files of its own, in which nft can be covered."""
    hidden = 'mount --bind /dev/null "$(command -v nft)" && exec "$@"'
    line = refusal(router, "sh", "-c", hidden, "sh", SMTPGUARD, "net", *command)
    assert "nft is not installed; install the package nftables" in line


def test_a_kernel_without_tproxy(router: Host, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A kernel that lacks it can't be had here: this nft says what the real one says of ENOENT."""
    stand_in = tmp_path_factory.mktemp("bin") / "nft"
    stand_in.write_text(
        "#!/bin/sh\ncat >/dev/null\n"
        "echo '/dev/stdin:35:3-40: Error: Could not process rule: No such file or directory' >&2\n"
        "echo '    tproxy ip to :$to_port' >&2\nexit 1\n"
    )
    stand_in.chmod(0o755)
    before = router.network()
    covered = f'mount --bind {stand_in} "$(command -v nft)" && exec "$@"'
    line = refusal(router, "sh", "-c", covered, "sh", SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0")
    assert "this kernel seems to lack what tproxy needs (nft_tproxy" in line
    assert router.network() == before


def test_without_ipv6_the_other_family_is_served(router: Host) -> None:
    router.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.lo.disable_ipv6=1")
    before = router.network()
    up(router, Mode.TPROXY, "--when-down", WhenDown.REFUSE)
    assert str(TABLE) in router.run("ip", "-4", "rule")
    router.run(SMTPGUARD, "net", "down")
    assert router.network() == before
