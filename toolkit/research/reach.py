"""What a strategy class reaches for outside of itself: clocks, dice, data and things that change; nothing is run."""

from __future__ import annotations

import random
from collections.abc import Iterator, MutableMapping
from datetime import date
from functools import cached_property
from itertools import islice
from numbers import Number
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.engine.strategy import Strategy
from toolkit.research.data import FeedData

_DICE: Final = frozenset({"random", "secrets", "uuid", "numpy.random"})
_CLOCKS: Final = frozenset(
    {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
)
_LARGE: Final = 1_000
_FIGURES: Final = 20  # more of them than settings have: a month of days, each with its answer


class Table(NamedTuple):
    """A table with times as its index, in the module where the strategy finds it by `name`."""

    home: MutableMapping[str, Any]
    name: str


class Reach(NamedTuple):
    """What was found, by the names under which the code asks for it.

    `data` are FeedData, `tables` have times as index: both can be cut. `arrays` cannot: nobody knows their times, or
    (in a class or a closure) nothing can be put in their place. More than 20 numbers or dates in a list or dict count.
    `changeable` are lists, dicts, sets and objects of a module or class, each with its holder.
    """

    clocks: tuple[str, ...]
    dice: tuple[str, ...]
    data: tuple[str, ...]
    tables: tuple[Table, ...]
    arrays: tuple[str, ...]
    changeable: tuple[tuple[str, Any], ...]


class _Use(NamedTuple):
    """One global name in one function: what it stands for, where it lives and what else the function names."""

    name: str
    value: Any
    home: MutableMapping[str, Any]
    beside: frozenset[str]


def reach(strategy: type[Strategy]) -> Reach:
    """Look through the methods of a class, and the functions of its module that they use."""
    uses = list(_uses(strategy))
    tables = {use.name: Table(use.home, use.name) for use in uses if _has_times(use.value) and use.home}
    held = [(use.name, use.value) for use in uses if use.name not in tables]
    changeable = {use.name: use.value for use in uses if isinstance(use.value, list | dict | set | bytearray)}
    for owner in _owners(strategy):
        held += [
            (f"{owner.__name__}.{name}", value) for name, value in vars(owner).items() if not name.startswith("__")
        ]
        changeable |= {
            f"{owner.__name__}.{name}": value
            for name, value in vars(owner).items()
            if isinstance(value, list | dict | set) and not name.startswith("__")
        }
    return Reach(
        clocks=_names(use.name + _read(use) for use in uses if _is_clock(use)),
        dice=_names(use.name for use in uses if _is_dice(use)),
        data=_names(use.name for use in uses if isinstance(use.value, FeedData)),
        tables=tuple(tables.values()),
        arrays=_names(name for name, value in held if _is_array(value)),
        changeable=tuple(changeable.items()),
    )


def _uses(strategy: type[Strategy]) -> Iterator[_Use]:
    waiting = [function for owner in _owners(strategy) for function in _functions(owner)]
    done: set[FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if function in done:
            continue
        done.add(function)
        names = frozenset(name for code in _codes(function.__code__) for name in code.co_names)
        for name in sorted(names & function.__globals__.keys()):
            value = function.__globals__[name]
            if isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
                waiting.append(value)
            else:
                yield _Use(name, value, function.__globals__, names)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name != "__class__":
                yield _Use(name, cell.cell_contents, {}, names)


def _owners(strategy: type) -> list[type]:
    """The class and its parents, `Strategy` itself left out."""
    return [owner for owner in strategy.__mro__ if owner is not object and owner is not Strategy]


def _functions(owner: type) -> Iterator[FunctionType]:
    for value in vars(owner).values():
        inner = _within(value)
        if isinstance(inner, FunctionType):
            yield inner


def _within(value: object) -> object:
    """The function inside of what a class holds."""
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    if isinstance(value, property):
        return value.fget
    return value.func if isinstance(value, cached_property) else value


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_clock(use: _Use) -> bool:
    if isinstance(use.value, ModuleType) and use.value.__name__ in ("time", "datetime"):
        return bool(use.beside & _CLOCKS)
    home = str(getattr(use.value, "__module__", ""))
    if home == "datetime" or use.value is pd.Timestamp:
        return bool(use.beside & {"now", "utcnow", "today"})
    return home == "time" and use.name != "sleep"


def _read(use: _Use) -> str:
    """`.now`, where the code takes the time from a class or module; nothing where it is a function itself."""
    is_holder = isinstance(use.value, ModuleType | type)
    return f".{min(use.beside & _CLOCKS)}" if is_holder and use.beside & _CLOCKS else ""


def _is_dice(use: _Use) -> bool:
    value = use.value
    if isinstance(value, ModuleType):
        return value.__name__ in _DICE or (value is np and "random" in use.beside)
    if isinstance(value, random.Random | np.random.Generator | np.random.RandomState):
        return True
    holder = getattr(value, "__self__", None)
    return isinstance(holder, random.Random) or str(getattr(value, "__module__", "")) in _DICE


def _has_times(value: object) -> bool:
    return isinstance(value, pd.DataFrame | pd.Series) and isinstance(value.index, pd.DatetimeIndex)


def _is_array(value: object) -> bool:
    if isinstance(value, pd.DataFrame | pd.Series):
        return True
    if isinstance(value, np.ndarray):
        return value.size > _FIGURES
    if not isinstance(value, list | tuple | dict | set | frozenset):
        return False
    return len(value) >= _LARGE or len(list(islice(_figures(value), _FIGURES + 1))) > _FIGURES


def _figures(value: object) -> Iterator[object]:
    """The numbers and dates in a container and in those that it holds."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _figures(inner)
        yield from (key for key in value if isinstance(key, date))
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _figures(inner)
    elif isinstance(value, Number | date):
        yield value


def _names(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))
