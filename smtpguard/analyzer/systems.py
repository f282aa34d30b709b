"""Which system answers, by its banner and its EHLO reply. Pure.

What a box in between has taken away is not seen here: a list without any X- keyword is that of an SMTP service without
Exchange, and just as well that of an Exchange behind a box that strips them. ``Classified.reasons`` says what it was
told by, so that an administrator who knows better can see why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict

from smtpguard.analyzer import tables
from smtpguard.analyzer.ehlo import Ehlo

# What the event sinks of Exchange 2000/2003 bring, each by its keyword. The name of X-EXPS's sink was not found.
SINKS = {"XEXCH50": "peexch50.dll", "X-LINK2STATE": "xlsasink.dll", "X-EXPS": "the sink of X-EXPS"}
_VERSION = re.compile(r"Microsoft E?SMTP MAIL Service, Version: (\d+\.\d+\.\d+)")
_TRANSPORT = re.compile(r"Microsoft ESMTP MAIL Service ready at")
_IMS = re.compile(r"Microsoft Exchange Internet Mail (?:Service|Connector)")
_WINDOWS = {"5.0.2195": "Windows 2000", "6.0.3790": "Windows Server 2003"}
_BANNER = re.compile(
    r"220 \S+ (?:Microsoft ESMTP MAIL Service(?:, Version: \d[\d.]*)? +ready at +\S.*"
    r"|ESMTP Server \(Microsoft Exchange Internet Mail Service \d[\d.]*\) ready)"
)


class System(BaseModel):
    """One row of ``systems.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    about: str = ""
    wanted: tuple[str, ...]
    defaults: tuple[str, ...]
    required: tuple[str, ...] | None = None

    @property
    def accepted_with(self) -> tuple[str, ...]:
        """The X- keywords that the mail acceptance test asks for."""
        return self.wanted if self.required is None else self.required


class Proxy(BaseModel):
    """A third party that its banner names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pattern: str


class Words(BaseModel):
    """How a server answers an unknown verb; ``of`` is a system's id, or the name that another server has for itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: tuple[str, ...]
    pattern: str


class Systems(BaseModel):
    """The whole table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    systems: tuple[System, ...]
    servers: tuple[str, ...]
    proxies: tuple[Proxy, ...]
    unknown_verbs: tuple[Words, ...]

    def system(self, identity: str) -> System:
        """The row ``identity``."""
        return next(row for row in self.systems if row.id == identity)


@dataclass(frozen=True, slots=True)
class Classified:
    """``reasons``: what it was told by, in plain words. ``name``: what another server calls itself."""

    system: System
    reasons: tuple[str, ...]
    name: str = ""

    @property
    def title(self) -> str:
        """Who answers, in plain words."""
        return f"{self.name}, by its own banner" if self.name else self.system.title


@cache
def table() -> Systems:
    """``systems.yaml``."""
    return tables.load("systems", Systems)


def is_exchange_banner(banner: str) -> bool:
    """Whether ``banner`` (its last line, code included) has one of the forms that Exchange and Windows give it."""
    return _BANNER.fullmatch(banner) is not None


def proxy_of(banner: str) -> str:
    """The third party that ``banner`` names; empty when it names none that is known."""
    found = (one.name for one in table().proxies if re.search(one.pattern, banner[4:], re.IGNORECASE))
    return next(found, "")


def unknown_verb_words(classified: Classified) -> re.Pattern[str] | None:
    """How this system answers an unknown verb; None where that is not known."""
    who = classified.name or classified.system.id
    found = (words for words in table().unknown_verbs if who in words.of)
    return next((re.compile(words.pattern) for words in found), None)


def classify(banner: str, ehlo: Ehlo) -> Classified:
    """The system behind ``banner`` (its last line, code included; empty when none came) and ``ehlo``."""
    name = _other(banner, ehlo)
    if name:
        return Classified(table().system("other"), (f"the banner says {name}",), name)
    identity, reasons = _told(banner, ehlo)
    return Classified(table().system(identity), tuple(reasons))


def _other(banner: str, ehlo: Ehlo) -> str:
    """The name by which another server calls itself, unless the list has what only Exchange has."""
    if ehlo.names & {"XEXCH50", "X-LINK2STATE", "X-EXPS", "X-ANONYMOUSTLS"}:
        return ""
    found = (one for one in table().servers if re.search(rf"\b{re.escape(one)}\b", banner, re.IGNORECASE))
    return next(found, "")


def _told(banner: str, ehlo: Ehlo) -> tuple[str, list[str]]:
    reasons = _banner_reasons(banner)
    if ehlo.given and not ehlo.texts and reasons:
        return "exchange-no-extensions", [*reasons, "the reply to EHLO has one line, as the reply to HELO"]
    if not ehlo.given and reasons:
        return "exchange-no-extensions", [*reasons, "EHLO was not answered with 250"]
    if _IMS.search(banner) or (ehlo.has("XEXCH50") and ehlo.has("HELP") and not ehlo.has("PIPELINING")):
        return "exchange-5.5", reasons or ["XEXCH50 and HELP without PIPELINING in the list"]
    later = [name for name in ("X-ANONYMOUSTLS", "XRDST", "XSHADOW", "XSHADOWREQUEST") if ehlo.has(name)]
    if later or _TRANSPORT.search(banner):
        return _transport(ehlo), [*reasons, *([f"{', '.join(later)} in the list"] if later else [])]
    marks = _windows_marks(ehlo)
    if marks or _VERSION.search(banner):
        identity, why = _windows(ehlo)
        if not is_exchange_banner(banner):
            why.append("the banner is not Exchange's, so another box may answer before the server")
        return identity, [*reasons, *([f"{', '.join(marks)} in the list"] if marks else []), *why]
    return "unknown", ["neither banner nor list is one that the analyzer knows"]


def _banner_reasons(banner: str) -> list[str]:
    version = _VERSION.search(banner)
    if version is not None:
        return [f"the banner has Version {version[1]} ({_WINDOWS.get(version[1], 'a Windows SMTP service')})"]
    if _TRANSPORT.search(banner):
        return ["the banner has no Version, as from Exchange 2007 on"]
    return ["the banner says Internet Mail Service"] if _IMS.search(banner) else []


def _windows_marks(ehlo: Ehlo) -> list[str]:
    """What only 2003 and older have: TURN, lower-case 8bitmime, a last line OK; and X-LINK2STATE."""
    marks = [name for name in ("TURN", "X-LINK2STATE") if ehlo.has(name)]
    return marks + [text for text in ("8bitmime", "OK") if text in ehlo.texts]


def _transport(ehlo: Ehlo) -> str:
    """From Exchange 2007 on: the transport is Exchange's own."""
    if ehlo.has("SMTPUTF8") or ehlo.has("XSHADOWREQUEST"):
        return "exchange-later"
    if ehlo.has("XSHADOW") or (ehlo.has("XRDST") and ehlo.has("XEXCH50")):
        return "exchange-2010"
    if ehlo.has("X-ANONYMOUSTLS") and ehlo.has("XEXCH50"):
        return "exchange-2007"
    return "exchange-2007-or-later"


def _windows(ehlo: Ehlo) -> tuple[str, list[str]]:
    """2000 and 2003: the SMTP service of Windows, and what the sinks of Exchange add to it."""
    absent = [name for name in SINKS if not ehlo.has(name)]
    masked = [name for name in absent if ehlo.mask_for(name)]
    if len(absent) == len(SINKS) and not masked:
        return "iis-without-exchange", ["no X- keyword of Exchange in the list"]
    missing = [name for name in absent if name not in masked]
    if missing:
        return "exchange-some-sinks-missing", [f"{name} is missing ({SINKS[name]})" for name in missing]
    why = [f"{ehlo.mask_for(name)} stands where {name} may have been" for name in masked]
    if ehlo.has("STARTTLS") and ehlo.has("TURN") and not ehlo.has("ATRN"):
        return "sbs-certificate", [*why, "STARTTLS, TURN and no ATRN in the list"]
    return "exchange-2000-2003", why
