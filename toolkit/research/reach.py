"""What a strategy class reaches for outside of itself: clocks, dice, files, data, what changes; nothing is run."""

from __future__ import annotations

import builtins
import dis
import io
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableMapping
from functools import cached_property, partial, partialmethod
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.engine.strategy import Strategy
from toolkit.research.data import FeedData
from toolkit.research.held import Part, functions_in, has_times, is_more_than_settings, parts

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
_OPENERS: Final = {
    np: frozenset({"load"}),
    io: frozenset({"open", "open_code", "FileIO"}),
    os: frozenset({"open", "fdopen", "popen", "pread", "preadv", "read", "readv"}),
}
_METHODS: Final = (FunctionType, staticmethod, classmethod, property, cached_property, partial, partialmethod)
_UNENDED: Final = frozenset({"report", "_steps", "_whole"})  # what FeedData have that reaches beyond the horizon


class Table(NamedTuple):
    """A table with times as its index, in the module or dict where the strategy finds it by `key`."""

    home: MutableMapping[Any, Any]
    key: Any
    name: str  # for people: `CLOSES`, or `CLOSES['IBM']`


class Reach(NamedTuple):
    """What was found, by the names under which the code asks for it.

    `data` are FeedData, `tables` have times as index: both can be cut. `arrays` cannot: nobody knows their times, or
    (in a class, an object, a list, a closure, the default of an argument, the code itself) nothing can be put in their
    place; more than 20 figures or 1,000 letters count. `reports` are what of the data no cut ends. `files` are calls
    that read one or ask another program. `changeable` are lists, dicts, sets and objects of a module or class, each
    with its holder. `caches` are emptied by calling them.
    """

    clocks: tuple[str, ...]
    dice: tuple[str, ...]
    files: tuple[str, ...]
    data: tuple[str, ...]
    tables: tuple[Table, ...]
    arrays: tuple[str, ...]
    changeable: tuple[tuple[str, Any], ...]
    reports: tuple[str, ...]
    caches: tuple[Callable[[], None], ...]


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
    tables = {use.name: Table(use.home, use.name, use.name) for use in uses if has_times(use.value) and use.home}
    held = [(use.name, use.value) for use in uses if use.name not in tables]
    owned = [inside for owner in _owners(strategy) for inside in _inside(owner)]
    held += owned
    held += [inside for use in uses for owner in _classes_of_ours(use) for inside in _inside(owner)]
    within = [(name, part) for name, value in held for part in parts(value)]
    tables |= {table.name: table for name, part in within for table in _in_dict(name, part)}
    data = [(name, part.value) for name, part in within if isinstance(part.value, FeedData)]
    asked = frozenset[str]().union(*(_names_in(function).attributes for function in functions)) & _UNENDED
    changeable = {use.name: use.value for use in uses if isinstance(use.value, list | dict | set | bytearray)}
    changeable |= {name: value for name, value in owned if isinstance(value, list | dict | set)}
    return Reach(
        clocks=_names(use.name + _read(use) for use in uses if _is_clock(use)),
        dice=_names(use.name for use in uses if _is_dice(use)),
        files=_names(name for function in functions for name in _files(function)),
        data=_names(name for name, _ in data),
        tables=tuple(tables.values()),
        arrays=_names(name for name, value in held if is_more_than_settings(value)),
        changeable=tuple(changeable.items()),
        reports=_names(f"{name}.{one}" for name, feed in data for one in asked if one in dir(feed)),
        caches=tuple(value.cache_clear for _, value in held if _is_cache(value)),
    )


def _in_dict(name: str, part: Part) -> Iterator[Table]:
    if part.home is not None and has_times(part.value):
        yield Table(part.home, part.key, f"{name}[{part.key!r}]")


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
            waiting += [inner for inner in functions_in(use.value) if inner.__globals__ is function.__globals__]
            waiting += [inner for owner in _classes_of_ours(use) for inner in _functions(owner)]


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
        if name != "__class__" and not _is_empty(cell):
            yield _Use(name, cell.cell_contents, {}, names.attributes)
    for name, value in _defaults(function).items():
        yield _Use(f"{function.__name__}({name}=…)", value, {}, names.attributes)
    for code in _codes(function.__code__):
        for written in (one for one in code.co_consts if isinstance(one, tuple | frozenset)):
            yield _Use(f"what {code.co_name} lists", written, {}, names.attributes)


def _is_empty(cell: CellType) -> bool:
    """Whether the name of an outer function has no value yet, or none any more."""
    try:
        return cell.cell_contents is None
    except ValueError:
        return True


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
    """The calls in it that read a file, or ask another program."""
    names = _names_in(function)
    if "open" in names.globals and function.__globals__.get("open", builtins.open) is builtins.open:
        yield "open"
    yield from names.attributes & _READERS
    for use in _uses(function):
        if isinstance(use.value, ModuleType):
            yield from (f"{use.name}.{one}" for one in names.attributes & _OPENERS.get(use.value, frozenset()))
        if use.value is Path and "open" in names.attributes:
            yield f"{use.name}.open"
        elif getattr(use.value, "__name__", "") in _READERS or _is_asked(use.value):
            yield use.name


def _is_asked(value: object) -> bool:
    """Something of `subprocess`, or what opens and reads in `os`, taken from there by its name."""
    home, name = getattr(value, "__module__", ""), getattr(value, "__name__", "")
    return value is subprocess or home == "subprocess" or (home in ("os", os.name) and name in _OPENERS[os])


def _is_cache(value: object) -> bool:
    """A function that keeps its answers: those of a run that knew the whole data would reach the next."""
    return callable(getattr(value, "cache_clear", None)) and not isinstance(value, type | ModuleType)


def _classes_of_ours(use: _Use) -> Iterator[type]:
    """The class of its own module that a name stands for, or an object of it, and its parents; no strategy."""
    found = use.value if isinstance(use.value, type) else type(use.value)
    if not issubclass(found, Strategy):
        yield from (owner for owner in _owners(found) if owner.__module__ == use.home.get("__name__"))


def _inside(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class holds; the instruments of a strategy are declared, and hide nothing."""
    for name, value in vars(owner).items():
        if not name.startswith("__") and not (name == "instruments" and issubclass(owner, Strategy)):
            yield f"{owner.__name__}.{name}", value


def _owners(found: type) -> list[type]:
    """The class and its parents, `Strategy` itself left out."""
    return [owner for owner in found.__mro__ if owner is not object and owner is not Strategy]


def _functions(owner: type) -> Iterator[FunctionType]:
    """The methods of a class, and functions of its module that it keeps otherwise."""
    for value in vars(owner).values():
        for function in functions_in(value):
            if isinstance(value, _METHODS) or function.__module__ == owner.__module__:
                yield function


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


def _names(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))
