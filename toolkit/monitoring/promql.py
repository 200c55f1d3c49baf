"""Which metrics and labels a query of Prometheus names: enough of its grammar for that, and no more; asks nothing."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from toolkit.domain.errors import ConfigError

ALERTS: Final = ("alertname", "alertstate", "severity", "owner", "strategy", "venue")
"""The labels that the series of Prometheus' own alerts have for certain."""

WORDS: Final = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<span>\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)"""
    r"""|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<variable>\$\{?\w+\}?)|(?P<name>[A-Za-z_][\w:]*)"""
    r"""|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){}\[\],:@])"""
)
GROUPING: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
OPERATORS: Final = frozenset({"and", "or", "unless", "bool", "offset", "atan2"})
NUMBERS: Final = frozenset({"inf", "nan"})


class Word(NamedTuple):
    kind: str
    text: str


def selectors(query: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each metric that is asked for with the labels that its braces name. ConfigError for what is no query."""
    words = _words(query)
    found: list[tuple[str, tuple[str, ...]]] = []
    place = 0
    while place < len(words):
        word, after = words[place], _text(words, place + 1)
        place += 1
        if word.kind != "name" or word.text.lower() in OPERATORS | NUMBERS:
            continue
        if word.text in GROUPING:
            place = _end(words, place, "(", ")") if after == "(" else place
        elif after == "{":
            end = _end(words, place, "{", "}")
            found.append((word.text, _matched(words[place:end])))
            place = end
        elif after != "(" and not _is_aggregation(words, place):
            found.append((word.text, ()))
    if not found:
        raise ConfigError("asks for no metric; name one")
    return found


def grouping_labels(query: str) -> tuple[str, ...]:
    """The labels in `by (…)`, `on (…)` and the like."""
    words = _words(query)
    labels: list[str] = []
    for place, word in enumerate(words):
        if word.kind == "name" and word.text in GROUPING and _text(words, place + 1) == "(":
            inside = words[place + 2 : _end(words, place + 1, "(", ")") - 1]
            labels.extend(each.text for each in inside if each.kind == "name")
    return tuple(dict.fromkeys(labels))


def _words(query: str) -> list[Word]:
    words: list[Word] = []
    place = 0
    while place < len(query):
        found = WORDS.match(query, place)
        if found is None:
            raise ConfigError(f"cannot be read from {query[place : place + 20]!r} on; mend the query")
        place = found.end()
        if found.lastgroup not in (None, "space"):
            words.append(Word(str(found.lastgroup), found.group()))
    _check_brackets(words)
    return words


def _check_brackets(words: list[Word]) -> None:
    pairs, opened = {"(": ")", "{": "}", "[": "]"}, []
    for word in words:
        if word.kind == "sign" and word.text in pairs:
            opened.append(pairs[word.text])
        elif word.kind == "sign" and word.text in pairs.values() and (not opened or opened.pop() != word.text):
            raise ConfigError(f"closes a {word.text} that was not opened; mend the query")
    if opened:
        raise ConfigError(f"lacks a {opened[-1]}; mend the query")


def _is_aggregation(words: list[Word], place: int) -> bool:
    """`sum by (venue) (…)`: the name of a function with its grouping before its argument."""
    return _text(words, place) in ("by", "without") and _text(words, place + 1) == "("


def _end(words: list[Word], place: int, opening: str, closing: str) -> int:
    """The place behind the bracket that closes the one at `place`."""
    depth = 0
    while place < len(words):
        depth += (words[place].text == opening) - (words[place].text == closing)
        place += 1
        if depth == 0:
            break
    return place


def _matched(words: list[Word]) -> tuple[str, ...]:
    signs = ("=", "!=", "=~", "!~")
    return tuple(
        word.text for place, word in enumerate(words) if word.kind == "name" and _text(words, place + 1) in signs
    )


def _text(words: list[Word], place: int) -> str:
    return words[place].text if place < len(words) else ""
