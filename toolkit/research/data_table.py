"""A table of market data by the names that this library uses; what its numbers are worth is judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.domain.errors import ConfigError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bars": ("open", "high", "low", "close", "volume"),
    "quotes": ("bid", "ask", "bid_size", "ask_size"),
    "trades": ("price", "size"),
}
PRICES: Final = frozenset({"open", "high", "low", "close", "bid", "ask", "price"})
OPTIONAL: Final = frozenset({"volume", "bid_size", "ask_size", "size"})
_ALIASES: Final[Mapping[str, str]] = {
    "timestamp": "time", "date": "time", "datetime": "time", "symbol": "instrument", "ticker": "instrument",
    "vol": "volume", "bidsize": "bid_size", "asksize": "ask_size", "quantity": "size", "qty": "size", "amount": "size",
}  # fmt: skip


# From 3.1 on pandas reads every decimal as the float nearest to it; before, only when asked.
_EXACTLY: Final[Mapping[str, Any]] = (
    {"float_precision": "round_trip"} if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1) else {}
)


def read_csv(source: Any, **options: Any) -> pd.DataFrame:
    """A table from CSV whose floats are exactly the nearest to what is written."""
    table: pd.DataFrame = pd.read_csv(source, **_EXACTLY, **options)
    return table


class RawTable(NamedTuple):
    """Rows as a source has them: column `instrument`, the fields of `kind` as floats, times in ns UTC.

    `time_faults` are rows whose time does not exist, and why. `name` and `lines` say where a row stands. With `dates`
    the times are those of bare dates, which name sessions. By row, 0 where it is not so: `lost` is when the order book
    behind a quote was lost, `heard` when a bar came; `may_change` is 1 for a bar that may not have been finished.
    """

    kind: str
    frame: pd.DataFrame
    times: Integers
    time_faults: Mapping[str, Flags]
    name: str
    lines: Integers
    dates: bool = False
    lost: Integers | None = None
    heard: Integers | None = None
    may_change: Integers | None = None


def by_our_names(frame: pd.DataFrame, columns: Mapping[str, str] | None, place: str) -> pd.DataFrame:
    """The table with our column names: given ones first, then those that everybody uses, in any case."""
    given = dict(columns or {})
    if unknown := [name for name in given if name not in frame.columns]:
        raise ConfigError(f"{place}: columns names {', '.join(unknown)}; the table has {_listed(frame)}")
    names = [given.get(str(name)) or _ours(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{place}: two columns mean {', '.join(twice)}; say which with columns={{'theirs': 'ours'}}")
    renamed = frame.set_axis(names, axis=1)
    if "time" in renamed or not isinstance(frame.index, pd.DatetimeIndex):
        return renamed
    return renamed.assign(time=frame.index)


def kind_of(frame: pd.DataFrame, kind: str | None, place: str) -> str:
    """What the rows are, by their columns when nobody said; ConfigError names the missing columns."""
    if kind is not None and kind not in FIELDS:
        raise ConfigError(f"{place}: kind is {kind!r}; give 'bars', 'quotes' or 'trades'")
    kinds = FIELDS if kind is None else {kind: FIELDS[kind]}
    for name, fields in kinds.items():
        missing = [one for one in (*fields, "time") if one not in frame.columns and one not in OPTIONAL]
        if not missing:
            return name
        if kind is not None:
            raise ConfigError(f"{place}: no column {', '.join(missing)}; it has {_listed(frame)}; {_RENAME}")
    raise ConfigError(
        f"{place}: neither bars (time, open, high, low, close), quotes (time, bid, ask) nor trades (time, price); "
        f"it has {_listed(frame)}; {_RENAME}"
    )


def fields_of(frame: pd.DataFrame, kind: str, symbol: str | None, place: str) -> pd.DataFrame:
    """Instrument and the fields of `kind` as floats; what is no number becomes NaN, which is told later."""
    if "instrument" in frame.columns:
        symbols: Any = frame["instrument"].astype(str).to_numpy()
    elif symbol is not None:
        symbols = symbol
    else:
        raise ConfigError(f"{place}: no column `instrument`, and there are several; add one, or give one instrument")
    columns: dict[str, Any] = {"instrument": symbols}
    for name in FIELDS[kind]:
        if name in frame.columns:
            columns[name] = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame(columns, index=range(len(frame)))


_RENAME: Final = "rename with columns={'theirs': 'ours'}"


def _ours(name: object) -> str:
    plain = str(name).strip().lower().replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns)) or "no columns"
