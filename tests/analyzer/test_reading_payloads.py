"""Payloads: lost, read as something else, answered by a liar; TLS; MS03-046."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.probe_bdat import CHUNK, OUT_OF_TURN
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probe_security import STRANGER
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_xexch50 import BLOB, BLOB_OF_LINES
from smtpguard.analyzer.reading import Reader
from smtpguard.analyzer.reading_payloads import read_bdat, read_blob, read_ending, read_starttls, read_stranger
from smtpguard.analyzer.steps import Step
from tests.analyzer.steps_of import step, view

LOST = step("blob", failure="silent")
QUIT = step("QUIT", "250 ok")


@pytest.mark.parametrize(
    ("reader", "sessions", "kinds"),
    [
        (read_bdat, {CHUNK: [step("chunk", "250 ok"), step("QUIT", "221 bye")]}, []),
        (read_bdat, {CHUNK: [step("chunk", failure="silent")]}, ["bdat-eaten"]),
        (read_bdat, {CHUNK: [step("chunk", failure="closed")]}, ["bdat-eaten"]),
        (read_bdat, {CHUNK: [step("chunk", "503 no"), QUIT, step("behind QUIT", "221 bye")]}, ["bdat-as-commands"]),
        (read_bdat, {OUT_OF_TURN: [step("chunk without MAIL", "250 ok")]}, ["bdat-liar"]),
        (read_bdat, {OUT_OF_TURN: [step("chunk without MAIL", "503 no")]}, []),
        (read_blob, {BLOB: [step("blob", "250 XEXCH50 OK")]}, []),
        (read_blob, {BLOB: [step("blob", "550 I did not like it"), step("QUIT", "221 bye")]}, []),
        (read_blob, {BLOB: [LOST], BLOB_OF_LINES: [LOST]}, ["blob-eaten"]),
        (read_blob, {BLOB: [LOST], BLOB_OF_LINES: [step("connect", failure="refused")]}, ["blob-eaten"]),
        (read_blob, {BLOB: [LOST], BLOB_OF_LINES: [step("blob", "250 XEXCH50 OK")]}, ["blob-by-lines"]),
        (
            read_blob,
            {BLOB: [LOST], BLOB_OF_LINES: [step("blob", "500 what"), step("RSET", "500 what", unasked="500 what\r\n")]},
            ["blob-as-commands"],
        ),
        (read_blob, {BLOB: [step("blob", "421 enough")]}, ["blob-as-commands"]),
        (read_ending, {ENDING: [step("message in two segments", "250 ok")]}, []),
        (read_ending, {ENDING: [step("message in two segments", failure="silent")]}, ["split-end-lost"]),
        (read_ending, {ENDING: [step("message in two segments", "451 4.7.1 later")]}, []),
        (read_ending, {ENDING: [step("message in two segments", "421 4.7.0 too much mail from you")]}, []),
        (read_starttls, {STARTTLS: [step("STARTTLS", "220 go"), step("TLS handshake")]}, []),
        (read_starttls, {STARTTLS: [step("STARTTLS", "454 later")]}, ["starttls-refused"]),
        (
            read_starttls,
            {STARTTLS: [step("STARTTLS", "220 go"), step("TLS handshake", failure="garbled")]},
            ["starttls-broken"],
        ),
        (read_stranger, {STRANGER: [step("XEXCH50 2 2", "354 Send binary data")]}, ["stranger-may-xexch50"]),
        (read_stranger, {STRANGER: [step("XEXCH50 2 2", "504 Need to authenticate first")]}, []),
    ],
)
def test_what_is_read(reader: Reader, sessions: dict[str, list[Step]], kinds: list[str]) -> None:
    assert [trace.kind for trace in reader(view(sessions))] == kinds


@pytest.mark.parametrize(
    ("detail", "confidence"),
    [
        ("(WRONG_VERSION_NUMBER)", "likely"),
        ("(SSLV3_ALERT_HANDSHAKE_FAILURE)", "possible"),
        ("(WRONG_SIGNATURE_TYPE)", "possible"),
    ],
)
def test_who_sends_an_alert_speaks_tls(detail: str, confidence: str) -> None:
    handshake = Step("TLS handshake", failure="garbled", detail=detail)
    (trace,) = read_starttls(view({STARTTLS: [step("STARTTLS", "220 go"), handshake]}))
    assert trace.confidence == confidence


def test_the_length_and_the_time_waited_are_told() -> None:
    lost = Step("blob", b"x" * 1020, failure="silent", seconds=30.0)
    (trace,) = read_blob(view({BLOB: [lost]}))
    assert trace.words == "1020 octets behind XEXCH50's 354: no whole reply in 30 seconds (0 octets came)"
    (eaten,) = read_bdat(view({CHUNK: [Step("chunk", b"BDAT 30\r\n" + b"x" * 30, failure="silent", seconds=30.0)]}))
    assert eaten.words.startswith("BDAT with 30 octets: no whole reply in 30 seconds")


def test_one_reply_is_not_called_replies() -> None:
    (command,) = read_bdat(view({CHUNK: [step("chunk", "503 no"), QUIT, step("behind QUIT", "221 bye")]}))
    assert command.words == "1 reply more than commands came behind a chunk of BDAT"
    (blob,) = read_blob(view({BLOB: [step("blob", "421 enough")]}))
    assert blob.words.startswith("1 reply came to a blob of ")


def test_where_chunking_is_not_listed_nothing_is_read_from_bdat() -> None:
    bare = step("EHLO", "250-mx\r\n250 SIZE")
    assert list(read_bdat(view({CHUNK: [step("chunk", failure="silent")]}, hello=bare))) == []
