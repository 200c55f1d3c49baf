"""Turns what pydantic found wrong into sentences with file, line, value and mend; it never shows a secret's value."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from execution.settings.documents import Document, Place
from toolkit.domain.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def validate(document: Document, model: type[Model]) -> Model:
    """The document as `model`, or one ConfigError that lists every problem, a line each."""
    try:
        return model.model_validate(document.content)
    except ValidationError as problem:
        # A misspelt key is also a missing one: what to mend comes first.
        found = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
        sentences = [_sentence(document, model, error) for error in found]
        raise ConfigError("\n".join(dict.fromkeys(sentences))) from None


def problem(document: Document, place: Place, sentence: str) -> ConfigError:
    """A ConfigError about a place of a file, for checks that need more than one file."""
    return ConfigError(f"{document.source(place)}: {dotted(place)} {sentence}")


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean …?` with the nearest known name, then all of them."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(names) or 'none'}"


def dotted(place: Place) -> str:
    return ".".join(str(part) for part in place) or "the file"


def _sentence(document: Document, model: type[BaseModel], error: ErrorDetails) -> str:
    place = _place(document, error["loc"])
    where = document.source(place)
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key {dotted(place)!r}; {nearest(str(place[-1]), _names(model, place[:-1]))}"
    if error["type"] == "missing":
        return f"{where}: {dotted(place)} is missing; add it"
    wanted = error["msg"].replace("Input should be", "it must be").removeprefix("Value error, ")
    return f"{where}: {dotted(place)} is {_shown(error['input'])}; {wanted}"


def _place(document: Document, location: tuple[int | str, ...]) -> Place:
    """The part of pydantic's location that is in the file: without tags of unions and marks of keys."""
    place: Place = ()
    for index, part in enumerate(location):
        inside = (*place, part)
        if inside in document.lines or index == len(location) - 1:
            if part == "[key]":
                break
            place = inside
    return place


def _shown(value: object) -> str:
    if isinstance(value, str) and "://" in value:  # what comes behind may be a password
        return f"'{value.partition('://')[0][:20]}://…'"
    text = repr(value) if isinstance(value, str) else "empty" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _names(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that are allowed at a place."""
    kind: Any = model
    for part in place:
        kind = _inside(kind, part)
    return [name for found in _models(kind) for name in _keys(found)]


def _inside(kind: Any, part: str | int) -> Any:
    for found in _models(kind):
        for name, field in found.model_fields.items():
            if part in (field.alias, name):
                return field.annotation
    origin = get_origin(_plain(kind))
    arguments = get_args(_plain(kind))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    return arguments[0] if arguments else None


def _models(kind: Any) -> list[type[BaseModel]]:
    kind = _plain(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    if get_origin(kind) in (Union, types.UnionType):
        return [found for option in get_args(kind) for found in _models(option)]
    return []


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
