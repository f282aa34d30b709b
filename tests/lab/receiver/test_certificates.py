"""The self-signed certificate."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography import x509

from smtpguard.lab.receiver.certificates import self_signed, server_context


def test_it_names_the_host_and_holds_in_2007_and_now() -> None:
    certificate = x509.load_pem_x509_certificate(self_signed("mx1.example.net"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mx1.example.net"]
    assert certificate.issuer == certificate.subject
    for moment in (dt.datetime(2007, 10, 25, tzinfo=dt.UTC), dt.datetime.now(dt.UTC)):
        assert certificate.not_valid_before_utc < moment < certificate.not_valid_after_utc


def test_its_length_is_the_same_each_time() -> None:
    assert len({len(self_signed("mx1.example.net")) for _ in range(3)}) == 1


def test_a_long_name_is_no_obstacle() -> None:
    assert self_signed("a" * 60 + ".example.net")


def test_no_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert isinstance(server_context("mx1.example.net"), ssl.SSLContext)
    assert not list(tmp_path.iterdir())
