"""Traces over a real exporter: to a collector, to nobody, and to one that never answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smtpguard.service.tracing import traced
from tests.real.guard_process import select
from tests.real.private_server import free_port
from tests.real.raw_client import RawClient
from tests.service.conftest import Start


def exporting(port: int) -> tuple[str, ...]:
    return ("env", f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{port}")


@pytest.fixture
def collector() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """Its port, and what was posted to it."""
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, posted
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_left_is_exported_at_the_end(
    start: Start, collector: tuple[int, list[tuple[str, bytes]]], workers: str
) -> None:
    port, posted = collector
    guard = start("--workers", workers, "--traces", before=exporting(port))
    with RawClient(guard.address) as client:
        client.greet()
        client.bye()
    guard.sessions(1)
    guard.stop()
    assert [path for path, _ in posted] == ["/v1/traces"]
    assert b"service.name" in posted[0][1]
    assert b"smtpguard" in posted[0][1]


@pytest.mark.parametrize("answers", ["nobody listens", "it accepts and says nothing"])
def test_mail_and_the_end_wait_for_no_collector(start: Start, answers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = free_port() if answers == "nobody listens" else mute.getsockname()[1]
        guard = start("--traces", before=exporting(port))
        for _ in range(3):
            with RawClient(guard.address) as client:
                client.greet()
                client.bye()
        guard.sessions(3)
        guard.terminate()
        assert guard.wait(15) == 0
    assert "Traceback" not in guard.errors()
    assert len(select(guard.journal, "session")) == 3


def test_where_nobody_wants_traces_nothing_is_loaded() -> None:
    program = """
import json, sys
from smtpguard.service.tracing import traced
heard = []
with traced(lambda event, fields: heard.append(event), False) as record:
    record("session", {})
print(json.dumps([heard, [name for name in sys.modules if name.startswith("opentelemetry.sdk")]]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == [["session"], []]


def test_without_the_extra_it_says_what_to_install(upstream: tuple[str, int]) -> None:
    program = """
import sys
sys.modules["opentelemetry.exporter.otlp.proto.http.trace_exporter"] = None
from smtpguard.cli.main import main
main()
"""
    done = subprocess.run(
        [
            sys.executable, "-c", program, "serve", "--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{upstream[1]}",
            "--policy", "pass", "--traces",
        ],
        env={**os.environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "smtpguard: --traces needs OpenTelemetry: pip install 'smtpguard[otel]'\n"


def test_a_journal_that_fails_is_heard_and_traces_end_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    def full(event: str, fields: dict[str, object]) -> None:
        raise OSError("full")

    before = threading.active_count()
    with pytest.raises(OSError, match="full"), traced(full, True) as record:
        record("stopped", {})
    assert threading.active_count() == before
