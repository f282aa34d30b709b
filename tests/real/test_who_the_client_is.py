"""Who the client is, from HAProxy through the guard to Postfix, whose log has the client's own address."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real import haproxy_instance
from tests.real.contents import message
from tests.real.guard_process import GuardProcess, select
from tests.real.haproxy_instance import PrivateHAProxy
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.postfix_with_tls import PostfixWithTls
from tests.relay.tls_hosts import client_context, files

pytestmark = pytest.mark.real

SENDER = "alice@client.example"
CLIENT = "127.0.0.77"
FROM_PROXY = ("--proxy-protocol", "127.0.0.1/32")


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    """A Postfix that takes XCLIENT from loopback, with a port that expects a PROXY header."""
    if reason := missing() or haproxy_instance.missing():
        pytest.skip(reason)
    with PostfixWithTls("proxied", "smtpd_upstream_proxy_protocol=haproxy") as instance:
        yield instance


def send(address: tuple[str, int], mailbox: str, content: bytes, *, tls: bool = False) -> None:
    """One message from ``CLIENT``."""
    with smtplib.SMTP(*address, timeout=60, local_hostname="client.example", source_address=(CLIENT, 0)) as client:
        if tls:
            client.starttls(context=client_context())
        assert client.sendmail(SENDER, [mailbox], content) == {}


@pytest.mark.parametrize("header", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("onward", ["v1", "v2", "xclient"])
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "bridged"])
def test_the_servers_log_has_the_client(
    postfix: PrivatePostfix, mailbox: str, tmp_path: Path, header: str, onward: str, tls: bool
) -> None:
    content = message(20_000)
    certificate, key = files(tmp_path, "guard.example")
    bridge = ("--tls", "bridge", "--cert", str(certificate), "--key", str(key), "--no-verify") if tls else ()
    options = ("--xclient",) if onward == "xclient" else ("--send-proxy", onward)
    upstream = postfix.address if onward == "xclient" else postfix.services["proxied"]
    guard = GuardProcess(upstream, "pass", *FROM_PROXY, *options, *bridge)
    proxy = PrivateHAProxy(guard.address, header)
    before = len(postfix.clients())
    try:
        send(proxy.address, mailbox, content, tls=tls)
        (arrived,) = postfix.wait_for(mailbox, 1)
        assert arrived == content
        guard.wait_for(lambda lines: [line for line in select(lines, "session") if CLIENT in line["client"]], 30, "it")
        journal = guard.stop()
        (summary,) = [line for line in select(journal, "session") if line["client"].startswith(f"{CLIENT}:")]
        assert summary["proxy"].startswith("127.0.0.1:")
        assert (summary["tls"], summary["messages_accepted"], summary["violations"]) == (tls, 1, 0)
        log = (postfix.root / "mail.log").read_text(errors="replace")
        if onward == "xclient":
            assert [line["outcome"] for line in select(journal, "xclient")].count("taken") >= 1
            assert f"client=unknown[{CLIENT}]" in log
        else:
            assert CLIENT in postfix.clients()[before:]
    finally:
        proxy.close()
        guard.close()
