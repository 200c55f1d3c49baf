"""`tk.tca`: what executing decisions cost, order by order and by part, as tables that show themselves."""

from __future__ import annotations

from html import escape
from math import nan
from typing import Final

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.measures.execution_cost import Shortfall, arrival_slippage, fill_ratio, shortfall, time_to_fill
from toolkit.measures.figure import Figure, unknown
from toolkit.measures.performance import Floats
from toolkit.research import result_tables as tables
from toolkit.research.embedding import style
from toolkit.research.outcome import Outcome
from toolkit.research.page_parts import figure_card, number, plain, signed, table_of, tone

__all__ = ["Tca", "tca"]

COLUMNS: Final = ("side", "wanted", "filled", "paid", "fee", "decided", "sent", "ended")
PARTS: Final = ("delay", "spread_impact", "fees", "missed")


def tca(orders: Outcome | pd.DataFrame) -> Tca:
    """Transaction cost analysis of a backtest, or of a table with one row an order that reached a venue.

    Columns of a table: `side` (1 or −1), `wanted` and `filled` (quantity, times the multiplier), `paid` (mean price of
    what filled), `fee` (money), and the middle when it was `decided`, `sent` and `ended`; also, where known,
    `instrument`, `strategy`, and `seconds` until it filled or ended. ConfigError names a column that is missing.
    """
    table = _of_backtest(orders) if isinstance(orders, Outcome) else orders
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ConfigError(f"the table of orders has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
    return Tca(table)


class Tca:
    """Costs by order (`.orders`), by group (`.by("instrument")`) and in all (`.summary`); above 0 is a cost."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.orders = table.copy()
        parts = _shortfall(table)
        for name, values in zip(PARTS, parts, strict=True):
            self.orders[name] = values
        self.orders["total"] = parts.total
        self.orders["value"] = table["wanted"] * table["decided"]
        self.orders["basis_points"] = parts.basis_points(self.orders["value"].to_numpy(dtype=float))

    @property
    def summary(self) -> pd.Series:
        """Each part in money and bp of what was decided, fill ratios, slippage from decision and from send.

        Sums are of the orders whose cost is known in all of its parts; `not_known` counts the others.
        """
        return self._sums(self.orders)

    def by(self, column: str) -> pd.DataFrame:
        """The same for each value of a column, such as `instrument`, `strategy` or `side`."""
        if column not in self.orders.columns:
            raise ConfigError(f"no column {column!r}; there are {', '.join(map(str, self.orders.columns))}")
        groups = {name: self._sums(rows) for name, rows in self.orders.groupby(column, sort=True)}
        return pd.DataFrame(groups).T.rename_axis(column)

    def _sums(self, rows: pd.DataFrame) -> pd.Series:
        known = rows[rows["total"].notna()]
        value = float(known["value"].sum())
        ratio = fill_ratio(_column(rows, "wanted"), _column(rows, "filled"))
        some = rows[rows["filled"] > 0]
        waited = self._waited(rows)
        found: dict[str, float] = {
            "orders": float(len(rows)),
            "not_known": float(len(rows) - len(known)),
            "value": value,
        }
        for name in (*PARTS, "total"):
            found[name] = float(known[name].sum())
            found[f"{name}_bp"] = found[name] / value * 1e4 if value else float("nan")
        weights = _column(some, "filled") * _column(some, "decided")
        for name in ("decided", "sent"):
            slipped = arrival_slippage(_column(some, "side"), _column(some, "paid"), _column(some, name))
            seen = np.isfinite(slipped) & np.isfinite(weights)
            total = float(weights[seen].sum())
            found[f"slippage_from_{name}_bp"] = float(slipped[seen] @ weights[seen]) / total if total else float("nan")
        found["filled_orders"] = ratio.by_order.value
        found["filled_quantity"] = ratio.by_quantity.value
        found["median_seconds_to_fill"] = waited.value
        return pd.Series(found)

    def _waited(self, rows: pd.DataFrame) -> Figure:
        if "seconds" not in rows.columns:
            return unknown("the table has no column seconds")
        known = rows[rows["seconds"].notna()]
        return time_to_fill(_column(known, "seconds"), (known["filled"] >= known["wanted"]).to_numpy(dtype=bool))

    def __repr__(self) -> str:
        found = self.summary
        said = f"{found['total']:+,.2f} ({found['total_bp']:.2f} bp of what was decided)"
        return f"Tca of {len(self.orders):,} orders: {said}"

    def _repr_html_(self) -> str:
        head = f"<header><span class='qd-badge'>TCA</span><h2>{len(self.orders):,} orders</h2></header>"
        return (
            f"{style()}<div class='qd-result'>{head}<div class='qd-cards'>{self._cards()}</div>{self._groups()}</div>"
        )

    def _cards(self) -> str:
        found, waited = self.summary, self._waited(self.orders)

        def card(name: str, part: str, note: str) -> str:
            return figure_card(name, signed(found[part]), f"{plain(found[f'{part}_bp'])} bp {note}", tone(-found[part]))

        unknown_ones = (
            f", {found['not_known']:,.0f} of {len(self.orders):,} orders not known" if found["not_known"] else ""
        )
        filled = f"on {100 * (1 - found['filled_quantity']):.1f} % of the quantity"
        cards = [
            card("Shortfall", "total", f"of {found['value']:,.0f} decided{unknown_ones}"),
            card("Spread and impact", "spread_impact", "against the middle that was met"),
            card("Delay", "delay", "between decision and market"),
            card("Missed", "missed", filled),
            figure_card("Half filled after", number(waited, " s"), waited.reason or "unfilled orders count as not yet"),
        ]
        return "".join(cards)

    def _groups(self) -> str:
        column = next((name for name in ("instrument", "strategy") if name in self.orders.columns), None)
        if column is None:
            return ""
        shown = ("value", *PARTS, "total", "total_bp", "filled_quantity")
        rows = [
            (escape(str(name)), f"{row['orders']:,.0f}", *(plain(float(row[each])) for each in shown))
            for name, row in self.by(column).iterrows()
        ]
        return table_of((column, "orders", *(name.replace("_", " ") for name in shown)), rows, texts=1)


def _shortfall(table: pd.DataFrame) -> Shortfall:
    return shortfall(*(_column(table, name) for name in COLUMNS))


def _column(table: pd.DataFrame, name: str) -> Floats:
    found: Floats = table[name].to_numpy(dtype=np.float64)
    return found


def _of_backtest(result: Outcome) -> pd.DataFrame:
    """Orders that reached the venue, in the base currency. A backtest has no line to its venue: the market that an
    order met is the middle at its fills, so delay is what the middle did until then."""
    rows = []
    for course in result.courses:
        order, lots = course.order, course.filled
        instrument = result.ledger.instruments.require(order.instrument)
        worth = tables.base_money(instrument.tick_value, instrument.currency, result.ledger)
        met = sum(abs(fill.quantity) for fill in course.fills if fill.middle)
        sent = sum(abs(fill.quantity) * fill.middle for fill in course.fills) / met if met else course.arrival
        paid = sum(abs(fill.quantity) * fill.price for fill in course.fills)
        rows.append((
            order.chain[0], order.strategy, order.instrument, float(int(order.side)),
            (order.quantity * worth), lots * worth, paid / lots if lots else nan,
            sum(tables.fee_worth(fill, result.ledger) for fill in course.fills),
            _middle(course.arrival), _middle(sent), _middle(course.ended_middle),
            (course.ended - int(order.created)) / NANOSECONDS,
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=["order_id", "strategy", "instrument", *COLUMNS, "seconds"])


def _middle(twice: float) -> float:
    """In ticks, as quantities here are money a tick."""
    return twice / 2 if twice else nan
