"""What came out of a backtest as exact money, tables and figures; how it looks on a page is for others."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import from_quanta
from toolkit.measures import performance, trading
from toolkit.measures.bootstrap import Interval, period_intervals
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Drawdown
from toolkit.research import result_tables as tables
from toolkit.research.order_courses import OrderCourse, order_courses
from toolkit.research.recording import CurvePoint, Recording
from toolkit.research.result_costs import costs_table
from toolkit.research.setting import Setting


class Measured(NamedTuple):
    """The figures of a backtest. Fractions of the capital where it says return, volatility, drawdown or exposure.

    `turnover` is times a year, one way; `slippage` in basis points of the value traded, against the middle of the quote
    that each order was decided on (spread, impact and latency; negative is a gain); `fees` (at the rates
    of their fills) and `slippage_cost` in the base currency.
    """

    total_return: Figure
    annual_return: Figure
    volatility: Figure
    sharpe: Figure
    sharpe_error: Figure
    drawdown: Drawdown
    drawdown_dates: tuple[pd.Timestamp, pd.Timestamp, pd.Timestamp | None] | None
    hit_rate: Figure
    turnover: Figure
    exposure: Figure
    slippage: Figure
    slippage_cost: float
    fees: float
    traded: float
    sessions: int


class Outcome:
    """What came out. Money is exact in `pnl` and `ledger`; tables and measures are floats."""

    def __init__(self, setting: Setting, recording: Recording, ledger: Ledger, seconds: float) -> None:
        self.setting = setting
        self.ledger = ledger
        self.steps = recording.steps
        self.seconds = seconds
        self.strategies = recording.names
        self._recording = recording
        self._quantum = ledger.currencies[ledger.base_currency].quantum

    # ---- money, exact

    @property
    def currency(self) -> str:
        """The base currency."""
        return self.ledger.base_currency

    @property
    def capital(self) -> Decimal:
        """All strategies' capital in the base currency."""
        return sum((one.capital for one in self.setting.strategies), Decimal(0))

    @property
    def pnl(self) -> Decimal:
        """Profit or loss of the book, fees included, at the last marks, in the base currency. Exact.

        ConfigError when a price or a rate that it needs was never marked.
        """
        return sum((self.pnl_of(name) for name in self.strategies), Decimal(0))

    def pnl_of(self, strategy: str) -> Decimal:
        """The same of one strategy's sub-account."""
        self._check_strategy(strategy)
        quanta = self.ledger.pnl(strategy)
        if quanta is None:
            raise ConfigError(f"{strategy}: a price or a rate that its PnL needs was never marked; look at .positions")
        return from_quanta(quanta, self._quantum)

    @property
    def digest(self) -> str:
        """SHA-256 of the books: two runs with the same digest ended in the very same books."""
        return self.ledger.digest()

    # ---- tables

    @cached_property
    def equity(self) -> pd.DataFrame:
        """Capital plus PnL of each strategy and of all (`total`) in the base currency, at every mark."""
        capital = {one.name: float(one.capital) for one in self.setting.strategies}
        return tables.equity_table(self._recording.curve, self.strategies, capital, float(self._quantum))

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row a trade; `order_id` is that of `.orders`."""
        return tables.fills_table(self.booked, self.ledger)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order, denied ones too, with its last status."""
        return tables.orders_table(self._recording.orders.values(), self._recording.facts, self.ledger)

    @cached_property
    def positions(self) -> pd.DataFrame:
        """The account's position after every trade, instruments as columns, in quantity."""
        return self.positions_by_strategy.T.groupby(level="instrument", sort=False).sum().T

    @cached_property
    def positions_by_strategy(self) -> pd.DataFrame:
        """The same with columns (strategy, instrument)."""
        start = self._recording.curve[0].time if self._recording.curve else 0
        symbols = [one.symbol for one in self.setting.data.instruments]
        return tables.positions_table(self.booked, start, symbols, self.ledger)

    @cached_property
    def denials(self) -> pd.DataFrame:
        """What our own controls refused: control, observed, limit, where that stands, what would pass."""
        return tables.denials_table(self._recording.facts, self.ledger)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Round trips, first in, first out, by the time they closed. For display: the books keep cost at average."""
        return tables.trades_table(self.booked, self.ledger)

    @cached_property
    def signals(self) -> pd.DataFrame:
        """What each strategy wanted to hold and why."""
        return tables.signals_table(self._recording.facts, self.ledger)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every event of the journal that a desk would have written."""
        return tables.events_table(self._recording.facts)

    @cached_property
    def booked(self) -> list[tables.BookedFill]:
        """Every trade in exact units (ticks, lots, quanta)."""
        return tables.booked_fills(self._recording.facts)

    @cached_property
    def costs(self) -> pd.DataFrame:
        """What trading cost by instrument, and `all`: traded, fees, spread, delay, impact, fee_drift, total, …"""
        return costs_table(self.booked, self.ledger)

    @cached_property
    def exposure(self) -> pd.DataFrame:
        """`gross` (Σ|position|) and `net` (Σ position) in the base currency: at each fill and end of a session."""
        known = [(point.time, *point.held) for point in self._recording.curve if point.held is not None]
        table = pd.DataFrame(known, columns=["time", "gross", "net"])
        index = pd.DatetimeIndex(pd.to_datetime(table.pop("time"), unit="ns", utc=True), name="time")
        return table.set_axis(index, axis=0).astype("float64") * float(self._quantum)

    @cached_property
    def breakdown(self) -> pd.DataFrame:
        """One row a strategy: capital, PnL, return, Sharpe, drawdown, orders, fills, denials, fees."""
        rows = [self._row_of(name, capital) for name, capital in self._capitals().items()]
        return pd.DataFrame(rows).set_index("strategy")

    # ---- figures

    @cached_property
    def measures(self) -> Measured:
        """The figures of the whole book."""
        return self.measures_of(None)

    def measures_of(self, strategy: str | None) -> Measured:
        """The figures of one strategy, or of the book. Those that cannot be known are NaN with a reason."""
        if strategy is not None:
            self._check_strategy(strategy)
        names = self.strategies if strategy is None else (strategy,)
        capital = sum(self._capitals()[name] for name in names)
        points = self.session_points
        pnl = np.array([self._pnl_at(point, names) for point in points], dtype=np.float64)
        returns = performance.period_returns(pnl, capital)
        fall = performance.max_drawdown(pnl + capital)
        fills = [fill for fill in self.booked if fill.strategy in names]
        traded, slipped = self._traded(fills), self._slipped(fills)
        trades = self.trades[self.trades["strategy"].isin(names)]
        return Measured(
            total_return=performance.total_return(float(pnl[-1]) if len(pnl) else 0.0, capital),
            annual_return=performance.annual_return(returns),
            volatility=performance.annual_volatility(returns),
            sharpe=performance.sharpe_ratio(returns),
            sharpe_error=performance.sharpe_standard_error(returns),
            drawdown=fall,
            drawdown_dates=_dates(fall, points),
            hit_rate=trading.hit_rate(trades["pnl"].tolist()),
            turnover=trading.annual_turnover(traded, capital, len(returns)),
            exposure=self._exposure(capital) if strategy is None else unknown("kept for the book only"),
            slippage=trading.slippage_basis_points(slipped, traded),
            slippage_cost=slipped,
            fees=sum((tables.fee_worth(fill, self.ledger) for fill in fills), 0.0),
            traded=traded,
            sessions=len(returns),
        )

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of annual_return, volatility, sharpe, drawdown and hit_rate of the whole book."""
        pnl = np.array([self._pnl_at(point, self.strategies) for point in self.session_points], dtype=np.float64)
        found = period_intervals(performance.period_returns(pnl, float(self.capital)))
        return found | {"hit_rate": trading.hit_rate_interval(self.trades["pnl"].tolist())}

    @cached_property
    def session_returns(self) -> pd.Series:
        """The book's return of each session (of each UTC day where a feed has none), as fractions of all capital."""
        points = self.session_points
        pnl = np.array([self._pnl_at(point, self.strategies) for point in points], dtype=np.float64)
        returns = performance.period_returns(pnl, float(self.capital))
        times = pd.to_datetime([point.time for point in points[1:]], utc=True)
        return pd.Series(returns, index=times, name=self.setting.title)

    @cached_property
    def courses(self) -> list[OrderCourse]:
        """Each order that reached the venue: what it was decided on, its fills, and the market at its end."""
        recording = self._recording
        return order_courses(
            recording.orders, recording.facts, self.booked, recording.last_time, recording.last_middles
        )

    @cached_property
    def session_points(self) -> list[CurvePoint]:
        """The start and the books at the end of each session (of each UTC day where a feed has no sessions)."""
        curve = self._recording.curve
        if any(point.ends_session for point in curve):
            points = [*curve[:1], *(point for point in curve if point.ends_session)]
            return points if curve[-1].ends_session else [*points, curve[-1]]
        last_of_day = {point.time // 86_400_000_000_000: point for point in curve[1:]}
        return [*curve[:1], *last_of_day.values()]

    @property
    def first_time(self) -> pd.Timestamp:
        """When trading could begin, in UTC."""
        return pd.Timestamp(self._recording.curve[0].time, unit="ns", tz="UTC")

    @property
    def last_time(self) -> pd.Timestamp:
        """The time of the last step, in UTC."""
        return pd.Timestamp(self._recording.last_time, unit="ns", tz="UTC")

    # ---- helpers

    def _capitals(self) -> dict[str, float]:
        return {one.name: float(one.capital) for one in self.setting.strategies}

    def _pnl_at(self, point: CurvePoint, names: tuple[str, ...]) -> float:
        parts = [part for name, part in zip(self.strategies, point.pnl, strict=True) if name in names]
        known = [part for part in parts if part is not None]
        return float(sum(known) * self._quantum) if len(known) == len(parts) else float("nan")

    def _traded(self, fills: list[tables.BookedFill]) -> float:
        """Value of all fills, both sides."""
        total = 0.0
        for fill in fills:
            instrument = self.ledger.instruments.require(fill.instrument)
            quanta = instrument.value(fill.price, abs(fill.quantity))
            total += tables.base_money(quanta, instrument.currency, self.ledger)
        return total

    def _slipped(self, fills: list[tables.BookedFill]) -> float:
        """`Σ quantity · (price − mid at the decision)`: what trading cost against the prices decided on."""
        total = 0.0
        for fill in fills:
            if fill.arrival:
                instrument = self.ledger.instruments.require(fill.instrument)
                quanta = fill.quantity * (2 * fill.price - fill.arrival) * instrument.tick_value
                total += tables.base_money(quanta, instrument.currency, self.ledger) / 2
        return total

    def _exposure(self, capital: float) -> Figure:
        points = self.session_points[1:]
        ends = [point for point in points if point.ends_session] or points
        known = [float(point.held.gross * self._quantum) for point in ends if point.held is not None]
        if len(known) < len(ends):
            return unknown("a mark is missing")
        return trading.mean_exposure(np.array(known, dtype=np.float64), capital)

    def _row_of(self, name: str, capital: float) -> dict[str, object]:
        measured = self.measures_of(name)
        orders, denials = self.orders, self.denials
        return {
            "strategy": name,
            "capital": capital,
            "pnl": float(self.pnl_of(name)),
            "return": measured.total_return.value,
            "sharpe": measured.sharpe.value,
            "drawdown": measured.drawdown.depth,
            "orders": int(((orders["strategy"] == name) & (orders["status"] != "DENIED")).sum()),
            "fills": int((self.fills["strategy"] == name).sum()),
            "denials": int((denials["strategy"] == name).sum()),
            "fees": measured.fees,
        }

    def _check_strategy(self, name: str) -> None:
        if name not in self.strategies:
            raise ConfigError(f"no strategy {name!r} in this backtest; it ran {', '.join(self.strategies)}")


def _dates(fall: Drawdown, points: list[CurvePoint]) -> tuple[pd.Timestamp, pd.Timestamp, pd.Timestamp | None] | None:
    if fall.reason or not points:
        return None

    def date(place: int) -> pd.Timestamp:
        return pd.Timestamp(points[place].time, unit="ns", tz="UTC")

    return date(fall.peak), date(fall.trough), None if fall.recovered is None else date(fall.recovered)
