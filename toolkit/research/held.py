"""What a value holds, however deep: functions, data, tables, figures; nothing is run and nothing is used up."""

from __future__ import annotations

import re
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from datetime import date, time, timedelta, tzinfo
from functools import cached_property, partial, partialmethod
from itertools import islice
from numbers import Number
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from toolkit.domain.instruments import Instrument
from toolkit.engine.strategy import Strategy
from toolkit.research.data import FeedData

_FIGURES: Final = 20  # more of them than settings have: a month of days, each with its answer
_LETTERS: Final = 1_000
_PARTS: Final = 5_000  # nobody's settings: what has more is not looked through to its end
_OBJECTS: Final = "OUST"  # kinds of arrays whose items are looked at one by one: objects and texts
_TABLES: Final = ("__array__", "__dataframe__", "__arrow_c_stream__")  # of other libraries
_PLAIN: Final = (Number, date, time, timedelta, np.generic)
_PACKED: Final = (bytearray, memoryview, array)
_CLOSED: Final = (
    *_PLAIN, *_PACKED, str, bytes, range, type, ModuleType, FeedData, Strategy, Instrument, tzinfo,
    pd.DataFrame, pd.Series,
)  # fmt: skip


class Part(NamedTuple):
    """One thing in a value; where a dict has it, that dict and the key, so that another can be put in its place."""

    value: Any
    home: dict[Any, Any] | None = None
    key: Any = None


def parts(value: object) -> Iterator[Part]:
    """The value and what it holds, in containers, objects, decorators and bound arguments: at most 5,000 things."""
    waiting = deque([Part(value)])
    opened: dict[int, object] = {}  # holds them as well: the number of one that is gone would be given anew
    for _ in range(_PARTS):
        if not waiting:
            return
        part = waiting.popleft()
        yield part
        if id(part.value) not in opened and (inner := list(islice(_inner(part.value), _PARTS))):
            opened[id(part.value)] = part.value
            waiting.extend(inner[: _PARTS - len(waiting)])


def functions_in(value: object) -> Iterator[FunctionType]:
    """The functions that it is or holds, those behind a decorator as well."""
    return (part.value for part in parts(value) if isinstance(part.value, FunctionType))


def has_times(value: object) -> bool:
    """Whether it is a table with times as its index."""
    return isinstance(value, pd.DataFrame | pd.Series) and isinstance(value.index, pd.DatetimeIndex)


def can_be_cut(part: Part) -> bool:
    """A table with times in a dict: a shorter one can be put in its place."""
    return part.home is not None and has_times(part.value)


def is_more_than_settings(value: object) -> bool:
    """Whether it holds a table that cannot be cut, over 20 figures or 1,000 letters, or more than can be looked at.

    A figure is a number, a date or time, or a text with a digit in it.
    """
    figures = letters = 0
    for number, part in enumerate(parts(value), 1):
        if can_be_cut(part):
            continue
        figures += _figures(part.value)
        letters += len(part.value) if isinstance(part.value, str | bytes) else 0
        if figures > _FIGURES or letters >= _LETTERS or number == _PARTS:
            return True
    return False


def _figures(one: object) -> int:
    if isinstance(one, _PLAIN):
        return 1
    if isinstance(one, str):
        return int(re.search(r"\d", one) is not None)
    if isinstance(one, np.ndarray | pd.Index):
        return 0 if one.dtype.kind in _OBJECTS else one.size
    if isinstance(one, _PACKED):
        return len(one)
    return _FIGURES + 1 if any(hasattr(type(one), name) for name in _TABLES) else 0


def _inner(one: Any) -> Iterator[Part]:
    """What is directly in it."""
    if isinstance(one, _CLOSED):
        return
    if isinstance(one, Mapping):
        yield from _entries(one)
    elif isinstance(one, np.ndarray | pd.Index):
        yield from map(Part, np.asarray(one).flat if one.dtype.kind in _OBJECTS else ())
    elif isinstance(one, Sequence | Set | ValuesView):
        yield from map(Part, one)
    elif isinstance(one, partial | partialmethod):
        yield from map(Part, (one.func, *one.args, *one.keywords.values()))
    elif isinstance(one, property):
        yield from map(Part, (one.fget, one.fset))
    elif isinstance(one, MethodType):
        yield from map(Part, (one.__func__, one.__self__))
    elif isinstance(one, staticmethod | classmethod):
        yield Part(one.__func__)
    elif isinstance(one, cached_property):
        yield Part(one.func)
    else:
        yield from map(Part, _fields(one))


def _entries(one: Mapping[Any, Any]) -> Iterator[Part]:
    """The values, and keys that are dates or lead to no figure of their own: `{"2026-01-02": "buy"}`."""
    home = one if isinstance(one, dict) else None
    for key, value in one.items():
        yield Part(value, home, key)
        if isinstance(key, date) or isinstance(value, str | bytes | None):
            yield Part(key)


def _fields(one: object) -> Iterator[object]:
    """What an object has; of Python's own only what a decorator wraps, and namespaces."""
    held = getattr(one, "__dict__", {})
    if "__wrapped__" in held:
        yield held["__wrapped__"]
    elif isinstance(one, msgspec.Struct):
        yield from (getattr(one, name, None) for name in one.__struct_fields__)
    elif isinstance(one, SimpleNamespace) or type(one).__module__.partition(".")[0] not in sys.stdlib_module_names:
        yield from list(held.values())
        slots = [vars(owner).get("__slots__", ()) for owner in type(one).__mro__]
        names = [name for some in slots for name in ([some] if isinstance(some, str) else some)]
        yield from (getattr(one, name, None) for name in names if not name.startswith("__"))
