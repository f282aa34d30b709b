"""A policy as it is written: its fields, their kinds and their defaults. The JSON Schema is made from these.

What one field's value must look like is decided here; what makes sense together is ``checks``' job.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from smtpguard.policy.actions import WHERES, Action, Where
from smtpguard.policy.errors import quoted
from smtpguard.policy.fields import Form, choice, inside, one_or_more, real, text, truth, whole, wrong
from smtpguard.policy.matchers import (
    ADDRESS_FORM,
    ANY_UNKNOWN,
    CODE_FORM,
    COUNT_FORM,
    NETWORK_FORM,
    REGEX_FORM,
    SIZE_FORM,
    STATE_FORM,
    VERB_FORM,
    VIOLATION_FORM,
    WORD_FORM,
    SizeRange,
    read_verb,
)
from smtpguard.policy.rulebook import SCOPES, Scope
from smtpguard.policy.then import THEN_FORM
from smtpguard.smtp.verbs import HELD_LINE, VERBS

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_NETWORK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
VARIANT_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")

Words = tuple[str, ...]


def _read_id(value: object) -> str:
    if isinstance(value, str) and len(value) <= 64 and _ID.match(value):
        return value
    raise wrong(f"expected an id of a-z, 0-9 and hyphens, at most 64 characters, found {quoted(value)}")


def _read_networks(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise wrong(f"expected names with networks, found {quoted(value)}", "such as `branch: [192.0.2.0/24]`")
    networks: dict[str, object] = {}
    for name, written in value.items():
        if not _NETWORK_NAME.match(name):
            raise wrong(f"{quoted(name)} cannot name a network", "a-z first, then a-z, 0-9, - and _", (name,), key=True)
        try:
            networks[name] = NETWORK_FORM.read(written)
        except PydanticCustomError as error:
            raise inside(error, name) from error
    return networks


def _read_limits(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise wrong(f"expected verbs with octets, found {quoted(value)}", "such as `{NOOP: 512, unknown: 512}`")
    limits: dict[str, int] = {}
    for written, octets in value.items():
        try:
            verb = read_verb(written)
        except PydanticCustomError as error:
            context = error.context or {}
            raise wrong(context["message"], context["hint"], (written,), key=True) from error
        if verb != ANY_UNKNOWN and verb not in VERBS:
            raise wrong(
                f"{verb} is no verb of the table", f"`{ANY_UNKNOWN}` stands for all others", (written,), key=True
            )
        try:
            limits[verb] = cast(int, _LIMIT.read(octets))
        except PydanticCustomError as error:
            raise inside(error, written) from error
    return limits


# A bare verb of four letters with its CRLF has six octets; the guard holds no line longer than HELD_LINE.
_LIMIT = whole(6, HELD_LINE)
_LIMITS_FORM = Form(
    _read_limits,
    {
        "type": "object",
        "propertyNames": {"enum": [*VERBS, ANY_UNKNOWN]},
        "additionalProperties": dict(_LIMIT.schema),
    },
)
_ID_FORM = Form(_read_id, {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64})
_NETWORKS_FORM = Form(
    _read_networks,
    {
        "type": "object",
        "propertyNames": {"pattern": r"^[a-z][a-z0-9_-]{0,63}$"},
        "additionalProperties": dict(NETWORK_FORM.schema),
    },
)

_PATH = text(1, 4000)
_EXTENDS_FORM = one_or_more(_PATH.read, _PATH.schema)

Text = Annotated[str, text(0, 4000)]
Mode = Annotated[Literal["enforce", "observe"], choice("enforce", "observe")]


class RuleModel(BaseModel):
    """One rule: where it looks, when it matches, what it does then."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)

    id: Annotated[str, _ID_FORM] = Field(description="Unique in the policy; it is in the rule's records and replies.")
    where: Annotated[Where, choice(*WHERES)] = Field(alias="on", description="Where the rule looks.")
    verb: Annotated[Words, VERB_FORM] = Field((), description="A verb or a list; `unknown` is any outside the table.")
    keyword: Annotated[Words, WORD_FORM] = Field((), description="EHLO keywords, as globs such as `X-*`.")
    argument: Annotated[str | None, REGEX_FORM] = Field(None, description="A regular expression found in the argument.")
    sender: Annotated[Words, ADDRESS_FORM] = Field((), description="The envelope's sender, as globs; `<>` is none.")
    recipient: Annotated[Words, ADDRESS_FORM] = Field((), description="The recipient, as globs.")
    client: Annotated[Words, WORD_FORM] = Field((), description="Where the client is: a named network or CIDR.")
    server: Annotated[Words, WORD_FORM] = Field((), description="Where the server is: a named network or CIDR.")
    size: Annotated[SizeRange | None, SIZE_FORM] = Field(None, description="Octets: 1000, '> 1000', 100..200.")
    length: Annotated[SizeRange | None, SIZE_FORM] = Field(
        None, description="Octets of the line with its CRLF: 6, '> 512', 100..200."
    )
    section: Annotated[Literal["header", "body"] | None, choice("header", "body")] = Field(
        None, description="Where in the message the line stands."
    )
    content: Annotated[str | None, REGEX_FORM] = Field(None, description="A regular expression found in the line.")
    recipients: Annotated[SizeRange | None, SIZE_FORM] = Field(
        None, description="Which RCPT of its transaction this is: 1, '> 100'."
    )
    code: Annotated[tuple[frozenset[int], ...], CODE_FORM] = Field((), description="The reply's code: 550, 55x, 5xx.")
    state: Annotated[Words, STATE_FORM] = Field((), description="The session's state.")
    tls: Annotated[bool | None, truth()] = Field(None, description="Whether the session is encrypted.")
    violation: Annotated[Words, VIOLATION_FORM] = Field((), description="Which violations; omitted is any.")
    split_end: Annotated[bool | None, truth()] = Field(
        None, alias="split-end", description="Whether CRLF.CRLF came in more than one read: TCP segments matter here."
    )
    split_verb: Annotated[bool | None, truth()] = Field(
        None, alias="split-verb", description="Whether the verb came in more than one read: TCP segments matter here."
    )
    nth: Annotated[tuple[int, ...], COUNT_FORM] = Field((), description="Only at these matches, counted from 1.")
    first: Annotated[int | None, whole(1, 10**9)] = Field(None, description="Only at the first so many matches.")
    scope: Annotated[Scope, choice(*SCOPES)] = Field("session", description="Over what `nth` and `first` count.")
    probability: Annotated[float | None, real(0, 1)] = Field(None, description="How often, of all matches.")
    then: Annotated[Action, THEN_FORM]
    event: Annotated[int | None, whole(1, 65_535)] = Field(None, description="The event id that the imitated box logs.")
    mode: Annotated[Literal["enforce", "observe"] | None, choice("enforce", "observe")] = Field(
        None, description="`observe` records what the rule would have done and touches nothing."
    )
    note: Text = Field("", description="For people.")


class SettingsModel(BaseModel):
    """What holds for a policy as a whole; a variant of it may say it anew."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    summary: Annotated[str, text(1, 400)] = Field(description="What the policy does, in one line.")
    source: Text = Field("", description="Where the imitated behaviour is documented.")
    mode: Mode = Field("enforce", description="`observe` records what every rule would have done and touches nothing.")
    lies: Annotated[bool, truth()] = Field(False, description="The policy may answer success that no server gave.")
    seed: Annotated[int, whole(0, 2**63 - 1)] = Field(0, description="The seed of `probability`.")
    on_uncertain: Annotated[Literal["close", "tunnel"], choice("close", "tunnel")] = Field(
        "close", alias="on-uncertain", description="When the guard cannot know what the next octets are."
    )
    on_crash: Annotated[Literal["close", "pass"], choice("close", "pass")] = Field(
        "close", alias="on-crash", description="When a rule fails by an error of its own."
    )
    turn: Annotated[Literal["refuse", "tunnel", "swap"], choice("refuse", "tunnel", "swap")] = Field(
        "refuse", description="TURN and ATRN: refused, tunnelled, or inspected with the sides swapped."
    )
    networks: Annotated[dict[str, Words], _NETWORKS_FORM] = Field(
        default_factory=dict, description="Named networks; `internal` and `external` are known already."
    )
    limits: Annotated[dict[str, int], _LIMITS_FORM] = Field(
        default_factory=dict, description="Octets of a command line with its CRLF, by verb, in place of the RFCs'."
    )
    rules: list[RuleModel] = Field(default_factory=list, description="Asked in this order.")


class VariantModel(SettingsModel):
    """One way of several in which the box is known to behave: what differs from the policy that it is a variant of."""


class PolicyModel(SettingsModel):
    """A policy: an ordered list of rules. The first rule that matches decides; `record` asks the next one."""

    extends: Annotated[Words, _EXTENDS_FORM] = Field(
        (), description="Policies whose rules follow this one's: names, or paths beside this file."
    )
    variants: dict[str, VariantModel] = Field(
        default_factory=dict, description="By name; the first is the one that the policy's bare name means."
    )
