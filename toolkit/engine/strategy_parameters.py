"""What a strategy class declares (parameters, state, hooks): read, checked and overridden here; never run here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from inspect import get_annotations
from typing import Any, ClassVar, get_origin, get_type_hints

import msgspec

from toolkit.domain.errors import ConfigError

HOOKS = (
    "on_start",
    "on_quote",
    "on_trade",
    "on_bar",
    "on_timer",
    "on_order",
    "on_fill",
    "on_capital",
    "on_gap",
    "on_stop",
)
# What every strategy has and configuration may override, beside the parameters of its own.
DECLARATIONS: dict[str, type] = {"bar": str, "warmup": int, "bar_price": str}
_NOT_PARAMETERS = frozenset({"instruments", "State", "state"})


def parameter_types(strategy: type) -> dict[str, Any]:
    """Name → type of every annotated public attribute of the class and its parents, `Strategy` itself left out."""
    types: dict[str, Any] = {}
    for owner in reversed(strategy.__mro__):
        if owner is object or owner.__dict__.get("__strategy_base__"):
            continue
        for name in get_annotations(owner):
            if not name.startswith("_") and name not in _NOT_PARAMETERS:
                types[name] = None
    hints = _hints(strategy) if types else {}
    return {name: hints[name] for name in types if get_origin(hints[name]) is not ClassVar}


def parameter_values(strategy: type, given: Mapping[str, object]) -> dict[str, Any]:
    """The value of every parameter: as given, else the class's default. ConfigError names place, value and mend."""
    types = parameter_types(strategy)
    overridable = {**DECLARATIONS, **types}
    for name in given:
        if name not in overridable:
            raise ConfigError(f"{strategy.__name__} has no parameter {name!r}{nearest(name, overridable)}")
        if isinstance(getattr(strategy, name, None), property):
            raise ConfigError(f"{strategy.__name__}.{name} follows from other parameters; give those")
    values = {}
    for name, annotation in overridable.items():
        if name in given:
            values[name] = _convert(strategy, name, given[name], annotation)
        elif name in types:
            values[name] = _default(strategy, name, annotation)
    return values


def check_class(strategy: type) -> None:
    """Refuse what would fail later, while its author still looks at it: misspelt hooks, a state that is no struct."""
    for name in strategy.__dict__:
        if name.startswith("on_") and name not in HOOKS:
            raise ConfigError(f"{strategy.__name__}.{name} is not a hook{nearest(name, HOOKS)}")
    for name in sorted({*strategy.__dict__, *get_annotations(strategy)} & _words(strategy)):
        raise ConfigError(f"{strategy.__name__}.{name}: every strategy has a {name} of its own; choose another name")
    state = strategy.__dict__.get("State")
    if state is not None and not (isinstance(state, type) and issubclass(state, msgspec.Struct)):
        raise ConfigError(f"{strategy.__name__}.State must be a msgspec.Struct: class State(msgspec.Struct): …")
    names = strategy.__dict__.get("instruments", ())
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{strategy.__name__}.instruments must be a tuple of symbols such as ('AAPL', 'MSFT')")


def new_state(strategy: type[Any]) -> Any:
    """A fresh state. ConfigError when a field has no default."""
    state: type[msgspec.Struct] = strategy.State  # type-checked by check_class
    needed = [field.name for field in msgspec.structs.fields(state) if field.required]
    if needed:
        raise ConfigError(f"{strategy.__name__}.State: give {', '.join(needed)} a default, which the first start uses")
    return state()


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'fast'?`, or what there is."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(names) or 'none'}"


def _words(strategy: type) -> set[str]:
    """The requests and views of every strategy, which a parameter or a helper would hide."""
    base = next(owner for owner in strategy.__mro__ if owner.__dict__.get("__strategy_base__"))
    words = {name for name in vars(base) if not name.startswith("_")}
    return words - set(HOOKS) - set(DECLARATIONS) - _NOT_PARAMETERS


def _hints(strategy: type) -> dict[str, Any]:
    try:
        return get_type_hints(strategy)
    except NameError as error:
        raise ConfigError(f"{strategy.__name__}: an annotation names something unknown: {error}") from error


def _default(strategy: type, name: str, annotation: Any) -> Any:
    if not hasattr(strategy, name):
        raise ConfigError(f"{strategy.__name__}.{name} has no default and no value was given; give one in `parameters`")
    return _convert(strategy, name, getattr(strategy, name), annotation)


def _convert(strategy: type, name: str, value: object, annotation: Any) -> Any:
    try:
        return msgspec.convert(value, annotation)
    except (msgspec.ValidationError, TypeError) as error:
        wanted = getattr(annotation, "__name__", str(annotation))
        raise ConfigError(f"{strategy.__name__}.{name} = {value!r} must be {wanted}: {error}") from error
