"""`smtpguard analyze` against hosts that can't be tested, on a real clock: one clear finding, status 3, and an end."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smtpguard.cli.main import run
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.receiver.certificates import server_context
from tests.analyzer.test_session import BANNER, babbling, closing, dripping, saying, silent
from tests.lab.hosts import Serve

STEP = 0.4  # seconds for each step


@contextmanager
def listening(serve: Serve, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, int]]:
    """The ports of a server in a thread of its own, and of a DNS server that knows only what fails."""
    ready = threading.Event()
    ports: list[int] = []
    leave: list[Callable[[], object]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def live() -> None:
        done = asyncio.Event()
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        names = DnsServer(Zones(servfail=frozenset({"broken.example"}), silent=frozenset({"silent.example"})))
        await names.start()
        ports.extend((server.sockets[0].getsockname()[1], names.address[1]))
        loop = asyncio.get_running_loop()
        leave.append(lambda: loop.call_soon_threadsafe(done.set))
        ready.set()
        await done.wait()
        server.close()
        await names.stop()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(20)
    try:
        yield ports[0], ports[1]
    finally:
        leave[0]()
        thread.join(20)


SERVERS = {
    "silent": (silent, "silent-server"),
    "closes at once": (closing, "closing-server"),
    "half a banner": (saying(b"220 mx1"), "silent-server"),
    "an octet at a time": (dripping(b"220-mx1\r\n", 0.05), "silent-server"),
    "a line without end": (babbling(b"x" * 1000), "babbling-server"),
    "a banner without end": (babbling(b"220-hello\r\n" * 100), "babbling-server"),
    "a list without end": (babbling(b"250-FOO\r\n" * 100, BANNER, b"\r\n"), "babbling-server"),
    "no SMTP": (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "not-smtp"),
}


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], float]:
    """Exit status, the rules that found something, and how long it took."""
    began = time.monotonic()
    status = run(["analyze", *arguments, "--timeout", str(STEP), "--format", "json"])
    seconds = time.monotonic() - began
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, [finding["rule"] for finding in json.loads(out)["findings"]], seconds


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_cannot_be_tested(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    serve, rule = SERVERS[kind]
    with listening(serve) as (port, _):
        status, rules, seconds = outcome(capsys, f"127.0.0.1:{port}")
    assert (status, rules) == (3, [rule])
    assert seconds < 10  # some steps of STEP seconds, on a machine that has more to do


def test_a_port_that_speaks_tls_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(silent, server_context("mx1.example.net")) as (port, _):
        status, rules, _ = outcome(capsys, f"127.0.0.1:{port}")
    assert (status, rules) == (3, ["tls-only-port"])


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("unknown.example", "unresolvable-host"),
        ("broken.example", "dns-failure"),
        ("silent.example", "dns-failure"),
        ("[silent.example]", "dns-failure"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    with listening(silent) as (port, names):
        status, rules, seconds = outcome(capsys, f"{name}:{port}", "--resolver", f"127.0.0.1:{names}")
    assert (status, rules) == (3, [rule])
    assert seconds < 10


def test_a_name_that_this_system_does_not_know_is_one_finding(capsys: pytest.CaptureFixture[str]) -> None:
    status, rules, _ = outcome(capsys, "no-such-host")
    assert status == 3
    assert rules in (["unresolvable-host"], ["dns-failure"])
