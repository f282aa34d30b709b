"""Analyses made by hand, for reports: with everything that the path doctor may add, and with hostile octets."""

from __future__ import annotations

from dataclasses import replace

from smtpguard.analyzer.analysis import conclude
from smtpguard.analyzer.findings import Analysis, Check, Comparison, Difference, Suspect, Verdict
from smtpguard.analyzer.lookup import Exchanger, Route
from smtpguard.analyzer.rules import Rule
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.target import Target

TARGET = Target("mx1.example.net")
HOSTILE = b"220 <script>alert(1)</script> & \x1b[31m\xff \"'\r\n"

PROBE = Rule(
    id="blob-eaten",
    title="A blob is eaten",
    origin="smtpguard",
    severity="error",
    trigger="probe",
    source="KB818222",
    causes=("A firewall blocks the blob.",),
    remedies=("Set SuppressExternal (KB818222).",),
    box="a firewall that passes the verb",
    policies=("eat-blob",),
)


def session(*, banner: bytes = b"220 mx1.example.net ESMTP Postfix\r\n") -> tuple[Step, ...]:
    return (
        Step("connect"),
        Step("banner", b"", banner, 220),
        Step("EHLO", b"EHLO [127.0.0.1]\r\n", b"250-mx1.example.net\r\n250 CHUNKING\r\n", 250, seconds=0.5),
        Step("MAIL", b"MAIL FROM:<a@example.com>\r\n", b"250 ok\r\n", 250),
        Step("RCPT", b"RCPT TO:<b@example.net>\r\n", b"250 ok\r\n", 250),
        Step("DATA", b"DATA\r\n", b"354 go\r\n", 354),
        Step("message", b"Subject: x\r\n\r\n.\r\n", b"250 queued\r\n", 250),
        Step("QUIT", b"QUIT\r\n", b"221 bye\r\n", 221),
    )


def analysis(*, banner: bytes = b"220 mx1.example.net ESMTP Postfix\r\n") -> Analysis:
    """One with a finding of the doctor's, a suspect and a comparison."""
    eaten = Step("XEXCH50 blob", bytes(1020), b"", failure="silent", seconds=30)
    route = Route("mx1.example.net", "host", (Exchanger("mx1.example.net", addresses=("10.0.0.4",)),))
    whole = conclude(TARGET, session(banner=banner), (), route=route)
    check = Check(PROBE, Verdict("found", "1020 octets went out and nothing came back", eaten, "certain"))
    return replace(
        whole,
        sessions={**whole.sessions, "XEXCH50 probe": (Step("connect"), eaten)},
        checks=(*whole.checks, check),
        suspects=(
            Suspect(
                policy="eat-blob",
                box="a firewall <of that time>",
                confidence="likely",
                why=("XEXCH50 passes", "its blob does not"),
                cures=("SuppressExternal = 1 (KB818222)",),
                source="KB818222",
                same=("line-oriented",),
            ),
        ),
        comparison=Comparison(
            Target("10.0.0.5", 2525),
            (Difference("EHLO reply", "XEXCH50 is gone", b"EHLO a\r\n", b"250 XEXCH50\r\n", b"250 <none>\r\n"),),
        ),
    )
