"""What a guard shows: figures where they are asked for, one clear line where they can't be, and mail in any case."""

from __future__ import annotations

import asyncio
import fcntl
import json

import pytest

from smtpguard.relay.settings import RelaySettings
from smtpguard.service.errors import ServiceError
from smtpguard.service.outlook import Outlook
from tests.real.raw_client import RawClient
from tests.service.ordering import orders
from tests.service.tuned import starting


async def ask(address: str, path: str) -> bytes:
    """The whole answer."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def test_figures_are_refreshed_when_they_are_read() -> None:
    async def test() -> None:
        outlook = Outlook(orders(upstream=None, metrics=("127.0.0.1", 0)), RelaySettings())
        metrics = outlook.metrics
        assert metrics is not None
        shown = await outlook.open(lambda: metrics.stand(sessions=7, held=0, workers=1, lost=0), lambda: "ill")
        try:
            address = str(shown["metrics"])
            assert b"\nsmtpguard_sessions_open 7.0\n" in await ask(address, "/metrics")
            assert (await ask(address, "/healthz")).endswith(b"\r\n\r\nill\n")
        finally:
            await outlook.close()
        with pytest.raises(ConnectionRefusedError):
            await ask(address, "/metrics")

    asyncio.run(test())


@pytest.mark.parametrize(
    ("host", "words"), [("x" * 64 + ".example", "is no host name"), ("192.0.2.1", "give an address of this host")]
)
def test_where_nobody_can_listen(host: str, words: str) -> None:
    async def test() -> None:
        outlook = Outlook(orders(metrics=(host, 0)), RelaySettings())
        with pytest.raises(ServiceError) as caught:
            await outlook.open(lambda: None, lambda: "")
        assert str(caught.value).startswith(f"--metrics {host}:0: ")
        assert words in str(caught.value)
        await outlook.close()

    asyncio.run(test())


def test_nobody_asked_for_figures() -> None:
    async def test() -> None:
        outlook = Outlook(orders(), RelaySettings())
        heard: list[str] = []
        assert await outlook.open(lambda: None, lambda: "") == {}
        outlook.recording(lambda event, fields: heard.append(event))("stopped", {})
        assert heard == ["stopped"]
        await outlook.close()

    asyncio.run(test())


def sends(port: int, messages: int) -> None:
    """One session a message."""
    for _ in range(messages):
        with RawClient(("127.0.0.1", port)) as client:
            client.greet()
            client.envelope("b@test.example")
            client.bye()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_mail_goes_on_where_the_journal_waits_for_its_reader(upstream: tuple[str, int], workers: str) -> None:
    """He finds everything when he comes back; where he does not, the guard ends all the same."""
    with starting(upstream, "--workers", workers) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        port = json.loads(process.stdout.readline())["port"]
        sends(port, 100)
        lines = [json.loads(process.stdout.readline()) for _ in range(100)]
        assert {line["event"] for line in lines} == {"session"}
        assert len({line["session"] for line in lines}) == 100
        sends(port, 100)
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr.read() == (
            "smtpguard: the journal can't be written: nobody reads it; mail goes on without it\n"
        )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_mail_goes_on_where_neither_journal_nor_errors_are_read(upstream: tuple[str, int], workers: str) -> None:
    """As behind ``2>&1 | head -1``: the loss of the journal can't even be reported."""
    with starting(upstream, "--workers", workers) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = json.loads(process.stdout.readline())["port"]
        process.stdout.close()
        process.stderr.close()
        sends(port, 40)  # two records each, sixty-four are written at once
        process.terminate()
        assert process.wait(20) == 0
