"""The triggers of the rules: one small function each, from the evidence to a verdict. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from smtpguard.analyzer.ehlo import Ehlo
from smtpguard.analyzer.findings import Acceptance, Check, Verdict
from smtpguard.analyzer.lookup import Route
from smtpguard.analyzer.rules import Rule, Trigger, rules
from smtpguard.analyzer.steps import Name, Step, named
from smtpguard.analyzer.systems import Classified, is_exchange_banner, proxy_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the sessions brought. ``bdat``: the steps of the BDAT session, none when it was not held."""

    steps: tuple[Step, ...]
    ehlo: Ehlo
    classified: Classified
    acceptance: Acceptance
    bdat: tuple[Step, ...] = ()
    route: Route | None = None

    @property
    def banner(self) -> Step | None:
        """The step of the banner."""
        return named(self.steps, "banner")

    @property
    def hello(self) -> Step | None:
        """The step of EHLO."""
        return named(self.steps, "EHLO")

    @property
    def has_list(self) -> bool:
        """Whether it is known what the server offers: EHLO was answered, or refused for good and HELO taken."""
        helo = named(self.steps, "HELO")
        return self.ehlo.given or (helo is not None and helo.accepted)


Judge = Callable[[Rule, Evidence], Verdict]


def judge_all(evidence: Evidence) -> tuple[Check, ...]:
    """Every rule that the sessions can decide, in the order of the table; those of the probes are judged elsewhere."""
    return tuple(Check(rule, JUDGES[rule.trigger](rule, evidence)) for rule in rules() if rule.trigger in JUDGES)


def _keyword_missing(rule: Rule, evidence: Evidence) -> Verdict:
    system = evidence.classified.system
    if evidence.ehlo.has(rule.keyword):
        return Verdict("passed", f"{rule.keyword} is in the list", evidence.hello)
    if rule.keyword not in system.wanted:
        return Verdict("not-applicable", f"{_who(evidence.classified)} has no {rule.keyword}")
    if not evidence.has_list:
        return Verdict("not-tested", "EHLO brought no list")
    mask = evidence.ehlo.mask_for(rule.keyword)
    if mask:
        return Verdict(
            "found", f"{rule.keyword} is missing; a line {mask} of its length is in its place", evidence.hello
        )
    return Verdict("found", f"{rule.keyword} is missing from the reply to EHLO", evidence.hello)


def _mail_acceptance(rule: Rule, evidence: Evidence) -> Verdict:
    acceptance = evidence.acceptance
    failed = [step for step in acceptance.steps if step.passed is False]
    if failed:
        first = failed[0]
        more = f" (and {', '.join(step.name for step in failed[1:])})" if failed[1:] else ""
        detail = f"step {first.name}{more}: wanted {first.wants}, got: {first.answer}"
        place: Name = "message" if first.name == "DATA" and named(evidence.steps, "message") else first.name
        return Verdict("found", detail, named(evidence.steps, place))
    edition = "without a message (--no-message)" if acceptance.with_data is None else "with a message"
    wanted = evidence.classified.system.accepted_with
    note = "" if wanted else f"; {_who(evidence.classified)} need not have the X- keywords"
    return Verdict("passed", f"every step {edition}{note}")


def _bdat_acceptance(rule: Rule, evidence: Evidence) -> Verdict:
    if not evidence.ehlo.has("CHUNKING"):
        return Verdict("not-applicable", "CHUNKING is not offered")
    if not evidence.bdat:
        why = "no message was to be sent" if evidence.acceptance.with_data is None else "mail is not accepted by DATA"
        return Verdict("not-tested", why)
    step = named(evidence.bdat, "BDAT")
    if step is None:
        last = evidence.bdat[-1] if evidence.bdat[-1].name != "QUIT" else evidence.bdat[-2]
        return Verdict("not-tested", f"the session ended at {last.name}: {last.outcome}")
    if step.code == 250 and not step.failure:
        return Verdict("passed", step.outcome, step)
    return Verdict("found", f"CHUNKING is offered, and BDAT was not answered 250: {step.outcome}", step)


def _banner_not_default(rule: Rule, evidence: Evidence) -> Verdict:
    step = evidence.banner
    if step is None or not step.accepted:
        return Verdict("not-tested", "there was no banner with 220", step)
    if evidence.classified.system.id == "other":
        return Verdict("not-applicable", f"the server says that it is {evidence.classified.name}")
    if is_exchange_banner(step.last_line) and len(step.reply.lines) == 1:
        return Verdict("passed", step.last_line, step)
    return Verdict("found", f"not the form that Exchange gives it: {step.last_line}", step)


def _smtp_proxy(rule: Rule, evidence: Evidence) -> Verdict:
    step = evidence.banner
    if step is None or not step.accepted:
        return Verdict("not-tested", "there was no banner with 220", step)
    product = proxy_of(step.last_line)
    if product:
        return Verdict("found", f"the banner is that of {product}", step)
    return Verdict("passed", "the banner names no third party that is known", step)


def _default_verbs(rule: Rule, evidence: Evidence) -> Verdict:
    system = evidence.classified.system
    if not system.defaults:
        return Verdict("not-applicable", f"the defaults of {_who(evidence.classified)} are not known here")
    if not evidence.has_list:
        return Verdict("not-tested", "EHLO brought no list")
    missing = [keyword for keyword in system.defaults if not evidence.ehlo.has(keyword)]
    if missing:
        masked = f"; masked lines: {', '.join(evidence.ehlo.masked)}" if evidence.ehlo.masked else ""
        return Verdict("found", f"missing from the list: {', '.join(missing)}{masked}", evidence.hello)
    return Verdict("passed", f"all {len(system.defaults)} default keywords are there", evidence.hello)


def _ehlo_malformed(rule: Rule, evidence: Evidence) -> Verdict:
    if evidence.hello is None:
        return Verdict("not-tested", "the session did not come to EHLO")
    if evidence.ehlo.malformed:
        lines = evidence.ehlo.malformed
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        return Verdict("found", f"{'; '.join(lines[:5])}{more}", evidence.hello)
    return Verdict("passed", "every line has one code and CRLF", evidence.hello)


def _exchanger_unreachable(rule: Rule, evidence: Evidence) -> Verdict:
    route = evidence.route
    if route is None or route.by != "mx":
        return Verdict("not-applicable", "no MX was looked up")
    before = list(takewhile(lambda one: one.host != route.tested, route.exchangers))
    if before:
        told = "; ".join(f"{one.title}: {one.problem}" for one in before)
        return Verdict("found", f"{told}; tested was {route.tested}")
    return Verdict("passed", f"{route.exchangers[0].title} took the connection")


def _who(classified: Classified) -> str:
    return classified.name or classified.system.title


JUDGES: dict[Trigger, Judge] = {
    "keyword-missing": _keyword_missing,
    "mail-acceptance": _mail_acceptance,
    "bdat-acceptance": _bdat_acceptance,
    "banner-not-default": _banner_not_default,
    "smtp-proxy": _smtp_proxy,
    "default-verbs": _default_verbs,
    "ehlo-malformed": _ehlo_malformed,
    "exchanger-unreachable": _exchanger_unreachable,
}
