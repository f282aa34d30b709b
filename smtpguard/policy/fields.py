"""The kinds of value that a policy's fields take: how each is read, and its JSON Schema.

A ``Form`` stands in an ``Annotated`` type. Its ``read`` takes the plain value of the YAML text and gives the typed one,
or raises what ``wrong`` makes: a message that says what was found, a hint, and the path inside the value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from smtpguard.policy.errors import quoted, suggestion

Schema = dict[str, Any]


def wrong(message: str, hint: str = "", path: tuple[str | int, ...] = (), *, key: bool = False) -> PydanticCustomError:
    """An error for what stands at ``path`` inside the field that is being read: its value, or with ``key`` its name."""
    # The message travels in the context: pydantic would take braces in the template for names.
    context = {"message": message, "hint": hint, "path": path, "key": key}
    return PydanticCustomError("policy", "{message}", context)


def inside(error: PydanticCustomError, *path: str | int) -> PydanticCustomError:
    """``error``, raised for a part of a value, as an error of the whole value."""
    context = error.context or {}
    return wrong(context["message"], context["hint"], (*path, *context["path"]), key=context["key"])


@dataclass(frozen=True)
class Form:
    """One kind of value: ``read`` checks and converts, ``schema`` tells an editor the same."""

    read: Callable[[object], object]
    schema: Schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        return dict(self.schema)


def text(low: int = 0, high: int = 2000, *, wire: bool = False) -> Form:
    """Text of ``low`` to ``high`` characters; with ``wire`` printable ASCII, as it goes into a line of SMTP."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            hint = "put it in quotes" if isinstance(value, bool | int | float) else ""
            raise wrong(f"expected text, found {quoted(value)}", hint)
        if not low <= len(value) <= high:
            problem = "may not be empty" if not value else f"has {len(value)} characters, at most {high} are allowed"
            raise wrong(problem, "" if value else "write some words")
        if wire and not (value.isascii() and value.isprintable()):
            raise wrong(f"expected printable ASCII on one line, found {quoted(value)}")
        return value

    return Form(read, {"type": "string", "minLength": low, "maxLength": high} if low else {"type": "string"})


def choice(*words: str) -> Form:
    """One of ``words``."""

    def read(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        listed = " or ".join(words) if len(words) < 4 else ""
        if not isinstance(value, str):
            raise wrong(f"expected a word, found {quoted(value)}", suggestion("", words))
        raise wrong(f"expected {listed}, found {quoted(value)}" if listed else f"unknown word {quoted(value)}",
                    suggestion(value, words))  # fmt: skip

    return Form(read, {"enum": list(words)})


def truth() -> Form:
    """``true`` or ``false``, as YAML 1.2 writes them."""

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(str(value).lower())
        raise wrong(f"expected true or false, found {quoted(value)}", f"did you mean {meant}?" if meant else "")

    return Form(read, {"type": "boolean"})


def whole(low: int, high: int) -> Form:
    """A whole number from ``low`` to ``high``."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise wrong(f"expected a whole number from {low} to {high}, found {quoted(value)}")

    return Form(read, {"type": "integer", "minimum": low, "maximum": high})


def real(low: float, high: float) -> Form:
    """A number from ``low`` to ``high``."""

    def read(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and low <= value <= high:
            return float(value)
        raise wrong(f"expected a number from {low:g} to {high:g}, found {quoted(value)}")

    return Form(read, {"type": "number", "minimum": low, "maximum": high})


def one_or_more(read_one: Callable[[object], object], schema: Schema) -> Form:
    """A value that ``read_one`` takes, or a list of such values; gives a tuple either way."""

    def read(value: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            return (read_one(value),)
        if not value:
            raise wrong("the list is empty", "leave the field out, or say one value")
        return tuple(_element(read_one, index, element) for index, element in enumerate(value))

    return Form(read, {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]})


def _element(read_one: Callable[[object], object], index: int, element: object) -> object:
    try:
        return read_one(element)
    except PydanticCustomError as error:
        raise inside(error, index) from error
