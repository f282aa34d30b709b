"""The README's transcript is real: its lines stand in the output of the command that it claims to show, in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END, CUT = "<!-- transcript: begin -->", "<!-- transcript: end -->", "[...]"


def test_the_transcript_is_what_make_lab_prints(tmp_path: Path) -> None:
    shown = (ROOT / "README.md").read_text().partition(BEGIN)[2].partition(END)[0]
    wanted = [line.strip() for line in shown.splitlines() if line.strip() not in ("", CUT)]
    done = subprocess.run(
        [Path(sys.executable).with_name("smtpguard"), "lab", "story"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    printed = iter([line.strip() for line in done.stdout.splitlines()])
    missing = [line for line in wanted if line not in printed]  # ``in`` consumes: the order counts
    assert missing == []
    assert len(wanted) > 15
