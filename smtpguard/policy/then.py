"""What stands after ``then:``: the name of an action, or one name with its fields.

``then: strip`` · ``then: {reject: {code: 550, text: No}}`` · ``then: {delay: 5}``, where a bare value is the action's
first field. The fields and their defaults come from the classes of ``actions``; ``_FORMS`` says what each may hold.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Any

from pydantic_core import PydanticCustomError

from smtpguard.policy.actions import ACTIONS, Action, Close, Reject
from smtpguard.policy.errors import quoted, suggestion
from smtpguard.policy.fields import Form, Schema, choice, inside, one_or_more, real, text, truth, whole, wrong

_MOST_OCTETS = 2**40
_LONGEST_TEXT = 400  # leaves room in the 512 octets of a reply line (RFC 5321 4.5.3.1.5) for codes and the rule's id
_LONGEST_DELAY = 7 * 86_400.0

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}\Z")  # RFC 3463 2
_KEYWORD = text(1, _LONGEST_TEXT, wire=True)  # a line of the EHLO list, parameters and all
_FORMS: dict[tuple[str, str], Form] = {
    ("mask", "style"): choice("letters", "star", "banner"),
    ("advertise", "keywords"): one_or_more(_KEYWORD.read, _KEYWORD.schema),
    ("advertise", "instead"): truth(),
    ("reject", "code"): whole(200, 599),
    ("reject", "text"): text(1, _LONGEST_TEXT, wire=True),
    ("rewrite", "to"): text(1, 500, wire=True),
    ("cap", "octets"): whole(0, _MOST_OCTETS),
    ("truncate", "octets"): whole(0, _MOST_OCTETS),
    ("misread", "into"): choice("lines", "commands"),
    ("misread", "limit"): whole(1, 1000),
    ("misread", "reply"): text(4, _LONGEST_TEXT, wire=True),
    ("misread", "last"): text(4, _LONGEST_TEXT, wire=True),
    ("delay", "seconds"): real(0, _LONGEST_DELAY),
    ("slice", "octets"): whole(1, 65_536),
    ("slice", "seconds"): real(0, _LONGEST_DELAY),
    ("close", "code"): whole(400, 599),
    ("close", "text"): text(1, _LONGEST_TEXT, wire=True),
    ("close", "after"): whole(0, _MOST_OCTETS),
    ("reset", "after"): whole(0, _MOST_OCTETS),
    ("drop", "after"): whole(0, _MOST_OCTETS),
}
# A default of 0 octets is nothing that anyone asks for by accident, nor is a list of no keywords.
_NEEDED = {"cap": "octets", "truncate": "octets", "advertise": "keywords"}
_SUCH_AS = {"octets": "102400", "keywords": "[SIZE, 8BITMIME]"}


def _read_enhanced(value: object) -> str:
    if value == "" or (isinstance(value, str) and _ENHANCED.match(value)):
        return str(value)
    raise wrong(f"expected an enhanced code such as 5.7.1, found {quoted(value)}")


_ENHANCED_FORM = Form(_read_enhanced, {"type": "string", "pattern": r"^([245]\.[0-9]{1,3}\.[0-9]{1,3})?$"})


def _form(action: str, field: str) -> Form:
    if field == "enhanced":
        return _ENHANCED_FORM
    return truth() if field == "exact" else _FORMS[action, field]


def read_then(value: object) -> Action:
    """The action that ``value`` asks for."""
    if isinstance(value, str):
        name, given = value, {}
        _known(name, ())
    elif isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        _known(name, (name,))
        given = _long_form(name, value[name])
    else:
        found = f"{len(value)} actions" if isinstance(value, dict) else quoted(value)
        raise wrong(f"expected one action, found {found}", "such as `strip` or `{delay: 5}`")
    return _action(name, given)


def _known(name: str, path: tuple[str | int, ...]) -> None:
    if name not in ACTIONS:
        raise wrong(f"unknown action {quoted(name)}", suggestion(name, ACTIONS), path, key=bool(path))


def _long_form(name: str, given: object) -> dict[str, object]:
    if isinstance(given, dict):
        return given
    names = [item.name for item in fields(ACTIONS[name])]
    if not names:
        raise wrong(f"'{name}' takes no value, found {quoted(given)}", f"write `then: {name}`", (name,))
    return {names[0]: given}


def _action(name: str, given: dict[str, object]) -> Action:
    cls = ACTIONS[name]
    names = [item.name for item in fields(cls)]
    values: dict[str, Any] = {}
    for field, value in given.items():
        if field not in names:
            raise wrong(f"'{name}' has no field {quoted(field)}", suggestion(field, names), (name, field), key=True)
        values[field] = _read(name, field, value)
    needed = _NEEDED.get(name)
    if needed is not None and needed not in values:
        raise wrong(f"'{name}' needs {needed}", f"such as `{{{name}: {_SUCH_AS[needed]}}}`", (name,))
    if issubclass(cls, Reject | Close):
        _agree_codes(cls, name, values)
    return cls(**values)


def _read(name: str, field: str, value: object) -> object:
    try:
        return _form(name, field).read(value)
    except PydanticCustomError as error:
        raise inside(error, name, field) from error


def _agree_codes(cls: type[Reject | Close], name: str, values: dict[str, Any]) -> None:
    """RFC 3463 2: the class of the enhanced code is the first digit of the reply code."""
    code = values.get("code", cls().code)
    if code is None:
        words = [field for field in values if field != "after"]
        if words:
            raise wrong(f"'{name}' says {', '.join(words)} but has no code", "such as `code: 421`", (name,))
        return
    if 300 <= code < 400:
        raise wrong(f"a refusal cannot answer {code}", "from 400 to 599", (name, "code"))
    enhanced = values.get("enhanced")
    if enhanced and int(enhanced[0]) != code // 100:
        problem = f"the enhanced code {enhanced} does not fit {code}"
        raise wrong(problem, f"such as {code // 100}.7.1", (name, "enhanced"))
    if enhanced is None and cls is Reject:
        values["enhanced"] = f"{code // 100}.7.1" if code >= 400 else ""


def _schema() -> Schema:
    """Words, long forms and short forms, as an editor may complete them."""
    words = [name for name in ACTIONS if name not in _NEEDED]
    shapes: list[Schema] = [{"enum": words}]
    for name, cls in ACTIONS.items():
        names = [item.name for item in fields(cls)]
        if not names:
            continue
        long: Schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {item: dict(_form(name, item).schema) for item in names},
        }
        for item in fields(cls):
            if item.default is not MISSING and item.default not in (None, "") and name not in _NEEDED:
                long["properties"][item.name]["default"] = item.default
        if name in _NEEDED:
            long["required"] = [_NEEDED[name]]
        shapes.append({
            "type": "object",
            "additionalProperties": False,
            "required": [name],
            "properties": {name: {"anyOf": [dict(_form(name, names[0]).schema), long]}},
        })  # fmt: skip
    return {"description": "What the rule does.", "anyOf": shapes}


THEN_FORM = Form(read_then, _schema())
