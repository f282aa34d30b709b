"""What a host has, asked on this one and on a router of the test's own."""

from __future__ import annotations

import json
import sys

import pytest

from smtpguard.net import host
from smtpguard.net.host import HostError
from tests.net.namespaces import Host, unprivileged

ASK = "import json; from smtpguard.net import host; print(json.dumps([host.families(), host.not_forwarding()]))"


def test_a_program_is_found_also_where_sbin_is_not_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(host, "_SBIN", "/bin:/usr/bin")
    monkeypatch.setitem(host.PACKAGES, "sh", "dash")
    assert host.program("sh").endswith("bin/sh")
    monkeypatch.setattr(host, "_SBIN", "/nowhere")
    with pytest.raises(HostError, match="sh is not installed; install the package dash"):
        host.program("sh")


def test_an_unknown_interface() -> None:
    host.require_interface("lo")
    with pytest.raises(HostError, match="there is no interface sg-nowhere here"):
        host.require_interface("sg-nowhere")


@pytest.mark.real
def test_families_and_forwarding(router: Host) -> None:
    assert json.loads(router.run(sys.executable, "-c", ASK)) == [
        ["-4", "-6"],
        ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"],
    ]
    router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.lo.disable_ipv6=1")
    assert json.loads(router.run(sys.executable, "-c", ASK)) == [["-4"], []]


@pytest.mark.real
def test_where_a_sandbox_hides_what_the_kernel_knows_nothing_is_left_out(router: Host) -> None:
    """`ip netns exec` has given the command a view of the files of its own."""
    hidden = 'mount -t tmpfs tmpfs /proc/sys && exec "$@"'
    assert json.loads(router.run("sh", "-c", hidden, "sh", sys.executable, "-c", ASK)) == [["-4", "-6"], []]


@pytest.mark.real
def test_the_capability(router: Host) -> None:
    ask = "from smtpguard.net import host; host.require_net_admin()"
    router.run(*unprivileged("net_admin"), sys.executable, "-c", ask)
    refused = router.attempt(*unprivileged("net_raw"), sys.executable, "-c", ask)
    assert "CAP_NET_ADMIN" in refused.stderr
    assert refused.returncode == 1
