"""Reads a YAML file that a person wrote, remembering the line of every key and value; it knows no setting by name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from toolkit.domain.errors import ConfigError

Place = tuple[str | int, ...]
Value = None | bool | int | Decimal | str | list["Value"] | dict[str, "Value"]

PLAIN_TAG = "tag:yaml.org,2002:"
# Narrower than YAML 1.1 on purpose: there `no` is False, `010` is 8, `1:30` is 90 and `2026-01-02` a date.
WHOLE = re.compile(r"[-+]?[0-9][0-9_]*")
LONGEST_WHOLE = 40  # digits; Python refuses to read thousands of them as an int
NUMBER = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.?(inf|Inf|INF|nan|NaN|NAN)")


@dataclass(frozen=True, kw_only=True)
class Document:
    """The content of one file, the line of each place in it, and the file's checksum (SHA-256)."""

    name: str
    content: Value
    lines: dict[Place, int] = field(repr=False)
    checksum: str

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def source(self, place: Place) -> str:
        """File and line, for instance `config/limits.yaml:12`."""
        return f"{self.name}:{self.line(place)}"


def read_document(path: Path, name: str) -> Document:
    """Read one file; `name` is what people see. ConfigError for a missing, unreadable, broken or truncated file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{name} is missing; copy the one of the project into the desk's config/ folder") from None
    except OSError as problem:
        raise ConfigError(f"{name} cannot be read ({problem.strerror}); mend its permissions") from None
    return parse_document(raw, name)


def parse_document(raw: bytes, name: str) -> Document:
    """The same from bytes."""
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 text; save the file as UTF-8") from None
    except yaml.YAMLError as problem:
        raise ConfigError(_broken(name, problem)) from None
    if node is None:
        raise ConfigError(f"{name}:1: the file is empty; restore it, for instance from version control")
    lines: dict[Place, int] = {}
    content = _Reader(name, lines).value(node, ())
    return Document(name=name, content=content, lines=lines, checksum=hashlib.sha256(raw).hexdigest())


class _Reader:
    def __init__(self, name: str, lines: dict[Place, int]) -> None:
        self._name = name
        self._lines = lines

    def value(self, node: yaml.Node, place: Place) -> Value:
        self._lines.setdefault(place, _line(node))
        if not node.tag.startswith(PLAIN_TAG) or "python" in node.tag:
            raise ConfigError(f"{self._name}:{_line(node)}: tag {node.tag!r} is not known here; write a plain value")
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*place, index)) for index, child in enumerate(node.value)]
        return _scalar(node)

    def _entries(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Value]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{self._name}:{_line(key_node)}: a key must be a word")
            key = str(key_node.value)
            if key in seen:
                raise ConfigError(
                    f"{self._name}:{_line(key_node)}: {key!r} stands here twice (first in line {seen[key]}); remove one"
                )
            seen[key] = _line(key_node)
            inside = (*place, key)
            self._lines[inside] = _line(key_node)
            yield key, self.value(value_node, inside)


def _scalar(node: yaml.Node) -> Value:
    text = str(node.value)
    if getattr(node, "style", None) in {"'", '"', "|", ">"}:
        return text
    if text in {"", "~", "null"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if len(text) <= LONGEST_WHOLE and WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if NUMBER.fullmatch(text):
        return _decimal(text)
    return text


def _decimal(text: str) -> Decimal | str:
    """The number, or its text where the exponent is beyond every number: whoever wanted one then says so."""
    try:
        return Decimal(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except InvalidOperation:
        return text


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _broken(name: str, problem: yaml.YAMLError) -> str:
    mark = getattr(problem, "problem_mark", None)
    what = getattr(problem, "problem", None) or str(problem)
    place = f"{name}:{mark.line + 1}" if mark else name
    return f"{place}: not valid YAML ({what}); look at the indentation and quotes around this line"
