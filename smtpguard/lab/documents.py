"""The lab's documents: scenarios, receiver profiles and policies that ship in the package, and files of the user's.

A document that does not fit its model raises ``LabError`` with file, line, column, the field, what was found and the
nearest valid word, in the form of the policies' errors. No input makes it fail otherwise.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from smtpguard.lab.errors import LabError
from smtpguard.policy.errors import PolicyError, quoted, suggestion
from smtpguard.policy.explain import problem
from smtpguard.policy.loader import read_document
from smtpguard.policy.positions import Document, read_yaml

Model = TypeVar("Model", bound=BaseModel)

_UNKNOWN = "unknown field"
_SHORT = "should have at least"
_HINTS = {"scenarios": "`smtpguard lab list` shows the names; a file of your own ends in .yaml or has a / in its path"}
_QUOTED = re.compile(r"'([^']*)'")


def folder(room: str) -> Traversable:
    """Where the documents of ``room`` (``scenarios``, ``profiles``, ``policies``) lie."""
    return files("smtpguard.lab") / room


def names(room: str) -> list[str]:
    """The names of the YAML documents in ``room``, sorted."""
    return sorted(entry.name.removesuffix(".yaml") for entry in folder(room).iterdir() if entry.name.endswith(".yaml"))


def find(room: str, name: str) -> Document:
    """The document ``name`` of ``room``; an unknown name is answered with the nearest one."""
    known = names(room)
    kind = room.removesuffix("s")
    if name not in known:
        hint = suggestion(name, known) or _HINTS.get(room, f"known: {len(known)} {room}")
        raise LabError(f"unknown {kind} {name!r} ({hint})")
    return as_document((folder(room) / f"{name}.yaml").read_text(encoding="utf-8"), f"{kind} {name}")


def load(room: str, name: str, model: type[Model]) -> Model:
    """The document ``name`` of ``room`` as ``model``."""
    return fit(find(room, name), model)


def parse(text: str, place: str, model: type[Model]) -> Model:
    """``text`` as ``model``; ``place`` names it in an error."""
    return fit(as_document(text, place), model)


def as_document(text: str, place: str) -> Document:
    """``text`` as plain values with their positions."""
    try:
        return read_yaml(text, place)
    except PolicyError as error:
        raise LabError(str(error)) from None


def from_file(path: Path) -> Document:
    """The document in a file of the user's."""
    try:
        return read_document(path)
    except PolicyError as error:
        raise LabError(str(error).replace("for a policy", "for the lab")) from None


def fit(document: Document, model: type[Model]) -> Model:
    """The values of ``document`` as ``model``; raises the first problem in the file."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        found = [_told(dict(item), document, model) for item in error.errors(include_url=False)]
        raise LabError(str(min(found, key=_rank))) from None


def _rank(problem: PolicyError) -> tuple[bool, bool, int, int]:
    """The problem to tell comes first: a misspelt field is missing too, a list with one wrong item is too short."""
    return problem.message != _UNKNOWN, _SHORT in problem.message, problem.line or 0, problem.column or 0


def _told(item: dict[str, Any], document: Document, model: type[BaseModel]) -> PolicyError:
    path = tuple(item["loc"])
    kind = item["type"]
    if kind == "extra_forbidden":
        return problem(document, path, _UNKNOWN, suggestion(str(path[-1]), _fields(model, path[:-1])), key=True)
    if kind == "missing":
        return problem(document, path[:-1], f"the field '{path[-1]}' is missing")
    if kind in ("model_type", "dict_type"):
        return problem(document, path, f"expected fields and values, found {quoted(item['input'])}")
    if kind in ("literal_error", "enum"):
        words = _QUOTED.findall(str(item["ctx"]["expected"]))
        return problem(document, path, f"unknown word {quoted(item['input'])}", suggestion(str(item["input"]), words))
    message = str(item["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return problem(document, path, message)
    return problem(document, path, f"{message[:1].lower()}{message[1:]}, found {quoted(item['input'])}")


def _fields(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The fields that the model at ``path`` below ``model`` has."""
    inner: object = model
    for part in path:
        inner = _inside(inner, part)
    return list(inner.model_fields) if isinstance(inner, type) and issubclass(inner, BaseModel) else []


def _inside(kind: object, part: object) -> object:
    """The type of the field, item or value ``part`` of ``kind``; None where it has none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return None if field is None else _plain(field.annotation)
    arguments = get_args(kind)
    return _plain(arguments[-1] if get_origin(kind) is dict else arguments[0]) if arguments else None


def _plain(kind: object) -> object:
    """``kind`` without annotations and without the None of an optional one."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return next((_plain(one) for one in get_args(kind) if one is not type(None)), None)
    return kind


def octets(room: str, name: str) -> bytes:
    """The file ``name`` of ``room``, as it is."""
    return (folder(room) / name).read_bytes()
