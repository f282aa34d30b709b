"""Client, router and a real Postfix in three network namespaces: mail that the router turns to the guard, and back.

The guard runs as nobody, with the one capability that its mode takes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import pytest

from smtpguard.net.plan import MARK
from smtpguard.relay.interception import Intercept
from tests.net import namespaces
from tests.net.namespaces import SMTPGUARD, Host, unprivileged
from tests.net.path import CLIENT, ROUTER_INSIDE, ROUTER_OUTSIDE, SERVER, Path, three_hosts
from tests.real.contents import message, stuffed
from tests.real.guard_process import GuardProcess, select
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.private_server import DOMAIN, until
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

FAMILIES = ("ipv4", "ipv6")
RIGHTS = {Intercept.TPROXY: ("net_admin",), Intercept.REDIRECT: ()}
PORT = 2525
StartGuard = Callable[..., GuardProcess]


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    if reason := missing() or namespaces.missing("nft"):
        pytest.skip(reason)
    with three_hosts() as path:
        yield path


@pytest.fixture(scope="module")
def postfix(path: Path) -> Iterator[PrivatePostfix]:
    """On the server, port 25, both families."""
    with PrivatePostfix(path.server, tuple(SERVER.values()), 25) as instance:
        yield instance


@pytest.fixture
def start_guard(path: Path) -> Iterator[StartGuard]:
    """Gives a guard on the router; it and the router's rules are gone at the end."""
    with ExitStack() as stack:

        def start(
            mode: Intercept, *options: str, policy: str = "strip-chunking", rights: tuple[str, ...]
        ) -> GuardProcess:
            guard = GuardProcess(
                None, policy, "--intercept", mode, *options,
                listen=f"*:{PORT}", before=path.router.inside(*unprivileged(*rights)),
            )  # fmt: skip
            stack.callback(guard.close)
            return guard

        stack.callback(path.router.run, SMTPGUARD, "net", "down")
        yield start


def call(path: Path, address: str, port: int = 25) -> RawClient:
    with path.client.entered():
        return RawClient((address, port))


def send(path: Path, address: str, mailbox: str, content: bytes) -> bytes:
    """Send a message from the client; the reply to EHLO."""
    with call(path, address) as client:
        assert client.reply().startswith(b"220 ")
        offered = client.ask(b"EHLO client.example")
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(content))
        assert client.reply().startswith(b"250 ")
        client.bye()
    return offered


def news(postfix: PrivatePostfix, known: int) -> list[str]:
    return until(lambda: postfix.clients()[known:], 10, "a line in Postfix's log")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", Intercept)
def test_before_under_and_after(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard, mode: Intercept, family: str
) -> None:
    mailbox, plain = f"{uuid4().hex}@{DOMAIN}", path.router.network()
    contents = [message(200_000, seed) for seed in range(3)]

    known = len(postfix.clients())
    assert b"CHUNKING" in send(path, SERVER[family], mailbox, contents[0])
    assert news(postfix, known) == [CLIENT[family]]

    guard = start_guard(mode, rights=RIGHTS[mode])
    path.router.run(*unprivileged("net_admin"), SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    known = len(postfix.clients())
    assert b"CHUNKING" not in send(path, SERVER[family], mailbox, contents[1])
    assert news(postfix, known) == [CLIENT[family] if mode is Intercept.TPROXY else ROUTER_OUTSIDE[family]]
    [summary] = guard.sessions(1)

    path.router.run(*unprivileged("net_admin"), SMTPGUARD, "net", "down")
    assert path.router.network() == plain
    known = len(postfix.clients())
    assert b"CHUNKING" in send(path, SERVER[family], mailbox, contents[2])
    assert news(postfix, known) == [CLIENT[family]]

    journal = guard.stop()
    host = "[{}]:" if family == "ipv6" else "{}:"
    assert summary["client"].startswith(host.format(CLIENT[family]))
    assert summary["server"] == host.format(SERVER[family]) + "25"
    assert summary["messages_accepted"] == 1
    assert [line["keyword"] for line in select(journal, "keyword-stripped")] == ["CHUNKING"]
    assert len(select(journal, "session")) == 1
    assert sorted(postfix.wait_for(mailbox, 3)) == sorted(contents)


def test_the_lesser_capability_is_enough_for_transparent_sockets(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard
) -> None:
    start_guard(Intercept.TPROXY, rights=("net_raw",))
    path.router.run(SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0")
    known = len(postfix.clients())
    send(path, SERVER["ipv4"], f"{uuid4().hex}@{DOMAIN}", b"Subject: x\r\n\r\nhello\r\n")
    assert news(postfix, known) == [CLIENT["ipv4"]]


@pytest.mark.parametrize("mode", Intercept)
def test_a_transaction_ends_though_the_guard_is_stopping(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard, mode: Intercept
) -> None:
    guard = start_guard(mode, rights=RIGHTS[mode])
    path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    mailbox, content = f"{uuid4().hex}@{DOMAIN}", message(100_000, 7)
    with call(path, SERVER["ipv4"]) as client:
        client.greet()
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(content)[:50_000])
        guard.terminate()
        guard.wait_for(lambda lines: select(lines, "stopping"), 10, "stopping")
        # Nobody listens any more: a new client is refused, not left waiting.
        with pytest.raises(ConnectionRefusedError):
            call(path, SERVER["ipv4"])
        client.send(stuffed(content)[50_000:])
        assert client.reply().startswith(b"250 ")
    guard.stop()
    assert postfix.wait_for(mailbox, 1) == [content]


@pytest.mark.parametrize("mode", Intercept)
def test_a_session_goes_on_while_up_is_run_again(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard, mode: Intercept
) -> None:
    guard = start_guard(mode, rights=RIGHTS[mode])
    path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    mailbox = f"{uuid4().hex}@{DOMAIN}"
    with call(path, SERVER["ipv4"]) as client:
        client.greet()
        client.envelope(mailbox)
        path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0", "--ports", "25")
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(b"Subject: on\r\n\r\nand on\r\n"))
        assert client.reply().startswith(b"250 ")
        client.bye()
    [summary] = guard.sessions(1)
    assert summary["messages_accepted"] == 1


@pytest.mark.parametrize("mode", Intercept)
def test_many_at_once_by_two_workers_on_a_router_that_filters_as_strictly_as_it_can(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard, mode: Intercept
) -> None:
    """Strict reverse-path filtering, and a firewall that lets in what docs/interception.md asks for, and no more."""
    mark = f"{MARK:#x}"
    allowed = {
        Intercept.TPROXY: f"meta mark & {mark} == {mark} accept",
        Intercept.REDIRECT: f"tcp dport {PORT} accept; add rule inet wall in ct state established accept",
    }[mode]
    wall = "add chain inet wall in { type filter hook input priority 0; policy drop; }"
    rp_filter = ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.in0.rp_filter", "net.ipv4.conf.out0.rp_filter")
    guard = start_guard(mode, "--workers", "2", rights=RIGHTS[mode])
    path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    path.router.run("nft", "-f", "-", given=f"add table inet wall; {wall}; add rule inet wall in {allowed}\n")
    path.router.run("sysctl", "-q", "-w", *(f"{name}=1" for name in rp_filter))
    mailbox = f"{uuid4().hex}@{DOMAIN}"
    try:
        with ThreadPoolExecutor(16) as pool:
            for sent in [pool.submit(send, path, SERVER["ipv4"], mailbox, message(5_000, seed)) for seed in range(64)]:
                assert b"CHUNKING" not in sent.result(60)
    finally:
        path.router.run("sysctl", "-q", "-w", *(f"{name}=0" for name in rp_filter))
        path.router.run("nft", "delete", "table", "inet", "wall")
    assert len(guard.sessions(64)) == 64
    assert len(postfix.wait_for(mailbox, 64)) == 64


def test_while_no_guard_listens_mail_passes_where_that_was_asked_for(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard
) -> None:
    guard = start_guard(Intercept.TPROXY, rights=("net_admin",))
    path.router.run(SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0", "--when-down", "pass")
    mailbox = f"{uuid4().hex}@{DOMAIN}"
    assert b"CHUNKING" not in send(path, SERVER["ipv4"], mailbox, b"Subject: 1\r\n\r\nseen\r\n")
    guard.stop()
    assert b"CHUNKING" in send(path, SERVER["ipv4"], mailbox, b"Subject: 2\r\n\r\nunseen\r\n")
    postfix.wait_for(mailbox, 2)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", Intercept)
def test_whoever_calls_the_guard_itself_is_refused_and_recorded(
    path: Path, start_guard: StartGuard, mode: Intercept, family: str
) -> None:
    guard = start_guard(mode, rights=RIGHTS[mode])
    path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    with call(path, ROUTER_INSIDE[family], PORT) as client:
        assert client.reply().startswith(b"421 ")
    guard.sessions(1)
    [refused] = select(guard.stop(), "loop-refused")
    assert CLIENT[family] in refused["client"]
    assert "own port was called" in refused["reason"]


@pytest.mark.parametrize("mode", Intercept)
def test_with_an_upstream_it_serves_those_who_call_it(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard, mode: Intercept
) -> None:
    guard = start_guard(mode, "--upstream", f"{SERVER['ipv4']}:25", rights=RIGHTS[mode])
    path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
    known = len(postfix.clients())
    for address, port in ((ROUTER_INSIDE["ipv4"], PORT), (SERVER["ipv4"], 25)):
        with call(path, address, port) as client:
            assert client.reply().startswith(b"220 ")
            assert b"CHUNKING" not in client.ask(b"EHLO client.example")
            client.bye()
    kept = CLIENT["ipv4"] if mode is Intercept.TPROXY else ROUTER_OUTSIDE["ipv4"]
    until(lambda: len(postfix.clients()) == known + 2, 10, "two connections")
    assert postfix.clients()[known:] == [ROUTER_OUTSIDE["ipv4"], kept]
    assert select(guard.stop(), "loop-refused") == []


def test_a_server_that_is_not_there_is_a_421(path: Path, start_guard: StartGuard) -> None:
    guard = start_guard(Intercept.TPROXY, rights=("net_admin",))
    path.router.run(SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0")
    with call(path, SERVER["ipv4"], 587) as client:
        assert client.reply().startswith(b"421 4.4.1 ")
    guard.sessions(1)
    [refused] = select(guard.stop(), "upstream-refused")
    assert refused["upstream"] == f"{SERVER['ipv4']}:587"
    assert "refused" in refused["error"]


def test_a_rule_that_turns_the_guards_own_connections_back_is_refused_and_recorded(
    path: Path, postfix: PrivatePostfix, start_guard: StartGuard
) -> None:
    """A rule of the administrator's own, on what this host itself sends, that forgot the guard."""
    too_wide = "add chain inet wide out { type nat hook output priority -100; }; add rule inet wide out tcp dport 25"
    path.router.run("nft", "-f", "-", given=f"add table inet wide; {too_wide} redirect to :{PORT}\n")
    try:
        guard = start_guard(Intercept.REDIRECT, rights=())
        path.router.run(SMTPGUARD, "net", "up", "--mode", "redirect", "--in", "in0")
        with call(path, SERVER["ipv4"]) as client:
            assert client.reply().startswith(b"421 ")
        guard.sessions(2)
        journal = guard.stop()
    finally:
        path.router.run("nft", "delete", "table", "inet", "wide")
    [refused] = select(journal, "loop-refused")
    assert "turned back" in refused["reason"]
    assert len(select(journal, "session")) == 2


def refusal(host: Host, *command: str) -> str:
    done = subprocess.run(
        host.inside(*command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("smtpguard: ")
    return line


def test_tproxy_without_the_capability_is_one_line(path: Path) -> None:
    serve = (SMTPGUARD, "serve", "--listen", f"*:{PORT}", "--policy", "pass", "--intercept", "tproxy")
    assert "CAP_NET_ADMIN" in refusal(path.router, *unprivileged("net_bind_service"), *serve)
