"""The JSON Schema takes what the loader takes, and refuses what has a wrong shape."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from smtpguard.policy import library
from smtpguard.policy.actions import ACTIONS, WHERES
from smtpguard.policy.schema import DIALECT, policy_schema

from .broken import BROKEN

SCHEMA = policy_schema()
RULE = {"id": "a", "on": "command"}


def fits(value: object, schema: dict[str, object]) -> bool:
    """Whether ``value`` fits: the keywords of draft 2020-12 that our schema uses, and an error for any other."""
    return all(_KEYWORDS[keyword](value, wanted, schema) for keyword, wanted in schema.items())


def _typed(value: object, wanted: object, _: object) -> bool:
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
    kind = kinds[str(wanted)]
    return isinstance(value, kind) and (wanted == "boolean" or not isinstance(value, bool))


def _properties(value: object, wanted: dict, schema: dict) -> bool:
    return not isinstance(value, dict) or all(fits(value[key], wanted[key]) for key in value if key in wanted)


def _additional(value: object, wanted: object, schema: dict) -> bool:
    if not isinstance(value, dict):
        return True
    others = [item for key, item in value.items() if key not in schema.get("properties", {})]
    return not others if wanted is False else all(fits(item, wanted) for item in others)


_KEYWORDS = {
    "type": _typed,
    "enum": lambda value, wanted, _: value in wanted,
    "anyOf": lambda value, wanted, _: any(fits(value, one) for one in wanted),
    "$ref": lambda value, wanted, _: fits(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")]),
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": lambda value, wanted, _: not isinstance(value, dict) or all(fits(key, wanted) for key in value),
    "required": lambda value, wanted, _: not isinstance(value, dict) or set(wanted) <= set(value),
    "items": lambda value, wanted, _: not isinstance(value, list) or all(fits(item, wanted) for item in value),
    "minItems": lambda value, wanted, _: not isinstance(value, list) or len(value) >= wanted,
    "minLength": lambda value, wanted, _: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted, _: not isinstance(value, str) or len(value) <= wanted,
    "pattern": lambda value, wanted, _: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minimum": lambda value, wanted, _: not isinstance(value, int | float) or value >= wanted,
    "maximum": lambda value, wanted, _: not isinstance(value, int | float) or value <= wanted,
    **dict.fromkeys(("$schema", "$defs", "title", "description", "default", "format"), lambda *_: True),
}


def plain(text: str) -> object:
    return YAML(typ="safe", pure=True).load(text)


def test_it_is_json_of_the_dialect_it_names() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["required"] == ["summary"]
    assert "on-uncertain" in SCHEMA["properties"]
    assert SCHEMA["$defs"]["Rule"]["properties"]["on"]["enum"] == list(WHERES)


@pytest.mark.parametrize("path", library.shipped().values(), ids=lambda path: path.stem)
def test_shipped_policies_fit(path: Path) -> None:
    assert fits(plain(path.read_text()), SCHEMA)


@pytest.mark.parametrize(
    "then",
    [
        *[name for name in ACTIONS if name not in ("cap", "truncate", "advertise")],
        {"delay": 5},
        {"slice": 1},
        {"cap": 102400},
        {"cap": {"octets": 1}},
        {"truncate": 10},
        {"advertise": "SIZE 1000"},
        {"advertise": {"keywords": ["SIZE", "DSN"], "instead": True}},
        {"rewrite": "NOOP"},
        {"mask": "star"},
        {"reject": 550},
        {"reject": {"code": 550, "enhanced": "5.7.1", "text": "No", "exact": True}},
        {"close": {"code": 421}},
    ],
)
def test_every_form_of_then_fits(then: object) -> None:
    assert fits({"summary": "s", "rules": [{**RULE, "then": then}]}, SCHEMA)


@pytest.mark.parametrize(
    "fields",
    [
        {"then": "stripp"},
        {"then": "cap"},
        {"then": {"cap": {}}},
        {"then": {"delay": "soon"}},
        {"then": {"reject": {"txt": "No"}}},
        {"then": {"mask": "stars"}},
        {"then": {"strip": 1}},
        {},
        {"then": "pass", "verb": []},
        {"then": "pass", "verb": "MAIL FROM"},
        {"then": "pass", "verb": None},
        {"then": "pass", "size": "large"},
        {"then": "pass", "code": "6xx"},
        {"then": "pass", "keywrod": "X"},
        {"then": "pass", "nth": 0},
        {"then": "pass", "probability": 2},
        {"then": "pass", "violation": "bare-fl"},
    ],
)
def test_wrong_shapes_do_not_fit(fields: dict[str, object]) -> None:
    assert not fits({"summary": "s", "rules": [{**RULE, **fields}]}, SCHEMA)


@pytest.mark.parametrize(
    "case", [case for case in BROKEN if case.startswith(("unknown field", "unknown action", "no "))]
)
def test_an_editor_sees_the_common_slips(case: str) -> None:
    assert not fits(plain(BROKEN[case][0]), SCHEMA)
