"""YAML text as plain values, and where in the text each of them stands.

Takes the text of one file; gives dicts with text keys, lists, str, int, float, bool and None, with a line and column
for every key and value. Fails with one ``PolicyError`` for what YAML does not allow, and for what we do not: keys given
twice, keys that are not words, tags, more than one document, and text that unfolds into more values than any policy
has (aliases of aliases). Words are read as YAML 1.2 reads them: ``on`` and ``yes`` are words, not truth values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from smtpguard.policy.errors import PolicyError, quoted

Path = tuple[str | int, ...]

MAX_VALUES = 50_000
"""Values in one file, aliases unfolded. Ours: the largest policy we can think of has a few thousand."""

_QUOTES = "a text with special characters such as : # & * ! % [ { needs quotes"
_TAG = "tag:yaml.org,2002:"


class Position(NamedTuple):
    """A place in a text file; both count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """One file: its ``text``, its plain ``value``, and the positions of keys and values by their path."""

    file: str
    text: str = ""
    value: object = None
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)

    def locate(self, path: Path, *, key: bool = False) -> Position:
        """Where ``path`` stands: its key where asked, else its value; for what is not there, the nearest parent."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Position(1, 1)


def read_yaml(text: str, file: str) -> Document:
    """Parse ``text``; ``file`` is how errors name it. An empty text gives a document whose value is None."""
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        root = yaml.compose(text)
    except ReaderError as error:
        before = text[: error.position]
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _broken(f"control character {quoted(text[error.position])}", place, file, "take it out") from error
    except MarkedYAMLError as error:
        raise _broken(_reason(error), _marked(error), file, _remedy(text, error)) from error
    except YAMLError as error:
        raise _broken(str(error).splitlines()[0], Position(1, 1), file) from error
    except RecursionError as error:
        raise _broken("nested too deeply", Position(1, 1), file, "five levels are enough") from error
    except Exception as error:  # the parser's own slips: AssertionError at `%YAML 1.9`, OverflowError at \U99999999
        raise _broken(f"cannot be read ({type(error).__name__}: {error})", Position(1, 1), file, _QUOTES) from error
    document = Document(file, text)
    if root is not None:
        document.value = _Unfolding(document).value(root, (), ())
    return document


def _broken(reason: str, place: Position, file: str, hint: str = "") -> PolicyError:
    return PolicyError(f"not valid YAML: {reason}", file=file, line=place.line, column=place.column, hint=hint)


def _remedy(text: str, error: MarkedYAMLError) -> str:
    """What to do about what the parser stumbled on."""
    mark = error.problem_mark or error.context_mark
    at = text[mark.index : mark.index + 1] if mark is not None else ""
    if at == "\t":
        return "indent with blanks, not with a tab"
    return "one policy a file" if "document" in str(error.problem) else _QUOTES


def _marked(error: MarkedYAMLError) -> Position:
    mark = error.problem_mark or error.context_mark
    return Position(mark.line + 1, mark.column + 1) if mark is not None else Position(1, 1)


def _reason(error: MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return ", ".join(" ".join(str(part).split()) for part in parts) or "cannot be read"


class _Unfolding:
    """One walk over the nodes of a document, bounded in the number of values that it makes."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._made = 0

    def value(self, node: Node, path: Path, above: tuple[int, ...]) -> object:
        place = Position(node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, ScalarNode) and not node.style and not node.value:
            place = self._document.keys.get(path, place)  # nothing was written: YAML puts it at the next token
        self._document.values[path] = place
        self._made += 1
        if self._made > MAX_VALUES:
            raise self._refused(f"more than {MAX_VALUES} values", place)
        if id(node) in above:
            raise self._refused("an alias that contains itself", place, "write the values out")
        tag = str(node.tag)
        if isinstance(node, ScalarNode):
            return self._scalar(tag, str(node.value), place)
        if isinstance(node, MappingNode) and tag == _TAG + "map":
            return {key: self.value(child, (*path, key), (*above, id(node))) for key, child in self._pairs(node, path)}
        if isinstance(node, SequenceNode) and tag == _TAG + "seq":
            inside = (*above, id(node))
            return [self.value(child, (*path, index), inside) for index, child in enumerate(node.value)]
        raise self._refused(
            f"the tag {quoted(_plain(tag))} is not allowed", place, "leave it out, or put the text in quotes"
        )

    def _pairs(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Node]]:
        seen: dict[str, Position] = {}
        for key, child in node.value:
            place = Position(key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, ScalarNode):
                raise self._refused("a key must be a word", place, "the name of a field")
            # The text as written: under `%YAML 1.1` the key `on` would else be a truth value.
            name = str(key.value)
            if name in seen:
                message = f"the key {quoted(name)} is given twice, first in line {seen[name].line}"
                raise self._refused(message, place, "keep one of them")
            seen[name] = place
            self._document.keys[(*path, name)] = place
            yield name, child

    def _scalar(self, tag: str, text: str, place: Position) -> object:
        kind = tag.removeprefix(_TAG)
        if kind in ("str", "timestamp"):  # a date in a note is text like any other
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if kind in ("int", "float"):
            return _number(kind, text)
        raise self._refused(
            f"the tag {quoted(_plain(tag))} is not allowed", place, "leave it out, or put the text in quotes"
        )

    def _refused(self, reason: str, place: Position, hint: str = "") -> PolicyError:
        return PolicyError(reason, file=self._document.file, line=place.line, column=place.column, hint=hint)


def _plain(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _number(kind: str, text: str) -> object:
    """The number that ``text`` writes; the text itself where Python reads none (base 60, thousands of digits)."""
    digits = text.replace("_", "")
    try:
        if kind == "float":
            return float(digits.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
        sign = digits.lstrip("+-")
        return int(digits, 0) if sign[:2].lower() in ("0x", "0o", "0b") else int(digits)
    except ValueError:
        return text
