"""``smtpguard serve`` with bad input: one clear line on standard error, exit status 2, no traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SMTPGUARD = str(Path(sys.executable).with_name("smtpguard"))


@pytest.fixture
def server() -> Iterator[str]:
    """The address of somebody who accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """The address of a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def refusal(*arguments: str, folder: Path) -> str:
    """The one line with which ``serve`` refuses these arguments."""
    done = subprocess.run(
        [SMTPGUARD, "serve", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("smtpguard: ")
    return line


def test_unknown_policy(server: str, tmp_path: Path) -> None:
    line = refusal("--listen", "127.0.0.1:0", "--upstream", server, "--policy", "strip-xexch5O", folder=tmp_path)
    assert "strip-xexch5O" in line
    assert "strip-xexch50" in line


def test_broken_yaml(server: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("summary: broken\nrules:\n  - id: [unclosed\n")
    line = refusal("--listen", "127.0.0.1:0", "--upstream", server, "--policy", "mine.yaml", folder=tmp_path)
    assert "mine.yaml" in line


def test_policy_file_that_does_not_exist(server: str, tmp_path: Path) -> None:
    line = refusal("--listen", "127.0.0.1:0", "--upstream", server, "--policy", "none/such.yaml", folder=tmp_path)
    assert "none/such.yaml" in line


def test_policy_file_that_cannot_be_read(server: str, tmp_path: Path) -> None:
    """A folder, since root may read any file."""
    (tmp_path / "folder.yaml").mkdir()
    line = refusal("--listen", "127.0.0.1:0", "--upstream", server, "--policy", "folder.yaml", folder=tmp_path)
    assert "folder.yaml" in line


def test_policy_file_that_is_not_text(server: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00rules")
    line = refusal("--listen", "127.0.0.1:0", "--upstream", server, "--policy", "mine.yaml", folder=tmp_path)
    assert "mine.yaml" in line


def test_port_in_use(server: str, tmp_path: Path) -> None:
    line = refusal("--listen", server, "--upstream", server, "--policy", "pass", folder=tmp_path)
    assert server in line


def test_unreachable_upstream(nobody: str, tmp_path: Path) -> None:
    line = refusal("--listen", "127.0.0.1:0", "--upstream", nobody, "--policy", "pass", folder=tmp_path)
    assert nobody in line


def test_neither_upstream_nor_interception(tmp_path: Path) -> None:
    assert "--upstream" in refusal("--listen", "127.0.0.1:0", "--policy", "pass", folder=tmp_path)


def test_an_unknown_way_of_intercepting(tmp_path: Path) -> None:
    line = refusal("--listen", "127.0.0.1:0", "--policy", "pass", "--intercept", "bridge", folder=tmp_path)
    assert "bridge" in line
    assert "tproxy" in line


@pytest.mark.parametrize("port", ["65536", "-1", "0", "smtp", "", "2525x", "1e3", "٢٥"])
def test_wrong_upstream_port(port: str, tmp_path: Path) -> None:
    line = refusal("--listen", "127.0.0.1:0", "--upstream", f"127.0.0.1:{port}", "--policy", "pass", folder=tmp_path)
    assert f"127.0.0.1:{port}" in line


@pytest.mark.parametrize("listen", ["127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:smtp", "127.0.0.1", "[::1:25"])
def test_wrong_listen_address(server: str, listen: str, tmp_path: Path) -> None:
    line = refusal("--listen", listen, "--upstream", server, "--policy", "pass", folder=tmp_path)
    assert listen in line


def test_config_file_that_does_not_exist(server: str, tmp_path: Path) -> None:
    line = refusal(
        "--listen", "127.0.0.1:0", "--upstream", server, "--policy", "pass", "--config", "none.yaml", folder=tmp_path
    )
    assert "none.yaml" in line


def test_config_file_with_an_unknown_setting(server: str, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text("no-such-setting: 1\n")
    line = refusal(
        "--listen", "127.0.0.1:0", "--upstream", server, "--policy", "pass", "--config", "guard.yaml", folder=tmp_path
    )
    assert "guard.yaml" in line
    assert "no-such-setting" in line
