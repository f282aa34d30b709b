"""The JSON Schema (draft 2020-12) of a policy file, made from the model, so that an editor completes and checks it.

It knows every field, word and short form. What must make sense together (an action at its place, a condition at its
place) only ``smtpguard policy check`` knows.
"""

from __future__ import annotations

from typing import Any

from smtpguard.policy.model import PolicyModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> dict[str, Any]:
    """The schema as plain values."""
    schema = PolicyModel.model_json_schema()
    definitions = schema.pop("$defs")
    for name in ("Rule", "Variant"):
        definitions[name] = definitions.pop(f"{name}Model")
    for model in (schema, definitions["Variant"]):
        model["properties"]["rules"]["items"] = {"$ref": "#/$defs/Rule"}
    schema["properties"]["variants"]["additionalProperties"] = {"$ref": "#/$defs/Variant"}
    for model in (schema, *definitions.values()):
        model["description"] = " ".join(model["description"].split()).replace("``", "`")
        model.pop("title")
        for described in model["properties"].values():
            _trim(described)
    return {"$schema": DIALECT, "title": "smtpguard policy", **schema, "$defs": definitions}


def _trim(described: dict[str, Any]) -> None:
    """Take out what says nothing: pydantic's titles, and defaults that only mean that a field is left out."""
    described.pop("title", None)
    if "default" in described and described["default"] in (None, "", []):
        del described["default"]
