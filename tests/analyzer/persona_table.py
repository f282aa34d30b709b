"""The checks against every receiver profile of the lab, bare and behind every policy that ships, as a golden table.

`make golden`, or ``python -m tests.analyzer.persona_table``, writes it anew; read the difference before it is kept.
The probes of the path doctor are not run here: what they see stands in the table of fingerprints.
"""

from __future__ import annotations

from pathlib import Path

from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE, BDAT, bdat_acceptance, mail_acceptance
from smtpguard.analyzer.analysis import conclude, wants_bdat
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.sample import sample_message
from smtpguard.analyzer.session import Session
from smtpguard.analyzer.target import Target
from smtpguard.lab import documents
from smtpguard.lab.clock import run_virtual
from smtpguard.policy.library import shipped
from tests.analyzer.analyzing import DATE, RCPT, guarded
from tests.lab.hosts import receiving
from tests.personas.transcripts import names as personas

GOLDEN = Path(__file__).parent / "golden" / "persona-table.txt"
BARE = "(bare)"
LEGEND = "# receiver, policy before it: system that is told, exit status, findings of the checks, messages that arrive"


def policies() -> list[str]:
    """Every persona with its variants, and every other policy that ships, faults for test suites aside."""
    own = personas()
    bases = {name.partition(":")[0] for name in own}
    others = [name for name in shipped() if name not in bases and not name.startswith("fault-")]
    return [BARE, *sorted([*own, *others])]


def line(profile: str, policy: str) -> str:
    """One row of the table."""

    async def whole() -> tuple[Analysis, list[str]]:
        async with receiving(profile) as host, guarded(host.port, None if policy == BARE else policy) as port:
            analysis = await _checked(Target("127.0.0.1", port, recipient=RCPT))
            return analysis, [message.verb for message in host.mailbox.messages]

    analysis, verbs = run_virtual(whole)
    told = analysis.classified.system.id if analysis.classified is not None else "-"
    found = " ".join(check.rule.id for check in analysis.findings) or "-"
    return f"{profile}, {policy}: {told}, {analysis.exit_status}, {found}, {' '.join(verbs) or '-'}"


async def _checked(target: Target) -> Analysis:
    limits = Limits()
    first, second = (Session(title, target, limits, lambda title, name, step: None) for title in (ACCEPTANCE, BDAT))
    await mail_acceptance(first, sample_message(target, ACCEPTANCE, DATE, "1"))
    if wants_bdat(target, first.steps):
        await bdat_acceptance(second, sample_message(target, BDAT, DATE, "2"))
    return conclude(target, tuple(first.steps), tuple(second.steps))


def lines(profile: str) -> list[str]:
    """The rows of one receiver."""
    return [line(profile, policy) for policy in policies()]


def profiles() -> list[str]:
    """The receivers."""
    return documents.names("profiles")


def regenerate() -> None:
    """Write the table."""
    GOLDEN.parent.mkdir(exist_ok=True)
    rows = [row for profile in profiles() for row in lines(profile)]
    GOLDEN.write_text("\n".join([LEGEND, *rows]) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    regenerate()
