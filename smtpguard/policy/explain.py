"""What pydantic found wrong in a policy or in the guard's configuration: where in the file, what, the nearest word."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from smtpguard.policy.errors import PolicyError, quoted, suggestion
from smtpguard.policy.positions import Document, Path

UNKNOWN = "unknown field"

_EXAMPLES = {"id": "no-vrfy", "on": "command", "then": "strip", "summary": "Takes the keyword XEXCH50 away"}
_FIRST_FIELD = {"RuleModel": "id", "PolicyModel": "summary", "VariantModel": "summary"}


def problem(document: Document, path: Path, message: str, hint: str = "", *, key: bool = False) -> PolicyError:
    """One problem at ``path`` of ``document``: at its value, or with ``key`` at its name."""
    place = document.locate(path, key=key)
    return PolicyError(message, file=document.file, line=place.line, column=place.column, field=_label(path), hint=hint)


def problems(error: ValidationError, document: Document, base: Path, model: type[BaseModel]) -> list[PolicyError]:
    """Each error of validating the value at ``base`` against ``model``."""
    return [_one(dict(item), document, base, model) for item in error.errors(include_url=False)]


def _one(item: dict[str, Any], document: Document, base: Path, model: type[BaseModel]) -> PolicyError:
    path: Path = (*base, *item["loc"])
    kind = item["type"]
    if kind == "policy":
        context = item["ctx"]
        return problem(document, (*path, *context["path"]), context["message"], context["hint"], key=context["key"])
    if kind == "extra_forbidden":
        unknown = str(item["loc"][-1])
        hint = suggestion(unknown, _names(_inner(model, item["loc"][:-1])))
        return problem(document, path, UNKNOWN, hint, key=True)
    if kind == "missing":
        name = str(item["loc"][-1])
        hint = f"such as `{name}: {_EXAMPLES.get(name, '…')}`"
        return problem(document, path[:-1], f"the field '{name}' is missing", hint)
    if kind == "model_type":
        inner = _inner(model, item["loc"])
        hint = f"such as `{_FIRST_FIELD.get(inner.__name__) or _names(inner)[0]}: …`"
        return problem(document, path, f"expected fields and values, found {quoted(item['input'])}", hint)
    return problem(document, path, str(item["ctx"]["error"] if kind == "value_error" else item["msg"]))


def _inner(model: type[BaseModel], place: Path) -> type[BaseModel]:
    """The model of the section at ``place`` of ``model``; the one around it where it is none of ours."""
    for part in place:
        field = model.model_fields.get(str(part))
        kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def _names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _label(path: Path) -> str:
    """``then.reject.code`` for a field, ``rule 3`` for a rule as a whole; places in a list go without saying."""
    if path[:1] == ("variants",) and len(path) > 1:
        inner = _label(path[2:])
        return f"variant {path[1]}: {inner}" if inner else f"variant {path[1]}"
    if len(path) >= 2 and path[0] == "rules" and isinstance(path[1], int):
        inner = ".".join(str(part) for part in path[2:] if isinstance(part, str))
        return inner or f"rule {path[1] + 1}"
    return ".".join(str(part) for part in path if isinstance(part, str))
