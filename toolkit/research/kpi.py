"""`tk.kpi`: the figures of a record with their intervals, as a table that shows itself; it computes none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.measures import performance, risk, track_record
from toolkit.measures.bootstrap import Interval, period_intervals
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import PERIODS_PER_YEAR, Floats
from toolkit.research.embedding import style
from toolkit.research.outcome import Outcome
from toolkit.research.page_parts import figure_card, number, percent, percent_of, plain, table_of

__all__ = ["Kpi", "kpi"]

COUNT: Final = "#"

Record = Outcome | pd.Series | pd.DataFrame | Floats


class Row(NamedTuple):
    """One figure, its 95 % interval where it has one, and `unit`: "%" for a fraction, COUNT for a whole number."""

    name: str
    figure: Figure
    interval: Interval | None = None
    unit: str = ""


def kpi(record: Record, *, periods: int = PERIODS_PER_YEAR, above: float = 0.0) -> Kpi:
    """The figures of a record: of a backtest's sessions, or of returns (fractions of the capital, one a period).

    `periods` a year; `above` is the annual Sharpe ratio that the record is held against. A DataFrame has a record in
    each column. A record goes from its first known value to its last. What cannot be known is NaN with its reason.
    ConfigError for what is no record, such as prices.
    """
    return Kpi({name: _rows(values, periods, above) for name, values in _records(record)}, periods)


class Kpi:
    """The figures of one or more records. `.frame()` has one row a figure, `.value(name)` is one of them."""

    def __init__(self, records: Mapping[str, tuple[Row, ...]], periods: int) -> None:
        self._records = dict(records)
        self._periods = periods

    def frame(self) -> pd.DataFrame:
        """Rows (record, figure) with `value`, `low`, `high` (the 95 % interval, NaN without one) and `reason`."""
        rows = [
            (name, row.name, row.figure.value, *_ends(row.interval), row.figure.reason)
            for name, of_record in self._records.items()
            for row in of_record
        ]
        table = pd.DataFrame(rows, columns=["record", "figure", "value", "low", "high", "reason"])
        return table.set_index(["record", "figure"])

    def value(self, figure: str, record: str | None = None) -> float:
        """One figure. ConfigError names the known ones."""
        name = record or next(iter(self._records))
        found = {row.name: row.figure.value for row in self._records.get(name, ())}
        if figure not in found:
            raise ConfigError(f"no figure {figure!r} of {name!r}; there are {', '.join(found) or 'no such records'}")
        return found[figure]

    def __repr__(self) -> str:
        return f"Kpi of {', '.join(self._records)}: {sum(map(len, self._records.values()))} figures"

    def _repr_html_(self) -> str:
        parts = [_page(name, rows) for name, rows in self._records.items()]
        return f"{style()}<div class='qd-result'>{''.join(parts)}</div>"


def _records(record: Record) -> Iterator[tuple[str, Floats]]:
    if isinstance(record, Outcome):
        yield record.setting.title, record.session_returns.to_numpy(dtype=float)
    elif isinstance(record, pd.DataFrame):
        for name in record.columns:
            yield str(name), _numbers(_inner(record[name]), str(name))
    elif isinstance(record, pd.Series):
        name = "returns" if record.name is None else str(record.name)
        yield name, _numbers(_inner(record), name)
    else:
        yield "returns", _numbers(record, "returns")


def _inner(column: pd.Series) -> pd.Series:
    """From its first known value to its last: `pct_change` begins with none, a gap inside is one."""
    known = np.flatnonzero(column.notna())
    return column.iloc[known[0] : known[-1] + 1] if len(known) else column.iloc[:0]


def _numbers(values: object, name: str) -> Floats:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"{name}: give returns as numbers, one a period, or what tk.backtest returns") from None
    if found.ndim != 1:
        raise ConfigError(f"{name} has {found.ndim} dimensions; give a series of returns, or a DataFrame of them")
    if performance.looks_like_prices(found):
        raise ConfigError(f"{name}: these are prices, nowhere below 0 and above 1; give returns: prices.pct_change()")
    return found


def _rows(returns: Floats, periods: int, above: float) -> tuple[Row, ...]:
    within = period_intervals(returns, periods=periods)
    fall = performance.max_drawdown(np.concatenate(([1.0], 1 + np.cumsum(returns))))
    depth = Figure(fall.depth) if not fall.reason else unknown(fall.reason)
    return (
        Row("periods", Figure(float(len(returns))), unit=COUNT),
        Row("annual return", performance.annual_return(returns, periods), within["annual_return"], "%"),
        Row("volatility", performance.annual_volatility(returns, periods), within["volatility"], "%"),
        Row("Sharpe ratio", performance.sharpe_ratio(returns, periods), within["sharpe"]),
        Row("Sortino ratio", risk.sortino_ratio(returns, periods)),
        Row("deepest drawdown", depth, within["drawdown"], "%"),
        Row("Calmar ratio", risk.calmar_ratio(returns, periods)),
        Row("value at risk, 95 %", risk.value_at_risk(returns), None, "%"),
        Row("expected shortfall, 95 %", risk.expected_shortfall(returns), None, "%"),
        Row("tail ratio", risk.tail_ratio(returns)),
        Row("omega ratio", risk.omega_ratio(returns)),
        Row("skewness", risk.skewness(returns)),
        Row("kurtosis", risk.kurtosis(returns)),
        Row(f"probability that Sharpe > {above:g}", track_record.psr(returns, above, periods), None, "%"),
        Row(
            "periods until that is 95 %", track_record.minimum_track_record(returns, above, periods=periods), unit=COUNT
        ),
    )


def _page(name: str, rows: tuple[Row, ...]) -> str:
    by_name = {row.name: row for row in rows}
    led = [_card(by_name[each]) for each in ("annual return", "Sharpe ratio", "volatility", "deepest drawdown")]
    led.append(_card(rows[-2]))
    cells = [
        (row.name, _shown(row.figure, row.unit), _between(row.interval, row.unit), row.figure.reason) for row in rows
    ]
    table = table_of(("figure", "value", "95 % interval", "why it is not known"), cells, texts=1, wide=3)
    return (
        f"<header><span class='qd-badge'>KPI</span><h2>{escape(name)}</h2></header>"
        f"<div class='qd-cards'>{''.join(led)}</div>{table}"
    )


def _card(row: Row) -> str:
    note = row.figure.reason or (f"95 %: {_between(row.interval, row.unit)}" if row.interval else "of this record")
    return figure_card(row.name, _shown(row.figure, row.unit), note)


def _shown(figure: Figure, unit: str) -> str:
    if unit == COUNT:
        return f"{figure.value:,.0f}" if figure.is_known else "–"
    return percent(figure) if unit == "%" else number(figure)


def _between(interval: Interval | None, unit: str) -> str:
    if interval is None or not interval.is_known:
        return ""
    shown = percent_of if unit == "%" else plain
    return f"{shown(interval.low)} … {shown(interval.high)}"


def _ends(interval: Interval | None) -> tuple[float, float]:
    return (interval.low, interval.high) if interval is not None else (float("nan"), float("nan"))
