"""A guard's life as an administrator sees it: reload, readiness, figures, workers, limits, and what keeps it from
starting."""

from __future__ import annotations

import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.life.processes import Receiver
from tests.real.guard_process import SMTPGUARD, GuardProcess, select
from tests.real.private_server import free_port, until
from tests.real.raw_client import RawClient
from tests.relay.redis_process import own_redis

Start = Callable[..., GuardProcess]

HIDE = "summary: hides\nrules:\n  - id: hide\n    on: keyword\n    keyword: XEXCH50\n    then: strip\n"
PASS = "summary: passes\nrules: []\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """An SMTP server that takes every message and offers XEXCH50."""
    receiver = Receiver(tmp_path)
    yield receiver.address
    receiver.kill()


@pytest.fixture
def start(server: tuple[str, int]) -> Iterator[Start]:
    """Starts guards before the server; what runs at the end is ended."""
    with ExitStack() as stack:

        def one(policy: str = "strip-xexch50", *options: str, **more: object) -> GuardProcess:
            guard = GuardProcess(server, policy, *options, **more)  # type: ignore[arg-type]
            stack.callback(guard.close)
            return guard

        yield one


def reload(pid_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SMTPGUARD, "reload", "--pid-file", str(pid_file)], capture_output=True, text=True, timeout=60, check=False
    )


def ask(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def figure(text: str, series: str) -> float:
    """The value of a series, 0 while there is none."""
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"smtpguard_{series} ")]
    return float(found[0]) if found else 0.0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_reload(start: Start, tmp_path: Path, workers: str) -> None:
    """The session in flight ends under the policy that it began with; a broken file changes nothing."""
    policy, pid_file = tmp_path / "mine.yaml", tmp_path / "guard.pid"
    policy.write_text(HIDE)
    guard = start(str(policy), "--workers", workers, "--pid-file", str(pid_file))
    with RawClient(guard.address) as before:
        assert before.reply().startswith(b"220 ")
        policy.write_text(PASS)
        done = reload(pid_file)
        assert (done.returncode, done.stdout, done.stderr) == (0, "reloaded\n", "")
        assert b"XEXCH50" not in before.ask(b"EHLO a")
        with RawClient(guard.address) as after:
            assert after.reply().startswith(b"220 ")
            assert b"XEXCH50" in after.ask(b"EHLO a")
            policy.write_text("rules: [unclosed\n")
            done = reload(pid_file)
            assert done.returncode == 1
            assert "mine.yaml" in done.stderr
            assert done.stderr.count("\n") == 1
        with RawClient(guard.address) as later:
            assert later.reply().startswith(b"220 ")
            assert b"XEXCH50" in later.ask(b"EHLO a")
    [failed] = guard.wait_for(lambda lines: select(lines, "reload-failed"), 10, "the failure")
    assert "mine.yaml" in failed["error"]
    assert "stays in force" in guard.errors()
    guard.terminate()
    guard.sessions(3)
    until(lambda: not pid_file.exists(), 20, "the pid file to go")
    done = reload(pid_file)
    assert done.returncode == 2
    assert "is a guard running?" in done.stderr


@pytest.mark.parametrize("workers", ["1", "3"])
def test_figures_health_and_readiness(start: Start, workers: str) -> None:
    guard = start("strip-xexch50", "--workers", workers, "--metrics", "127.0.0.1:0")
    address = guard.journal[0]["metrics"]
    assert ask(address, "/healthz") == (200, "ok\n")
    assert ask(address, "/readyz") == (200, "ok\n")
    for _ in range(12):
        with RawClient(guard.address) as client:
            client.greet()
            client.envelope("b@test.example")
            assert client.ask(b"DATA").startswith(b"354 ")
            client.send(b"Subject: 1 x\r\n\r\nhello\r\n.\r\n")
            assert client.code() == 250
            client.bye()
    guard.sessions(12)
    until(lambda: figure(ask(address, "/metrics")[1], 'commands_total{verb="QUIT"}') == 12, 20, "all commands")
    text = ask(address, "/metrics")[1]
    for series, wanted in (
        ("sessions_total", 12), ('messages_total{outcome="accepted"}', 12), ('commands_total{verb="EHLO"}', 12),
        ('decisions_total{action="strip",mode="enforce",rule="strip-xexch50"}', 12), ("sessions_open", 0),
        ("workers", int(workers)), ("ready", 1), ("session_seconds_count", 12), ("message_seconds_count", 12),
    ):  # fmt: skip
        assert figure(text, series) == wanted, series
    assert figure(text, "reply_seconds_count") >= 12 * 6
    assert figure(text, 'octets_total{side="client"}') > 12 * 80
    with RawClient(guard.address) as busy:
        busy.greet()
        busy.envelope("b@test.example")
        guard.terminate()
        until(lambda: ask(address, "/readyz") == (503, "the guard is stopping\n"), 10, "not ready any more")
        assert ask(address, "/healthz")[0] == 200


def test_systemd_is_told(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(20)
        guard = start(
            before=("env", f"NOTIFY_SOCKET={tmp_path / 'notify'}", "WATCHDOG_USEC=1000000"),
        )
        assert heard.recv(200).startswith(b"READY=1\nSTATUS=")
        assert heard.recv(200) == b"WATCHDOG=1"
        guard.signal(signal.SIGHUP)
        words = b""
        while b"RELOADING=1" not in words:
            words = heard.recv(200)
        while words != b"READY=1":
            words = heard.recv(200)
        guard.terminate()
        while words != b"STOPPING=1":
            words = heard.recv(200)


def test_limits_and_failures(start: Start, tmp_path: Path, server: tuple[str, int]) -> None:
    settings = tmp_path / "guard.yaml"
    settings.write_text(
        f"limits: {{client_sessions: 2}}\nfailure: {{second_upstream: '{server[0]}:{server[1]}', connect: 5}}\n"
    )
    guard = start("strip-xexch50", "--config", str(settings))
    with RawClient(guard.address) as first, RawClient(guard.address) as second:
        first.greet()
        second.greet()
        with RawClient(guard.address) as third:
            assert third.reply().startswith(b"421 4.7.0 ")
        [refused] = select(
            guard.wait_for(lambda lines: lines if select(lines, "session-refused") else [], 5, "it"), "session-refused"
        )
        assert refused["limit"] == "client_sessions"


def test_the_second_upstream(tmp_path: Path, server: tuple[str, int]) -> None:
    """The first answers when the guard starts, and no more afterwards."""
    settings = tmp_path / "guard.yaml"
    settings.write_text(f"failure: {{second_upstream: '{server[0]}:{server[1]}', connect: 5}}\n")
    with socket.create_server(("127.0.0.1", 0)) as first:
        address = first.getsockname()[:2]
        guard = GuardProcess(address, "pass", "--config", str(settings))
    try:
        with RawClient(guard.address) as client:
            client.greet()
            client.bye()
        [summary] = guard.sessions(1)
        assert summary["server"] == f"{server[0]}:{server[1]}"
        assert len(select(guard.journal, "upstream-second")) == 1
    finally:
        guard.close()


def test_what_keeps_it_from_starting(server: tuple[str, int], tmp_path: Path) -> None:
    upstream = f"{server[0]}:{server[1]}"
    nobody = free_port()
    redis_down = tmp_path / "redis.yaml"
    redis_down.write_text(f"limits: {{client_sessions: 5, store: 'redis://:secret@127.0.0.1:{nobody}/0'}}\n")
    no_redis = tmp_path / "no.yaml"
    no_redis.write_text("limits: {client_sessions: 5, store: 'http://127.0.0.1'}\n")
    bad_second = tmp_path / "second.yaml"
    bad_second.write_text("failure: {second_upstream: nowhere}\n")
    bad_number = tmp_path / "number.yaml"
    bad_number.write_text("limits: {client_rate: 0}\n")
    taken = upstream
    for words, options in (
        (f"--metrics {taken}: can't listen", ("--metrics", taken)),
        ("limits.store: redis://127.0.0.1", ("--config", str(redis_down))),
        ("limits.store: redis://127.0.0.1", ("--config", str(redis_down), "--workers", "2")),
        ("no address of a Redis", ("--config", str(no_redis))),
        ("failure.second_upstream", ("--config", str(bad_second))),
        ("limits.client_rate", ("--config", str(bad_number))),
        ("--workers", ("--workers", "0")),
        ("--workers", ("--workers", "many")),
        ("--metrics 9025: expected HOST:PORT", ("--metrics", "9025")),
        ("--pid-file", ("--pid-file", str(tmp_path / "none" / "guard.pid"))),
        ("systemd has handed over no socket", ("--listen", "systemd")),
        (f"--listen {taken}: can't listen there", ("--listen", taken, "--workers", "2")),
    ):
        done = subprocess.run(
            [SMTPGUARD, "serve", "--listen", "127.0.0.1:0", "--upstream", upstream, "--policy", "pass", *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, ""), (options, done)
        [line] = done.stderr.splitlines()
        assert words in line, (options, line)
        assert "secret" not in line


@pytest.mark.real
def test_two_guards_share_a_redis_and_one_of_them_dies(start: Start, tmp_path: Path) -> None:
    """Whatever the other guard counted counts here; when the store is gone mail goes on."""
    with own_redis() as redis:
        settings = tmp_path / "guard.yaml"
        settings.write_text(f"limits: {{client_sessions: 2, store: '{redis.url}', store_deadline: 5}}\n")
        one = start("pass", "--config", str(settings))
        two = start("pass", "--config", str(settings), "--workers", "2")
        with RawClient(one.address) as first, RawClient(two.address) as second:
            first.greet()
            second.greet()
            with RawClient(one.address) as third:
                assert third.reply().startswith(b"421 4.7.0 ")
        redis.stop()
        two.kill_worker(Random(0))
        two.wait_for(lambda lines: select(lines, "worker-started"), 20, "a worker, without its store")
        with RawClient(two.address) as after:
            after.greet()
            after.bye()
        assert two.wait_for(lambda lines: select(lines, "store-lost"), 10, "the loss")[0]["then"] == "open"
