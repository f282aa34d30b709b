"""The lines of deploy/postfix.md, in a real Postfix, with a guard before it that has the options given there."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from tests.deploy.places import DEPLOY
from tests.real.guard_process import GuardProcess
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.private_server import DOMAIN, until
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

PAGE = (DEPLOY / "postfix.md").read_text()
CLIENT = "127.0.0.3"


def test_postfix_sees_the_client_behind_the_guard() -> None:
    if reason := missing():
        pytest.skip(reason)
    options = tuple(re.findall(r"^ +-o (\S+)$", PAGE, re.MULTILINE))
    [given] = re.findall(r"^    SMTPGUARD_OPTIONS=(.+)$", PAGE, re.MULTILINE)
    assert options
    with PrivatePostfix(options=options) as postfix:
        guard = GuardProcess(postfix.address, "strip-chunking", *given.split())
        try:
            with RawClient(guard.address, source=CLIENT) as client:
                client.greet()
                client.envelope(mailbox := f"{uuid4().hex}@{DOMAIN}")
                assert client.ask(b"DATA").startswith(b"354 ")
                client.send(b"Subject: x\r\n\r\nhello\r\n.\r\n")
                assert client.reply().startswith(b"250 ")
                client.bye()
            guard.stop()
        finally:
            guard.close()
        postfix.wait_for(mailbox, 1)
        log = postfix.root / "mail.log"
        until(lambda: f"client=unknown[{CLIENT}]" in log.read_text(), 10, "the client in Postfix's log")
