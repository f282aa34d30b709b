"""The analyzer's tables: YAML files beside this one, read once and checked against their models.

A table that does not fit is a defect of ours, not the user's: ``ValidationError`` or ``PolicyError`` then.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel

from smtpguard.policy.positions import read_yaml

Model = TypeVar("Model", bound=BaseModel)


def load(name: str, model: type[Model]) -> Model:
    """The table ``name`` as ``model``."""
    text = (files("smtpguard.analyzer") / f"{name}.yaml").read_text(encoding="utf-8")
    return model.model_validate(read_yaml(text, f"{name}.yaml").value)
