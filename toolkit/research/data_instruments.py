"""Instruments from a table that a person wrote or a vendor sent; no tick is ever guessed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument, Shortable, describe
from toolkit.engine.strategy_parameters import nearest

REQUIRED = ("symbol", "tick", "lot", "currency", "calendar")
OPTIONAL = ("quantum", "venue", "multiplier", "minimum", "maximum", "shortable", "margin", "minimum_value")

Instruments = Instrument | Iterable[Instrument] | pd.DataFrame | str | Path


def instruments(table: pd.DataFrame | str | Path) -> tuple[Instrument, ...]:
    """One instrument a row, from a frame or a CSV file.

    Columns: symbol, tick, lot, currency, calendar (a name of `exchange_calendars` such as XNYS, 24/7, 24/5); if wished
    quantum (the smallest amount of the currency that the books keep, 0.0001), venue ("paper"), multiplier, minimum and
    maximum (lots), shortable (yes, no, locate), margin, minimum_value (the least that an order may be worth, in its
    currency). Write decimals as text where a float would not be exact.
    ConfigError names the row and what is wrong with it.
    """
    place, frame = _loaded(table)
    for name in frame.columns:
        if name not in (*REQUIRED, *OPTIONAL):
            raise ConfigError(f"{place}: there is no column {name!r}{nearest(str(name), (*REQUIRED, *OPTIONAL))}")
    if missing := [name for name in REQUIRED if name not in frame.columns]:
        raise ConfigError(f"{place}: column {', '.join(missing)} is missing; instruments need {', '.join(REQUIRED)}")
    found = tuple(_instrument(row, f"{place} row {number}") for number, row in enumerate(frame.to_dict("records"), 1))
    return _distinct(found, place)


def as_instruments(given: Instruments | None, place: str) -> tuple[Instrument, ...]:
    """Whatever way a person has to name them. ConfigError says how when there are none."""
    if isinstance(given, Instrument):
        return (given,)
    if isinstance(given, pd.DataFrame | str | Path):
        return instruments(given)
    found: tuple[object, ...] = tuple(given or ())
    if not found:
        raise ConfigError(
            f"{place}: no instruments; ticks and lots are never guessed: give instruments=tk.data.instruments(table)"
        )
    return _distinct(tuple(_known(one, place) for one in found), place)


def _known(one: object, place: str) -> Instrument:
    if not isinstance(one, Instrument):
        raise ConfigError(f"{place}: {one!r} is no instrument; make some with tk.data.instruments(table)")
    return one


def _loaded(table: pd.DataFrame | str | Path) -> tuple[str, pd.DataFrame]:
    if isinstance(table, pd.DataFrame):
        return "instruments", table
    path = Path(table)
    if not path.is_file():
        raise ConfigError(f"{path}: no such file of instruments")
    return path.name, pd.read_csv(path, dtype=str)


def _instrument(row: Mapping[Hashable, object], place: str) -> Instrument:
    given = {name: value for name, value in row.items() if not _is_empty(value)}

    def number(name: str, default: str | None = None) -> Decimal:
        text = str(given.get(name, default))
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ConfigError(f"{place}: {name} is {text}; give a number above 0") from None

    def text(name: str, default: str | None = None) -> str:
        if name not in given and default is None:
            raise ConfigError(f"{place}: {name} is empty; fill it in")
        return str(given.get(name, default)).strip()

    shortable = text("shortable", "yes").lower()
    if shortable not in tuple(Shortable):
        raise ConfigError(f"{place}: shortable is {shortable!r}; give one of {', '.join(Shortable)}")
    try:
        return describe(
            symbol=text("symbol"), tick=number("tick"), lot=number("lot"), calendar=text("calendar"),
            venue=text("venue", "paper"), multiplier=number("multiplier", "1"),
            currency=Currency(code=text("currency"), quantum=_positive(number("quantum", "0.0001"), place)),
            minimum=int(number("minimum", "1")), maximum=int(number("maximum")) if "maximum" in given else None,
            shortable=Shortable(shortable), margin=number("margin") if "margin" in given else None,
            minimum_value=number("minimum_value") if "minimum_value" in given else None,
        )  # fmt: skip
    except ConfigError as problem:
        raise ConfigError(str(problem) if str(problem).startswith(place) else f"{place}: {problem}") from problem


def _positive(quantum: Decimal, place: str) -> Decimal:
    if not quantum.is_finite() or quantum <= 0:
        raise ConfigError(f"{place}: quantum is {quantum}; give a number above 0")
    return quantum


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA or value == ""


def _distinct(found: tuple[Instrument, ...], place: str) -> tuple[Instrument, ...]:
    symbols = [one.symbol for one in found]
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise ConfigError(f"{place}: {', '.join(twice)} is there twice; keep one row each")
    return found
