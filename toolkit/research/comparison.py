"""What `tk.compare` found: paired differences with intervals, a table of both, and the page that shows them."""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.measures.bootstrap import Interval, mean_interval, sharpe_difference_interval
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats, period_returns
from toolkit.research.embedding import Pictures, current_cell, notebook, style
from toolkit.research.page_parts import figure_card, number, percent, signed, table_of
from toolkit.research.pictures import comparison_picture
from toolkit.research.result import BacktestResult


class Side(NamedTuple):
    """One of the two, under the name that tables and pictures give it."""

    name: str
    result: BacktestResult


class Comparison:
    """Two backtests over the same sessions; every difference is `a` less `b`.

    `.pnl_difference` (money a session) and `.sharpe_difference` (annual) are intervals; `.agreement`, `.table` and
    `.pnl` the rest. Displaying it shows the page.
    """

    def __init__(self, a: Side, b: Side, *, resamples: int, level: float, seed: int) -> None:
        _refuse_unpaired(a, b)
        self.a, self.b = a, b
        self._resamples, self._level, self._seed = resamples, level, seed

    @cached_property
    def pnl(self) -> pd.DataFrame:
        """PnL of both at the end of each session, from 0 on, and `difference`, in the base currency."""
        points = self.a.result.session_points
        index = pd.DatetimeIndex(pd.to_datetime([point.time for point in points], unit="ns", utc=True), name="time")
        table = pd.DataFrame({side.name: _pnl(side.result) for side in (self.a, self.b)}, index=index)
        table["difference"] = table[self.a.name] - table[self.b.name]
        return table

    @cached_property
    def pnl_difference(self) -> Interval:
        """The mean difference of PnL in one session, in the base currency."""
        differences = np.diff(self.pnl["difference"].to_numpy(dtype=np.float64))
        return mean_interval(differences, resamples=self._resamples, level=self._level, seed=self._seed)

    @cached_property
    def sharpe_difference(self) -> Interval:
        """The difference of the annual Sharpe ratios, sessions drawn in pairs."""
        first, second = (self._returns(side) for side in (self.a, self.b))
        return sharpe_difference_interval(first, second, resamples=self._resamples, level=self._level, seed=self._seed)

    @cached_property
    def correlation(self) -> Figure:
        """Of the two series of returns: the closer to 1, the fewer sessions tell the two apart."""
        first, second = (self._returns(side) for side in (self.a, self.b))
        if len(first) < 2 or not (first.std() and second.std()):
            return unknown("the returns do not vary")
        return Figure(float(np.corrcoef(first, second)[0, 1]))

    @cached_property
    def agreement(self) -> Figure:
        """The share of (session's end, instrument) at which both wanted long, flat or short alike.

        Counted from the first signal of either on; before its own first signal a strategy wants nothing.
        """
        times = pd.DatetimeIndex(self.pnl.index[1:])
        first, second = (_wanted(side.result, times) for side in (self.a, self.b))
        symbols = sorted({*first.columns, *second.columns})
        if not symbols:
            return unknown("neither gave a signal")
        left, right = (table.reindex(columns=symbols) for table in (first, second))
        told = (left.notna() | right.notna()).to_numpy()
        same = (np.sign(left.fillna(0)) == np.sign(right.fillna(0))).to_numpy()
        return Figure(float(same[told].mean())) if told.any() else unknown("no session ended after a signal")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a figure: both, and the difference. Fractions of the capital, money in the base currency."""
        columns = {side.name: _figures(side.result) for side in (self.a, self.b)}
        table = pd.DataFrame(columns)
        table["difference"] = table[self.a.name] - table[self.b.name]
        return table.rename_axis("figure")

    @property
    def verdict(self) -> str:
        """What the intervals allow to say, in a sentence."""
        found, level = self.pnl_difference, f"{self._level:.0%}"
        if not found.is_known:
            return f"No conclusion: {found.reason}."
        if not found.excludes_zero:
            return f"No difference in PnL that these {len(self.pnl) - 1:,} sessions could show at {level}."
        better, worse = (self.a, self.b) if found.value > 0 else (self.b, self.a)
        return f"{better.name} earned more than {worse.name}, beyond chance at {level}."

    def __repr__(self) -> str:
        found = self.pnl_difference
        if not found.is_known:
            return f"{self.a.name} less {self.b.name}: {self.verdict}"
        return (
            f"{self.a.name} less {self.b.name}: {found.value:+,.2f} {self.a.result.currency} a session "
            f"[{found.low:+,.2f} … {found.high:+,.2f}]. {self.verdict}"
        )

    def _repr_html_(self) -> str:
        pictures = Pictures()
        result = self.a.result
        under = (
            f"{result.first_time:%d %b %Y} – {result.last_time:%d %b %Y} · {len(self.pnl) - 1:,} sessions, paired · "
            f"{result.setting.data.label} · stationary bootstrap, {self._resamples:,} resamples"
        )
        picture = pictures.place(comparison_picture(self.pnl, result.currency, result.setting.data.label))
        return (
            f"{style()}{notebook.library(current_cell())}<div class='qd-result'><header><span class='qd-badge'>COMPARE"
            f"</span><h2>{escape(self.a.name)} less {escape(self.b.name)}</h2><div class='qd-under'>{escape(under)}"
            f"</div></header><p>{escape(self.verdict)}</p>{self._cards()}{picture}{self._rows()}</div>"
            f"{pictures.script()}"
        )

    # ---- helpers

    def _returns(self, side: Side) -> Floats:
        return period_returns(self.pnl[side.name].to_numpy(dtype=np.float64), float(side.result.capital))

    def _cards(self) -> str:
        pnl, sharpe = self.pnl_difference, self.sharpe_difference
        costs = self.table.loc[["fees", "slippage"], "difference"].sum()
        turnover, fall = (Figure(float(value)) for value in self.table["difference"].loc[["turnover", "drawdown"]])
        cards = [
            figure_card(f"PnL a session, {self.a.result.currency}", signed(pnl.value), _span(pnl)),
            figure_card("Sharpe, a year", signed(sharpe.value), _span(sharpe)),
            figure_card("Signals agree", percent(self.agreement), self.agreement.reason or _alike(self.correlation)),
            figure_card("Turnover, times a year", signed(turnover.value), f"drawdown {percent(fall, signed_too=True)}"),
            figure_card(f"Costs, {self.a.result.currency}", signed(float(costs)), "fees and slippage"),
        ]
        return f"<div class='qd-cards'>{''.join(cards)}</div>"

    def _rows(self) -> str:
        shown = [
            [str(name), *(number(Figure(float(row[column]))) for column in self.table.columns)]
            for name, row in self.table.iterrows()
        ]
        return table_of(("", *map(str, self.table.columns)), shown, texts=1)


def _refuse_unpaired(a: Side, b: Side) -> None:
    if a.result.currency != b.result.currency:
        raise ConfigError(
            f"{a.name} is in {a.result.currency}, {b.name} in {b.result.currency}; compare in one currency"
        )
    if a.result.capital != b.result.capital:
        raise ConfigError(
            f"{a.name} has a capital of {a.result.capital:,f}, {b.name} one of {b.result.capital:,f}, so their PnL "
            "does not compare; run both with the same capital"
        )
    first, second = ([point.time for point in side.result.session_points] for side in (a, b))
    if first != second:
        raise ConfigError(
            f"{a.name} ran over {len(first) - 1} sessions and {b.name} over {len(second) - 1}, and they are not the "
            "same ones; run both on the same data up to the same step"
        )


def _pnl(result: BacktestResult) -> Floats:
    quantum = float(result.ledger.currencies[result.currency].quantum)
    values = [
        float("nan") if None in point.pnl else sum(part for part in point.pnl if part is not None) * quantum
        for point in result.session_points
    ]
    return np.array(values, dtype=np.float64)


def _wanted(result: BacktestResult, times: pd.DatetimeIndex) -> pd.DataFrame:
    """What the book wanted to hold of each instrument at these times, NaN before its first signal."""
    signals = result.signals
    if signals.empty:
        return pd.DataFrame(index=times)
    by_strategy = signals.pivot_table(index="time", columns=["strategy", "instrument"], values="target", aggfunc="last")
    known = by_strategy.ffill().reindex(times, method="ffill")
    return known.T.groupby(level="instrument").sum(min_count=1).T


def _figures(result: BacktestResult) -> dict[str, float]:
    measured = result.measures
    return {
        "PnL": float(result.pnl),
        "return": measured.total_return.value,
        "Sharpe": measured.sharpe.value,
        "volatility": measured.volatility.value,
        "drawdown": measured.drawdown.depth,
        "turnover": measured.turnover.value,
        "exposure": measured.exposure.value,
        "fees": measured.fees,
        "slippage": measured.slippage_cost,
        "fills": float(len(result.fills)),
        "denials": float(len(result.denials)),
    }


def _span(found: Interval) -> str:
    if not found.is_known:
        return found.reason
    return f"{found.level:.0%} within {signed(found.low)} … {signed(found.high)}; above 0 in {found.above_zero:.0%}"


def _alike(correlation: Figure) -> str:
    return f"returns correlate {number(correlation)}" if correlation.is_known else correlation.reason
