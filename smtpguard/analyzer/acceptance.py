"""The mail acceptance test, judged step by step, in both of its editions. Pure.

EHLO passes with 250 and the X- keywords that the system should have: both X-LINK2STATE and XEXCH50 for the Exchange
2000/2003 that the test was written for, fewer for others (``systems.yaml``). A line such as ``240-`` in the middle does
not fail it, for Microsoft's own sample of a properly loaded server has one; a rule of its own names it.
"""

from __future__ import annotations

from smtpguard.analyzer.ehlo import Ehlo
from smtpguard.analyzer.findings import Acceptance, AcceptanceStep
from smtpguard.analyzer.steps import Name, Step, named
from smtpguard.analyzer.systems import Classified

_WITHOUT_DATA: tuple[Name, ...] = ("banner", "EHLO", "MAIL", "RCPT")


def judge_acceptance(steps: tuple[Step, ...], ehlo: Ehlo, classified: Classified, message: bool) -> Acceptance:
    """The test over ``steps`` of its session; ``message`` false: it was to stop after RCPT."""
    judged = [_judged(name, steps, ehlo, classified) for name in (*_WITHOUT_DATA, *(("DATA",) if message else ()))]
    shorter = all(step.passed for step in judged[: len(_WITHOUT_DATA)])
    return Acceptance(tuple(judged), shorter, all(step.passed for step in judged) if message else None)


def missing_keywords(ehlo: Ehlo, classified: Classified) -> list[str]:
    """The X- keywords that the test asks of this system and did not get."""
    return [keyword for keyword in classified.system.accepted_with if not ehlo.has(keyword)]


def mail_flows(steps: tuple[Step, ...], message: bool) -> bool:
    """Whether the server took the message, or the recipient where no message was sent."""
    last = named(steps, "message" if message else "RCPT")
    return last is not None and last.accepted


def contradiction(acceptance: Acceptance, steps: tuple[Step, ...], ehlo: Ehlo, classified: Classified) -> str:
    """Both truths where mail flows and the test errs all the same; empty where there is nothing to explain."""
    message = acceptance.with_data is not None
    failed = [step for step in acceptance.steps if step.passed is False]
    if [step.name for step in failed] != ["EHLO"] or not mail_flows(steps, message):
        return ""
    last = named(steps, "message" if message else "RCPT")
    answer = last.last_line.strip() if last else ""
    taken = (
        f"mail flows (the message was answered: {answer})"
        if message
        else (f"mail is taken as far as it was tried (RCPT was answered: {answer})")
    )
    missing = missing_keywords(ehlo, classified)
    what = f"{' and '.join(missing)} in the list" if missing else "a list of keywords"
    why = "that is missing" if len(missing) == 1 else "these are missing" if missing else "none came"
    text = (
        f"Both are true: {taken}, and Microsoft's acceptance test ends in an error, "
        f"because its second step asks for {what}, and {why}."
    )
    if "XEXCH50" in missing:
        text += (
            " If XEXCH50 was taken away on purpose (peexch50.dll unregistered, or a firewall that strips or masks it), "
            "this error is the price of that cure and no reason to undo it for mail from outside. Between servers of "
            "one organisation public folders stop replicating without the verb: there, undo it."
        )
    return text


def _judged(name: Name, steps: tuple[Step, ...], ehlo: Ehlo, classified: Classified) -> AcceptanceStep:
    if name == "EHLO":
        return _hello(steps, ehlo, classified)
    if name == "DATA":
        return _data(steps)
    step = named(steps, name)
    wanted = 220 if name == "banner" else 250
    passed = None if step is None else not step.failure and step.code == wanted
    return AcceptanceStep(name, str(wanted), passed, step.outcome if step else "")


def _hello(steps: tuple[Step, ...], ehlo: Ehlo, classified: Classified) -> AcceptanceStep:
    step = named(steps, "EHLO")
    wanted = classified.system.accepted_with
    wants = f"250 with {' and '.join(wanted)}" if wanted else "250"
    if step is None:
        return AcceptanceStep("EHLO", wants, None, "")
    if not ehlo.given or step.code != 250:
        return AcceptanceStep("EHLO", wants, False, step.outcome)
    missing = missing_keywords(ehlo, classified)
    answer = f"250 without {' and '.join(missing)}" if missing else wants
    return AcceptanceStep("EHLO", wants, not missing, answer)


def _data(steps: tuple[Step, ...]) -> AcceptanceStep:
    opened, ended = named(steps, "DATA"), named(steps, "message")
    step = ended or opened
    passed = None if opened is None else ended is not None and not ended.failure and ended.code == 250
    return AcceptanceStep("DATA", "354, then 250", passed, step.outcome if step else "")
