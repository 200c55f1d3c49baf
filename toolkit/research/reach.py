"""What a strategy class reaches for outside of itself: clocks, dice, files, data, what changes; nothing is run."""

from __future__ import annotations

import builtins
import dis
import random
import sys
from collections.abc import Iterator, MutableMapping
from datetime import date
from functools import cached_property, partial
from itertools import islice
from numbers import Number
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.engine.strategy import Strategy
from toolkit.research.data import FeedData

_DICE: Final = frozenset({"random", "secrets", "uuid", "numpy.random"})
_DATES: Final = frozenset({"now", "utcnow", "today"})
_CLOCKS: Final = _DATES | {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
_READERS: Final = frozenset(
    {
        "read_bytes", "read_csv", "read_excel", "read_feather", "read_hdf", "read_json", "read_parquet", "read_pickle",
        "read_sql", "read_table", "read_text", "loadtxt", "genfromtxt", "fromfile", "memmap",
    }
)  # fmt: skip
_OF_OBJECTS: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"})
_LARGE: Final = 1_000
_FIGURES: Final = 20  # more of them than settings have: a month of days, each with its answer


class Table(NamedTuple):
    """A table with times as its index, in the module where the strategy finds it by `name`."""

    home: MutableMapping[str, Any]
    name: str


class Reach(NamedTuple):
    """What was found, by the names under which the code asks for it.

    `data` are FeedData, `tables` have times as index: both can be cut. `arrays` cannot: nobody knows their times, or
    (in a class, an object, a closure, the default of an argument, the code itself) nothing can be put in their place.
    More than 20 numbers or dates in a list or dict count, and texts of 1,000 letters. `files` are calls that read one.
    `changeable` are lists, dicts, sets and objects of a module or class, each with its holder.
    """

    clocks: tuple[str, ...]
    dice: tuple[str, ...]
    files: tuple[str, ...]
    data: tuple[str, ...]
    tables: tuple[Table, ...]
    arrays: tuple[str, ...]
    changeable: tuple[tuple[str, Any], ...]


class _Use(NamedTuple):
    """One name in one function that is not its own: what it stands for, where it lives, what is asked of objects."""

    name: str
    value: Any
    home: MutableMapping[str, Any]
    beside: frozenset[str]


class _Names(NamedTuple):
    """The names in a function's code: of its module or Python's own, of modules that it imports, of attributes."""

    globals: frozenset[str]
    imports: frozenset[str]
    attributes: frozenset[str]


def reach(strategy: type[Strategy]) -> Reach:
    """Look through the methods of a class, and the functions and classes of its module that they use."""
    functions = list(_reached(strategy))
    uses = [use for function in functions for use in _uses(function)]
    tables = {use.name: Table(use.home, use.name) for use in uses if _has_times(use.value) and use.home}
    held = [(use.name, use.value) for use in uses if use.name not in tables]
    owned = [inside for owner in _owners(strategy) for inside in _inside(owner.__name__, owner)]
    held += owned
    held += [inside for use in uses if use.home and _class_of_ours(use) for inside in _inside(use.name, use.value)]
    changeable = {use.name: use.value for use in uses if isinstance(use.value, list | dict | set | bytearray)}
    changeable |= {name: value for name, value in owned if isinstance(value, list | dict | set)}
    return Reach(
        clocks=_names(use.name + _read(use) for use in uses if _is_clock(use)),
        dice=_names(use.name for use in uses if _is_dice(use)),
        files=_names(name for function in functions for name in _files(function)),
        data=_names(use.name for use in uses if isinstance(use.value, FeedData)),
        tables=tuple(tables.values()),
        arrays=_names(name for name, value in held if _is_array(value)),
        changeable=tuple(changeable.items()),
    )


def _reached(strategy: type[Strategy]) -> Iterator[FunctionType]:
    """The methods of the class, and every function of its module that they lead to, each once."""
    waiting = [function for owner in _owners(strategy) for function in _functions(owner)]
    done: set[FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if function in done:
            continue
        done.add(function)
        yield function
        for use in _uses(function, functions=True):
            inner = _within(use.value)
            if isinstance(inner, FunctionType) and inner.__globals__ is function.__globals__:
                waiting.append(inner)
            elif use.home and (found := _class_of_ours(use)) is not None:
                waiting += _functions(found)


def _uses(function: FunctionType, *, functions: bool = False) -> Iterator[_Use]:
    """What it takes from elsewhere; functions of its own module are left out unless wanted."""
    names = _names_in(function)
    for name in sorted(names.globals & function.__globals__.keys()):
        value = function.__globals__[name]
        if functions or not (isinstance(value, FunctionType) and value.__globals__ is function.__globals__):
            yield _Use(name, value, function.__globals__, names.attributes)
    for name in sorted(names.imports & sys.modules.keys()):
        yield _Use(name, sys.modules[name], {}, names.attributes)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__":
            yield _Use(name, cell.cell_contents, {}, names.attributes)
    for name, value in _defaults(function).items():
        yield _Use(f"{function.__name__}({name}=…)", value, {}, names.attributes)
    for code in _codes(function.__code__):
        for written in (one for one in code.co_consts if isinstance(one, tuple | frozenset)):
            yield _Use(f"what {code.co_name} lists", written, {}, names.attributes)


def _names_in(function: FunctionType) -> _Names:
    found = [(one.opname, one.argval) for code in _codes(function.__code__) for one in dis.get_instructions(code)]
    return _Names(
        frozenset(name for what, name in found if what in ("LOAD_GLOBAL", "LOAD_NAME")),
        frozenset(name for what, name in found if what == "IMPORT_NAME"),
        frozenset(name for what, name in found if what in _OF_OBJECTS),
    )


def _defaults(function: FunctionType) -> dict[str, Any]:
    code, given = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return dict(zip(names[len(names) - len(given) :], given, strict=True)) | (function.__kwdefaults__ or {})


def _files(function: FunctionType) -> Iterator[str]:
    """The calls in it that read a file."""
    names = _names_in(function)
    if "open" in names.globals and function.__globals__.get("open", builtins.open) is builtins.open:
        yield "open"
    yield from names.attributes & _READERS
    for use in _uses(function):
        if use.value is np and "load" in names.attributes:
            yield f"{use.name}.load"
        elif use.value is Path and "open" in names.attributes:
            yield f"{use.name}.open"
        elif getattr(use.value, "__name__", "") in _READERS:
            yield use.name


def _class_of_ours(use: _Use) -> type | None:
    """The class of its own module that a name stands for, or an object of it; no strategy."""
    found = use.value if isinstance(use.value, type) else type(use.value)
    ours = found.__module__ == use.home.get("__name__")
    return found if ours and not issubclass(found, Strategy) else None


def _inside(name: str, holder: object) -> Iterator[tuple[str, Any]]:
    """What a class or an object holds."""
    for inner, value in getattr(holder, "__dict__", {}).items():
        if not inner.startswith("__"):
            yield f"{name}.{inner}", value


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
    return value.func if isinstance(value, cached_property | partial) else value


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_clock(use: _Use) -> bool:
    if isinstance(use.value, ModuleType) and use.value.__name__ in ("time", "datetime"):
        return bool(use.beside & (_CLOCKS if use.value.__name__ == "time" else _DATES))
    home = str(getattr(use.value, "__module__", ""))
    if home == "datetime" or use.value is pd.Timestamp:
        return bool(use.beside & _DATES)
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
    if isinstance(value, partial):
        return any(map(_is_array, (*value.args, *value.keywords.values())))
    if isinstance(value, str | bytes):
        return len(value) >= _LARGE
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
