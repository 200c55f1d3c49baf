"""`tk.from_signal`: a function of a table of closes (or bars) to target weights, as a strategy like any other.

The only strategies whose runner loads pandas: this module is imported by who calls `tk.from_signal`, and by no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, getdoc, signature
from math import isfinite
from types import SimpleNamespace
from typing import Any, ClassVar, Final, Literal, NamedTuple, cast, get_type_hints

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError, DomainError
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_market import Bar
from toolkit.engine.strategy_parameters import nearest, parameter_types

__all__ = ["from_signal"]

Signal = Callable[..., Any]
FIELDS: Final = ("open", "high", "low", "close", "volume")
_ROUNDING: Final = 1e-9  # what adding floats may put on top of the leverage


def from_signal(
    function: Signal,
    *,
    instruments: Sequence[str] = (),
    warmup: int | str,
    bar: str = "1d",
    sees: Literal["closes", "bars"] = "closes",
    leverage: float = 1.0,
    band: float = 0.0,
    name: str | None = None,
) -> type[Strategy]:
    """Make a strategy of a function from a table to target weights.

        def momentum(closes, days=20):
            return (closes.iloc[-1] > closes.iloc[-days]) / closes.shape[1]

        Momentum = tk.from_signal(momentum, instruments=("AAPL", "IBM"), warmup=20)

    *It sees* the last `warmup` finished bars, float64, one row for each end of a bar (UTC, the newest last), one column
    for each instrument that has a full history: `closes`; or with `sees="bars"` the columns (field, instrument), so
    that `bars["close"]` are the closes. NaN where an instrument had no bar then. Bars still being built and quotes are
    not in it, so it cannot look ahead; as with any strategy, decisions on a session's close trade at the next open.

    *It returns* fractions of the capital, above 0 long and below 0 short, one for each column: a Series or mapping by
    instrument, a table whose last row counts (as vectorised code makes it), or a number where there is one column. A
    weight that is missing, NaN or infinite, or a sum of |weights| above `leverage`, raises DomainError: nothing is
    guessed. It is called once for each end of a bar and keeps nothing: a restart changes nothing.

    *What trades*: `weight · capital / (close · multiplier)`, rounded to whole lots toward 0, as market orders. Changes
    of less than `band` of the capital, or less than the smallest order, wait; a weight of 0 always closes.

    The function's other arguments need defaults and are the strategy's parameters. `warmup` may be the name of one:
    `warmup="days"`. The class is called like the function (`name` otherwise), and promotes like any other: bind it to
    a name at the top of its file or cell.
    """
    called = name or _class_name(function)
    if isinstance(instruments, str) or sees not in ("closes", "bars"):
        raise ConfigError(
            f"{called}: give instruments=('AAPL', …) and sees='closes' or 'bars', not {instruments!r}, {sees!r}"
        )
    leverage, band = float(leverage), float(band)
    parameters = _parameters(function, called)
    members: dict[str, Any] = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__.removesuffix(function.__name__) + called,
        "__doc__": getdoc(function) or f"Target weights of {function.__name__}.",
        "__annotations__": {one: kind for one, (kind, _) in parameters.items()},
        **{one: default for one, (_, default) in parameters.items()},
        "instruments": tuple(instruments), "bar": bar, "leverage": leverage, "band": band,
        "warmup": _warmup(warmup, parameters, called),
        "_function": staticmethod(function),
        "_made": Made(tuple(parameters), sees, _arguments(
            function, instruments=tuple(instruments), warmup=warmup, bar=bar, sees=sees, leverage=leverage, band=band,
            name=name,
        )),
    }  # fmt: skip
    return type(called, (SignalStrategy,), members)


class Made(NamedTuple):
    """What a class was made with: the names of its parameters, what its function sees, the call that makes it again."""

    parameters: tuple[str, ...]
    sees: str
    call: str


class SignalStrategy(Strategy):
    """Base of what `from_signal` makes; use that. It keeps no state: it decides on history, capital and position."""

    leverage: float = 1.0
    band: float = 0.0

    _function: ClassVar[Signal]
    _made: ClassVar[Made]

    def on_start(self) -> None:
        if not (isfinite(self.leverage) and self.leverage > 0 and 0 <= self.band < 1):
            raise ConfigError(f"leverage is {self.leverage}, band is {self.band}; give more than 0, and 0 to below 1")
        currencies = {view.currency for view in self.instruments.values()} | {self._here.base}
        if len(currencies) > 1:
            raise ConfigError(f"weights of a capital need one currency, not {', '.join(sorted(currencies))}")
        self._last: list[tuple[object, Mapping[str, float]]] = []  # only spares work: it is made anew after a restart

    def on_bar(self, bar: Bar) -> None:
        if bar.end_nanoseconds != self.history.bars(bar.instrument)[-1].end_nanoseconds:
            return  # told late, together with a newer one that counts
        weight = self._weights(bar.end_nanoseconds)[bar.instrument]
        view = self.instruments[bar.instrument]
        wanted = view.quantity(weight * self.capital / (bar.close * view.multiplier), "down" if weight > 0 else "up")
        change = abs(wanted - self._here.position(bar.instrument))
        value = change * bar.close * view.multiplier
        too_little = value < max(self.band * self.capital, view.minimum_value) or change < view.minimum
        is_working = any(order.instrument == bar.instrument for order in self.orders)
        if wanted and too_little and not is_working:
            self.signal(bar.instrument, wanted, f"weight {weight:.4f}, near enough to what it holds")
        else:
            self.target_position(bar.instrument, wanted, f"weight {weight:.4f}")

    def _weights(self, end: int) -> Mapping[str, float]:
        """The weights of all at the end of a bar; computed once while nothing else has come."""
        bars = {symbol: self.history.bars(symbol) for symbol in self.instruments}
        seen = (end, tuple(ours[-1].end_nanoseconds if ours else 0 for ours in bars.values()))
        if not self._last or self._last[0][0] != seen:
            full = {symbol: ours for symbol, ours in bars.items() if len(ours) == self.warmup}
            self._last[:] = [(seen, self._decide(_table(full, end, self._made.sees, self.warmup)))]
        return self._last[0][1]

    def _decide(self, table: pd.DataFrame) -> Mapping[str, float]:
        made = self._made
        symbols = [str(symbol) for symbol in table.columns.unique("instrument")]
        when = table.index[-1]
        given = self._function(table, **{one: getattr(self, one) for one in made.parameters})
        try:
            weights = _by_instrument(given, symbols, when)
            _check(weights, symbols, self.leverage)
        except DomainError as problem:
            raise DomainError(f"{self._function.__name__} at {when:%Y-%m-%d %H:%M:%S} UTC: {problem}") from None
        return weights


# ---- what the function sees, and what it said


def _table(bars: Mapping[str, Sequence[Bar]], end: int, sees: str, rows: int) -> pd.DataFrame:
    """The bars up to `end`, aligned by their ends."""
    fields = ("close",) if sees == "closes" else FIELDS
    ends = sorted({one.end_nanoseconds for ours in bars.values() for one in ours if one.end_nanoseconds <= end})[-rows:]
    places = {time: row for row, time in enumerate(ends)}
    values = np.full((len(ends), len(fields), len(bars)), np.nan)
    for column, ours in enumerate(bars.values()):
        for one in ours:
            if (row := places.get(one.end_nanoseconds)) is not None:
                values[row, :, column] = [getattr(one, field) for field in fields]
    index = pd.DatetimeIndex(np.array(ends, dtype="datetime64[ns]"), name="time").tz_localize("UTC")
    symbols = pd.Index(list(bars), name="instrument")
    columns = (
        symbols if sees == "closes" else pd.MultiIndex.from_product([fields, symbols], names=["field", "instrument"])
    )
    return pd.DataFrame(values.reshape(len(ends), -1), index=index, columns=columns)


def _by_instrument(given: object, symbols: Sequence[str], when: pd.Timestamp) -> dict[str, float]:
    if isinstance(given, pd.DataFrame):
        if given.empty or given.index[-1] != when:
            raise DomainError("the last row of the table it returned is not that of the newest bar; keep the index")
        given = given.iloc[-1]
    if isinstance(given, pd.Series | Mapping):
        return {str(symbol): _number(weight, str(symbol)) for symbol, weight in given.items()}
    if len(symbols) != 1:
        raise DomainError(f"it returned {given!r} for {', '.join(symbols)}; give a weight for each, by instrument")
    return {symbols[0]: _number(given, symbols[0])}


def _number(weight: object, symbol: str) -> float:
    try:
        return float(cast(float, weight))
    except (TypeError, ValueError):
        raise DomainError(f"the weight of {symbol} is {weight!r}; give a number") from None


def _check(weights: Mapping[str, float], symbols: Sequence[str], leverage: float) -> None:
    for symbol in weights:
        if symbol not in symbols:
            raise DomainError(f"it weighs {symbol!r}, which it was not shown{nearest(symbol, symbols)}")
    for symbol in symbols:
        if symbol not in weights:
            raise DomainError(f"it gave no weight for {symbol}; give 0 to hold nothing")
        if not isfinite(weights[symbol]):
            raise DomainError(
                f"the weight of {symbol} is {weights[symbol]}; give a finite number (0 holds nothing), or a larger "
                "warmup when it needs more bars"
            )
    total = sum(map(abs, weights.values()))
    if total > leverage + _ROUNDING:
        raise DomainError(f"the weights add up to {total:.4f} of the capital; leverage allows {leverage:g}")


# ---- what it is made of


def _class_name(function: Signal) -> str:
    name = getattr(function, "__name__", "")
    if not name.isidentifier():  # a lambda, a partial
        raise ConfigError(f"from_signal takes a function with a name (def …), not {function!r}")
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _parameters(function: Signal, called: str) -> dict[str, tuple[Any, object]]:
    """Type and default of every argument but the first."""
    table, *others = signature(function).parameters.values() or (None,)
    if table is None:
        raise ConfigError(f"{called}: {function.__name__} needs an argument: the table of bars that it is shown")
    reserved = {"instruments", *parameter_types(SignalStrategy)}
    hints = _hints(function, others)
    found: dict[str, tuple[Any, object]] = {}
    for one in others:
        if one.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD, Parameter.POSITIONAL_ONLY):
            raise ConfigError(f"{called}: {function.__name__} takes {one}; give each parameter a name and a default")
        if one.default is Parameter.empty:
            raise ConfigError(f"{called}: parameter {one.name} of {function.__name__} needs a default")
        if one.name in reserved:
            raise ConfigError(f"{called}: every signal has a {one.name} of its own; choose another name")
        found[one.name] = (hints.get(one.name, type(one.default)), one.default)
    return found


def _hints(function: Signal, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The annotations of these arguments; what a function says of its table and its weights is its own business."""
    told = {one.name: one.annotation for one in parameters if one.annotation is not Parameter.empty}
    try:
        return get_type_hints(SimpleNamespace(__annotations__=told), globalns=getattr(function, "__globals__", {}))
    except NameError as error:
        raise ConfigError(f"{function.__name__}: an annotation names something unknown: {error}") from error


def _warmup(warmup: int | str, parameters: Mapping[str, tuple[Any, object]], called: str) -> object:
    if isinstance(warmup, str):
        if warmup not in parameters:
            raise ConfigError(f"{called}: warmup names {warmup!r}, which is no parameter{nearest(warmup, parameters)}")
        return property(lambda self: getattr(self, warmup))
    if type(warmup) is not int or warmup < 1:
        raise ConfigError(f"{called}: warmup is {warmup!r}; give the number of bars that the function needs, from 1 on")
    return warmup


def _arguments(function: Signal, **given: object) -> str:
    """The call that makes the class again, without what is the default anyway."""
    defaults = signature(from_signal).parameters
    said = [f"{name}={value!r}" for name, value in given.items() if value != defaults[name].default]
    return f"from_signal({', '.join([function.__name__, *said])})"
