"""The lab's own data: scenarios, receiver profiles and messages that ship inside the package.

A document that does not fit its model raises ``LabError`` naming the document, the field and what was wrong with it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from smtpguard.lab.errors import LabError
from smtpguard.policy.errors import suggestion

Model = TypeVar("Model", bound=BaseModel)


def names(room: str) -> list[str]:
    """The names of the YAML documents in ``room`` (``scenarios``, ``profiles``), sorted."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in (files("smtpguard.lab") / room).iterdir()
        if entry.name.endswith(".yaml")
    )


def load(room: str, name: str, model: type[Model]) -> Model:
    """The document ``name`` of ``room`` as ``model``; an unknown name is answered with the nearest one."""
    known = names(room)
    kind = room.removesuffix("s")
    if name not in known:
        raise LabError(f"unknown {kind} {name!r} ({suggestion(name, known)})")
    text = (files("smtpguard.lab") / room / f"{name}.yaml").read_text(encoding="utf-8")
    return parse(text, f"{kind} {name}", model)


def parse(text: str, place: str, model: type[Model]) -> Model:
    """``text`` as ``model``; ``place`` names it in an error."""
    try:
        return model.model_validate(YAML(typ="safe", pure=True).load(text))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "document"
        raise LabError(f"{place}: {field}: {first['msg']}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{place}:{line}: {error.problem}") from None


def octets(room: str, name: str) -> bytes:
    """The file ``name`` of ``room``, as it is."""
    return (files("smtpguard.lab") / room / name).read_bytes()
